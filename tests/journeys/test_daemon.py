"""What the daemon promises: it goes on by itself, whatever happens around it, and says so once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import structlog

from connector import settings
from connector.daemon.cycle import Rhythm
from connector.daemon.figures import figures, problems
from connector.daemon.ground import PORTAL_SECONDS, Ground
from connector.daemon.loop import Loop
from connector.daemon.steps import Steps
from connector.daemon.stop import Stop
from connector.errors import UserError
from connector.hubspot.faults import TokenRefused
from connector.opening import Clockwork
from connector.pausing import pause, resume
from connector.sandbox.deliveries import Manner
from connector.sandbox.faults import Fault
from connector.settings import Settings
from state.store import Store
from tests.journeys import cast, killing
from tests.journeys.bench import TOKEN, Bench, new_portal
from tests.journeys.living import SECRET, daemon, until

SQL, OPPORTUNITY = "salesqualifiedlead", "opportunity"
POLL = 60.0


@dataclass
class Running:
    """A daemon turn by turn, on a bench whose clock moves when something waits."""

    bench: Bench
    loop: Loop
    logs: list[Any] = field(default_factory=list)

    def turn(self, seconds: float = POLL) -> None:
        """Let time pass, and the daemon go through one cycle."""
        self.bench.portal.clock.advance(seconds)
        self.loop.turn()

    def troubles(self) -> set[str]:
        return {one.step for one in self.loop.steps.troubles()}

    def problems(self) -> list[str]:
        return problems(self.loop.ground, self.loop.steps, self.loop.rhythm)

    def told(self, event: str) -> list[str]:
        return [one.get("step", "") for one in self.logs if one["event"] == event]


class FullDisk(Store):
    """A store on a disk that is nearly full."""

    def free_bytes(self) -> int:
        return 10 * 2**20


@contextmanager
def running(bench: Bench, kind: type[Store] = Store, **more: str) -> Iterator[Running]:
    """Open the daemon's ground, as its first turn does."""
    bench.more = {"CONNECTOR_WRITES": "apply", "CONNECTOR_RECHECK_SECONDS": "2", **more}

    def monotonic() -> float:
        return bench.portal.clock.ms() / 1000

    def read() -> Settings:
        return settings.read(bench.environment, folder=bench.folder)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))
    work = Clockwork(wait=bench.portal.clock.advance, monotonic=monotonic)
    with (
        kind.open(bench.environment["CONNECTOR_DATABASE_URL"], patience=0.1) as store,
        structlog.testing.capture_logs() as logs,
        closing(Ground(read, work, store=store)) as ground,
    ):
        rhythm = Rhythm(poll_seconds=POLL)
        loop = Loop(ground=ground, steps=Steps(monotonic), stop=Stop(monotonic), rhythm=rhythm)
        yield Running(bench, loop, logs)


@pytest.fixture
def anna(bench: Bench) -> str:
    """Return a contact who is to become an opportunity."""
    made = cast.contact(bench.portal, "anna", "lead")
    cast.deal(bench.portal, [cast.OPEN], contacts=[made])
    return made


def stage(bench: Bench, contact: str) -> str:
    return bench.value(f"contacts/{contact}.lifecyclestage")


def test_a_cycle_corrects_and_the_next_one_has_nothing_to_do(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        assert work.problems() == ["portal: not opened yet"]
        assert work.loop.open()
        assert work.problems() == ["poll: the first one has not ended yet"]
        work.turn()
        writes = len(bench.box.writes())
        work.turn()
        assert work.problems() == []
        found = figures(work.loop.ground)
    assert stage(bench, anna) == OPPORTUNITY
    assert len(bench.box.writes()) == writes
    assert (found.due, found.open_moves) == (0, 0)
    assert found.lag is not None
    assert found.lag < 5


def test_the_old_audit_leaves_for_a_file_by_the_terms_that_are_set(bench: Bench, anna: str) -> None:
    folder = bench.folder / "archive"
    terms = {"CONNECTOR_KEEP_AUDIT_DAYS": "7", "CONNECTOR_ARCHIVE_FOLDER": str(folder)}
    with running(bench, **terms) as work:
        work.loop.open()
        work.turn()
        work.turn(3600)
        assert not folder.exists()
        work.turn(9 * 86_400)
        assert work.troubles() == set()
        assert len(list(folder.iterdir())) == 1
        assert work.told("audit.cut") == [""]
    assert bench.audited() == []


def test_review_writes_nothing_and_says_once_what_it_would(bench: Bench, anna: str) -> None:
    with running(bench, CONNECTOR_WRITES="review") as work:
        work.loop.open()
        for _ in range(3):
            work.turn(3600)
        assert bench.box.writes() == []
        assert len(work.told("plan.made")) == 1
        bench.more = {**bench.more, "CONNECTOR_WRITES": "apply"}
        work.turn(3600)
    assert stage(bench, anna) == OPPORTUNITY


def test_a_changed_policy_counts_with_the_next_cycle(bench: Bench, anna: str) -> None:
    policy = bench.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {stages: [customer]}\n")
    with running(bench, CONNECTOR_POLICY=str(policy)) as work:
        work.loop.open()
        work.turn()
        assert stage(bench, anna) == "lead"
        policy.write_text("extends: standard\nname: mine\n")
        work.turn(1)
    assert stage(bench, anna) == OPPORTUNITY


def test_a_bad_policy_leaves_the_last_good_one_and_is_told_once(bench: Bench, anna: str) -> None:
    policy = bench.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\n")
    with running(bench, CONNECTOR_POLICY=str(policy)) as work:
        work.loop.open()
        policy.write_text("extends: standard\nname: mine\nsettings: {stagez: []}\n")
        for _ in range(3):
            work.turn()
        assert stage(bench, anna) == OPPORTUNITY
        assert "stages" in work.problems()[0]
        assert work.told("step.failing") == ["policy"]
        policy.write_text("extends: standard\nname: mine\n")
        work.turn()
        assert work.told("step.recovered") == ["policy"]
        assert work.problems() == []


def test_at_the_start_another_portals_token_ends_the_daemon(bench: Bench) -> None:
    with running(bench, HUBSPOT_PORTAL_ID="1") as work, pytest.raises(UserError, match="portal 1"):
        work.loop.open()
    assert {one.route for one in bench.box.requests} == {"account"}


def test_later_another_portals_token_asks_nothing_more_and_alarms(bench: Bench, anna: str) -> None:
    token, ours = bench.folder / "token", bench.portal.portal_id
    token.write_text(TOKEN)
    more = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with running(bench, HUBSPOT_PORTAL_ID="", **more) as work:
        work.loop.open()
        token.write_text("pat-eu1-of-another-portal")
        bench.box.reception.tokens = {"pat-eu1-of-another-portal"}
        bench.portal.portal_id = 1
        bench.box.forget()
        for _ in range(2):
            work.turn()
        assert {one.route for one in bench.box.requests} == {"account"}
        assert "belongs to portal 1" in work.problems()[0]
        bench.portal.portal_id = ours
        work.turn()
        assert work.problems() == []
    assert stage(bench, anna) == OPPORTUNITY


def test_a_new_token_is_asked_whose_it_is_before_anything_else(bench: Bench) -> None:
    token = bench.folder / "token"
    token.write_text(TOKEN)
    more = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with running(bench, **more) as work:
        work.loop.open()
        work.turn()
        bench.box.forget()
        work.turn()
        assert bench.box.count("account") == 0
        token.write_text("pat-eu1-rotated")
        bench.box.reception.tokens.add("pat-eu1-rotated")
        work.turn()
        assert [one.route for one in bench.box.requests[-9:]].count("account") == 1
        bench.box.forget()
        work.turn()
    assert bench.box.count("account") == 0


def test_a_revoked_token_is_told_once_and_a_new_one_goes_on(bench: Bench, anna: str) -> None:
    token = bench.folder / "token"
    token.write_text(TOKEN)
    more = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with running(bench, **more) as work:
        work.loop.open()
        bench.box.reception.tokens.clear()
        for _ in range(3):
            work.turn()
        assert work.told("step.failing") == ["poll"]
        assert isinstance(work.loop.steps.troubles()[0].error, TokenRefused)
        assert work.problems()
        token.write_text("pat-eu1-renewed")
        bench.box.reception.tokens.add("pat-eu1-renewed")
        work.turn()
        assert work.told("step.recovered") == ["poll"]
    assert stage(bench, anna) == OPPORTUNITY


def test_hubspot_away_for_a_day_is_told_once_and_made_up_for(bench: Bench) -> None:
    with running(bench) as work:
        work.loop.open()
        work.turn()
        bench.box.faults.random(rate=1.0, kinds=["503"], seed=1)
        anna = cast.contact(bench.portal, "anna", "lead", days=0)
        cast.fill_in(bench.portal, anna, cast.DEMO)
        for _ in range(5):
            work.turn(6 * 3600)
        assert set(work.told("step.failing")) == {"poll", "portal"}
        assert len(work.told("step.failing")) == 2
        assert any("too long" in one for one in work.problems())
        bench.box.faults.clear()
        work.turn()
        assert work.problems() == []
    assert stage(bench, anna) == SQL


def test_writes_that_hubspot_does_not_take_for_a_while_follow_with_the_next_poll(
    bench: Bench, anna: str
) -> None:
    with running(bench) as work:
        work.loop.open()
        bench.box.faults.add(Fault(kind="423", route="batch_update", times=0))
        work.turn()
        assert work.troubles() & {"apply", "recover"}
        bench.box.faults.clear()
        work.turn(POLL + 1)
        assert work.troubles() == set()
    assert stage(bench, anna) == OPPORTUNITY


def test_a_jump_of_the_clock_changes_nothing(bench: Bench) -> None:
    with running(bench) as work:
        work.loop.open()
        work.turn()
        for jump in (86_400.0, -7_200.0, 7_200.0):
            bench.portal.clock.advance(jump)
            work.turn()
        anna = cast.contact(bench.portal, "anna", "lead", days=0)
        cast.fill_in(bench.portal, anna, cast.DEMO)
        work.turn()
        assert work.troubles() == set()
    assert stage(bench, anna) == SQL


def test_a_locked_database_is_waited_for(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        work.loop.open()
        with closing(sqlite3.connect(bench.folder / "connector.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            work.turn()
            assert bench.box.writes() == []
            assert work.problems()
        work.turn()
        assert work.problems() == []
    assert stage(bench, anna) == OPPORTUNITY


def test_a_disk_that_is_nearly_full_leaves_hubspot_alone_and_goes_on_reading(
    bench: Bench, anna: str
) -> None:
    with running(bench, kind=FullDisk) as work:
        work.loop.open()
        work.turn()
        assert work.troubles() == {"apply"}
        assert "MiB left" in work.problems()[0]
        assert work.loop.rhythm.polled is not None
    assert bench.box.writes() == []


def test_a_pause_is_told_once_and_obeyed(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        work.loop.open()
        pause(work.loop.ground.store, work.loop.ground.portal_id, at=cast_now(bench), reason="")
        for _ in range(3):
            work.turn(3600)
        assert (work.told("step.failing"), bench.box.writes()) == (["apply"], [])
        assert work.problems() == []
        resume(work.loop.ground.store, work.loop.ground.portal_id)
        work.turn(3600)
    assert stage(bench, anna) == OPPORTUNITY


def cast_now(bench: Bench) -> Any:
    return bench.portal.clock.now()


def test_an_operator_with_the_lock_goes_first(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        work.loop.open()
        with (
            bench.store() as store,
            store.writer_lock(str(bench.portal.portal_id), who="connector undo"),
        ):
            work.turn()
            assert stage(bench, anna) == "lead"
            assert work.told("cycle.postponed")
        work.turn()
    assert stage(bench, anna) == OPPORTUNITY


def test_hubspot_away_at_the_start_is_waited_for(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        bench.box.faults.random(rate=1.0, kinds=["503"], seed=1)
        assert not work.loop.open()
        assert work.problems()[0].startswith("portal:")
        assert figures(work.loop.ground).lag is None
        bench.box.faults.clear()
        assert work.loop.open()
        work.turn()
        assert work.problems() == []
    assert stage(bench, anna) == OPPORTUNITY


def test_an_oauth_app_works_through_its_tokens_and_says_what_is_not_kept_once(
    bench: Bench, anna: str
) -> None:
    app = {"HUBSPOT_CLIENT_ID": "app", "HUBSPOT_CLIENT_SECRET": "secret"}
    more = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_REFRESH_TOKEN": "refresh-0", **app}
    with running(bench, **more) as work:
        bench.box.faults.random(rate=1.0, kinds=["503"], seed=1)
        assert not work.loop.open()
        bench.box.faults.clear()
        assert work.loop.open()
        work.turn()
        assert work.problems() == []
        assert len(work.told("token.not_kept")) == 1
        bench.box.reception.oauth.ends.clear()  # as if HubSpot had taken the token back
        work.turn()
        assert work.problems() == []
    assert bench.box.reception.oauth.given == 2
    assert stage(bench, anna) == OPPORTUNITY


def test_the_loop_ends_when_told_to_and_corrects_until_then(bench: Bench, anna: str) -> None:
    with running(bench) as work:
        work.loop.turned = work.loop.stop.ask
        work.loop.run()
        assert work.told("daemon.started") == [""]
    assert stage(bench, anna) == OPPORTUNITY


def test_the_portals_own_lists_are_asked_for_now_and_then(bench: Bench) -> None:
    with running(bench) as work:
        work.loop.open()
        work.turn()
        bench.box.forget()
        work.turn()
        assert bench.box.count("pipelines") == 0
        work.turn(PORTAL_SECONDS)
    assert bench.box.count("pipelines") == 1


@pytest.mark.network
def test_an_event_is_acted_upon_before_the_next_poll_and_its_echo_writes_nothing_and_an_undo_stays(
    set_up: Callable[..., Bench],
) -> None:
    bench = set_up(new_portal(running=True))
    anna = cast.contact(bench.portal, "anna", "lead")
    with daemon(bench, CONNECTOR_POLL_SECONDS="3600") as work:
        bench.box.deliver(Manner(target=f"{work.url}/webhooks/hubspot", secret=SECRET))
        work.start()
        until(lambda: work.get("/readyz")[0] == 200)
        searches = bench.box.count("search")
        cast.fill_in(bench.portal, anna, cast.DEMO)
        until(lambda: stage(bench, anna) == SQL)
        assert bench.box.deliveries
        assert bench.box.deliveries.settle(10)
        until(lambda: "connector_events_waiting 0.0" in work.get("/metrics")[1])
        time.sleep(0.5)  # the echoes' own cycle
        assert bench.box.count("search") == searches
        assert len(bench.box.writes()) == 1
        assert killing.run(bench, "undo", "--rule", "handover") == 0
        cast.fill_in(bench.portal, cast.contact(bench.portal, "bjorn", "lead"), cast.DEMO)
        until(lambda: len(bench.box.writes()) == 3)
        assert stage(bench, anna) == "lead"
        assert work.stop() == 0


@pytest.mark.network
def test_sigterm_in_the_middle_of_a_hanging_write_ends_within_ten_seconds(
    set_up: Callable[..., Bench],
) -> None:
    bench = set_up(new_portal(running=True))
    wanted = cast.mixed(bench.portal)
    bench.portal.switches.hang_seconds = 60
    bench.box.faults.add(Fault(kind="timeout", route="batch_update", nth=2, when="after"))
    with daemon(bench) as work, (bench.folder / "log").open("w") as log:
        # By its own command line: the other children soon give up waiting for an answer.
        command = [sys.executable, "-m", "connector", "run"]
        env = {**os.environ, **bench.environment}
        with subprocess.Popen(command, cwd=bench.folder, env=env, stderr=log) as child:
            until(lambda: bench.box.faults.struck)
            began = time.monotonic()
            child.terminate()
            code = child.wait(30)
        assert (code, time.monotonic() - began < 10) == (0, True)
        assert "daemon.left" in (bench.folder / "log").read_text()
        assert bench.open_moves()
        work.start()
        until(lambda: bench.values(*wanted) == wanted)
        assert work.stop() == 0
    assert bench.open_moves() == ()


@pytest.mark.network
def test_told_again_and_again_to_stop_it_does_not_hang(bench: Bench) -> None:
    with daemon(bench) as work:
        work.start()
        until(lambda: work.get("/readyz")[0] == 200)
        assert work.child
        number = work.child.process.pid
        with suppress(ProcessLookupError):  # until it has ended
            for _ in range(50_000):  # a signal may come in the middle of another one's handling
                os.kill(number, signal.SIGTERM)
                os.kill(number, signal.SIGINT)
        work.child.wait()  # which fails where it hangs; the last signals may find it half gone


@pytest.mark.network
def test_a_taken_address_is_said_with_what_to_do(bench: Bench) -> None:
    port = bench.box.url.rpartition(":")[2]
    bench.more = {"CONNECTOR_LISTEN": f"127.0.0.1:{port}"}
    assert killing.run(bench, "run") == 1
    assert "CONNECTOR_LISTEN" in (bench.folder / "err").read_text()


@pytest.mark.network
def test_another_portals_token_exits_with_1(bench: Bench) -> None:
    bench.more = {"CONNECTOR_LISTEN": "127.0.0.1:0", "HUBSPOT_PORTAL_ID": "1"}
    child = killing.start(bench, "run")
    assert child.wait() == 1


def test_an_old_outbox_in_a_restored_backup_does_no_harm(bench: Bench) -> None:
    """The backup was taken between clear and set; much has happened in HubSpot since."""
    wanted = cast.mixed(bench.portal)
    live, backup = bench.folder / "connector.db", bench.folder / "backup.db"

    def copy(_: object) -> None:
        if bench.box.count("batch_update") == 2 and not backup.exists():
            with closing(sqlite3.connect(live)) as one, closing(sqlite3.connect(backup)) as other:
                one.backup(other)

    bench.box.before = copy
    bench.sync()
    bench.box.before = None
    assert bench.values(*wanted) == wanted
    for name in ("connector.db-wal", "connector.db-shm"):
        (bench.folder / name).unlink(missing_ok=True)
    backup.replace(live)
    assert bench.open_moves()
    before = len(bench.box.writes())
    with running(bench) as work:
        work.loop.open()
        work.turn()
        assert work.problems() == []
    assert bench.values(*wanted) == wanted
    assert len(bench.box.writes()) == before
    assert bench.open_moves() == ()
