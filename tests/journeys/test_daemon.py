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
from pathlib import Path
from typing import Any

import pytest
import structlog

from connector.config import settings
from connector.config.run_clock import RunClock
from connector.config.settings import Settings
from connector.daemon.cycle import Schedule
from connector.daemon.environment import (
    PORTAL_SECONDS,
    CurrentSettings,
    Environment,
    EnvironmentSources,
)
from connector.daemon.loop import Loop
from connector.daemon.status import failures, problems, read_status, remarks
from connector.daemon.steps import Steps
from connector.daemon.stop import StopSignal
from connector.errors import UserError
from connector.hubspot.http.failures import TokenRefused
from connector.push.pause import pause, resume
from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.faults import Fault
from state.db.store import Store
from tests.journeys import kill_process, sample_records
from tests.journeys.live_daemon import WEBHOOK_SECRET, prepare_daemon, wait_until
from tests.journeys.workspace import TOKEN, Workspace, new_portal

SQL, OPPORTUNITY = "salesqualifiedlead", "opportunity"
POLL = 60.0


@dataclass
class DaemonRunner:
    """A daemon cycle by cycle, in a workspace whose clock moves when the daemon waits."""

    workspace: Workspace
    loop: Loop
    logs: list[Any] = field(default_factory=list)

    def run_cycle(self, seconds: float = POLL) -> None:
        """Let time pass, and the daemon go through one cycle."""
        self.workspace.portal.clock.advance(seconds)
        self.loop.run_cycle(self.environment)

    @property
    def environment(self) -> Environment:
        assert self.loop.environment is not None
        return self.loop.environment

    def failing_steps(self) -> set[str]:
        return {failure.step for failure in self.loop.steps.failing_steps()}

    def problems(self) -> list[str]:
        return problems(self.loop)

    def logged_steps(self, event: str) -> list[str]:
        return [entry.get("step", "") for entry in self.logs if entry["event"] == event]


class FullDiskStore(Store):
    """A store on a disk that is nearly full."""

    def free_bytes(self) -> int:
        return 10 * 2**20


@contextmanager
def run_daemon(
    workspace: Workspace, store_class: type[Store] = Store, **overrides: str
) -> Iterator[DaemonRunner]:
    """Make a daemon whose portal is not opened yet."""
    workspace.overrides = {
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_RECHECK_SECONDS": "2",
        **overrides,
    }

    def monotonic() -> float:
        return workspace.portal.clock.ms() / 1000

    def read_settings() -> Settings:
        return settings.read(workspace.environment, folder=workspace.folder)

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(20))
    clock = RunClock(wait=workspace.portal.clock.advance, monotonic=monotonic)
    with (
        store_class.open(
            workspace.environment["CONNECTOR_DATABASE_URL"], busy_timeout=0.1
        ) as store,
        structlog.testing.capture_logs() as logs,
    ):
        sources = EnvironmentSources(
            current=CurrentSettings(read_settings), clock=clock, store=store
        )
        loop = Loop(
            sources=sources,
            steps=Steps(monotonic),
            stop=StopSignal(monotonic),
            schedule=Schedule(poll_seconds=POLL),
        )
        with closing(loop):
            yield DaemonRunner(workspace, loop, logs)


@pytest.fixture
def anna(workspace: Workspace) -> str:
    """Return a contact who is to become an opportunity."""
    contact_id = sample_records.create_contact(workspace.portal, "anna", "lead")
    sample_records.create_deal(workspace.portal, [sample_records.OPEN], contacts=[contact_id])
    return contact_id


def stage_of(workspace: Workspace, contact_id: str) -> str:
    return workspace.value(f"contacts/{contact_id}.lifecyclestage")


def test_a_cycle_corrects_and_the_next_one_has_nothing_to_do(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        assert runner.problems() == ["portal: not opened yet"]
        assert runner.loop.open()
        assert runner.problems() == ["poll: the first one has not ended yet"]
        runner.run_cycle()
        writes = len(workspace.sandbox.write_requests())
        runner.run_cycle()
        assert runner.problems() == []
        status = read_status(runner.loop.environment)
    assert stage_of(workspace, anna) == OPPORTUNITY
    assert len(workspace.sandbox.write_requests()) == writes
    assert (status.due, status.open_moves) == (0, 0)
    assert status.lag is not None
    assert status.lag < 5


def test_the_old_audit_leaves_for_a_file_by_the_terms_that_are_set(
    workspace: Workspace, anna: str
) -> None:
    folder = workspace.folder / "archive"
    overrides = {"CONNECTOR_KEEP_AUDIT_DAYS": "7", "CONNECTOR_ARCHIVE_FOLDER": str(folder)}
    with run_daemon(workspace, **overrides) as runner:
        runner.loop.open()
        runner.run_cycle()
        runner.run_cycle(3600)
        assert not folder.exists()
        runner.run_cycle(9 * 86_400)
        assert runner.failing_steps() == set()
        assert len(list(folder.iterdir())) == 1
        assert runner.logged_steps("audit.cut") == [""]
    assert workspace.audit_lines() == []


def test_review_writes_nothing_and_says_once_what_it_would(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace, CONNECTOR_WRITES="review") as runner:
        runner.loop.open()
        for _ in range(3):
            runner.run_cycle(3600)
        assert workspace.sandbox.write_requests() == []
        assert len(runner.logged_steps("plan.made")) == 1
        workspace.overrides = {**workspace.overrides, "CONNECTOR_WRITES": "apply"}
        runner.run_cycle(3600)
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_changed_policy_is_shown_by_one_cycle_and_written_by_from_the_next_on(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {stages: [customer]}\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
        assert stage_of(workspace, anna) == "lead"
        policy.write_text("extends: standard\nname: mine\n")
        runner.run_cycle(1)
        review = runner.loop.schedule.reviewed_policy
        assert review
        assert (review.policy, dict(review.corrections_by_rule)) == (
            "mine",
            {"open-deal": 1, "status-open-deal": 1},
        )
        assert stage_of(workspace, anna) == "lead"
        runner.run_cycle(POLL)
        assert runner.loop.schedule.reviewed_policy is None
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_policy_that_was_edited_while_no_daemon_ran_is_shown_before_it_is_written_by(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\nsettings: {stages: [customer]}\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
    policy.write_text("extends: standard\nname: mine\n")
    # A daemon that dies after the look has not written by the policy: it is shown again.
    for _ in range(2):
        with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
            runner.loop.open()
            runner.run_cycle()
            review = runner.loop.schedule.reviewed_policy
            assert review
            assert dict(review.corrections_by_rule) == {"open-deal": 1, "status-open-deal": 1}
            assert stage_of(workspace, anna) == "lead"
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        runner.run_cycle()
        runner.run_cycle()
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_two_workers_with_different_copies_of_a_policy_do_not_write_in_turn(
    workspace: Workspace, anna: str
) -> None:
    mine, yours = workspace.folder / "mine.yaml", workspace.folder / "yours.yaml"
    mine.write_text("extends: standard\nname: mine\n")
    yours.write_text("extends: standard\nname: yours\nsettings: {stages: [customer]}\n")

    def run_cycle(of: DaemonRunner, policy: Path) -> None:
        workspace.overrides = {**workspace.overrides, "CONNECTOR_POLICY": str(policy)}
        of.run_cycle()

    with (
        run_daemon(workspace, CONNECTOR_POLICY=str(mine)) as runner,
        run_daemon(workspace, CONNECTOR_POLICY=str(yours)) as replaced,
    ):
        replaced.loop.open()
        run_cycle(replaced, yours)  # it writes by its own policy
        runner.loop.open()
        for _ in range(2):  # a look, and then a write
            run_cycle(runner, mine)
        assert stage_of(workspace, anna) == OPPORTUNITY
        for _ in range(3):
            run_cycle(replaced, yours)
            run_cycle(runner, mine)
        assert replaced.failing_steps() == {"other-policy"}
        (failing_step,) = replaced.loop.steps.failing_steps()
        assert "Another worker writes to portal" in str(failing_step.error)
        assert runner.failing_steps() == set()
        yours.write_text(mine.read_text())
        for _ in range(2):
            run_cycle(replaced, yours)
        assert replaced.failing_steps() == set()


def test_a_daemon_that_starts_again_by_the_same_policy_writes_at_once(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
    assert stage_of(workspace, anna) == OPPORTUNITY
    bea = sample_records.create_contact(workspace.portal, "bea", "lead", days=0)
    sample_records.create_deal(workspace.portal, [sample_records.OPEN], contacts=[bea])
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
    assert stage_of(workspace, bea) == OPPORTUNITY


def test_a_bad_policy_leaves_the_last_good_one_and_is_told_once(
    workspace: Workspace, anna: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nname: mine\n")
    with run_daemon(workspace, CONNECTOR_POLICY=str(policy)) as runner:
        runner.loop.open()
        policy.write_text("extends: standard\nname: mine\nsettings: {stagez: []}\n")
        for _ in range(3):
            runner.run_cycle()
        assert stage_of(workspace, anna) == OPPORTUNITY
        assert runner.problems() == []
        assert "stages" in failures(runner.loop)[0]
        assert runner.logged_steps("step.failing") == ["policy"]
        policy.write_text("extends: standard\nname: mine\n")
        runner.run_cycle()
        assert runner.logged_steps("step.recovered") == ["policy"]
        assert runner.problems() == []


def test_at_the_start_another_portals_token_ends_the_daemon(workspace: Workspace) -> None:
    with (
        run_daemon(workspace, HUBSPOT_PORTAL_ID="1") as runner,
        pytest.raises(UserError, match="portal 1"),
    ):
        runner.loop.open()
    assert {request.route for request in workspace.sandbox.requests} == {"account"}


def test_later_another_portals_token_asks_nothing_more_and_alarms(
    workspace: Workspace, anna: str
) -> None:
    token, portal_id = workspace.folder / "token", workspace.portal.portal_id
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, HUBSPOT_PORTAL_ID="", **overrides) as runner:
        runner.loop.open()
        token.write_text("pat-eu1-of-another-portal")
        workspace.sandbox.dispatcher.tokens = {"pat-eu1-of-another-portal"}
        workspace.portal.portal_id = 1
        workspace.sandbox.clear_requests()
        for _ in range(2):
            runner.run_cycle()
        assert {request.route for request in workspace.sandbox.requests} == {"account"}
        assert "belongs to portal 1" in runner.problems()[0]
        workspace.portal.portal_id = portal_id
        runner.run_cycle()
        assert runner.problems() == []
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_new_token_is_asked_whose_it_is_before_anything_else(workspace: Workspace) -> None:
    token = workspace.folder / "token"
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, **overrides) as runner:
        runner.loop.open()
        runner.run_cycle()
        workspace.sandbox.clear_requests()
        runner.run_cycle()
        assert workspace.sandbox.request_count("account") == 0
        token.write_text("pat-eu1-rotated")
        workspace.sandbox.dispatcher.tokens.add("pat-eu1-rotated")
        runner.run_cycle()
        assert [request.route for request in workspace.sandbox.requests[-9:]].count("account") == 1
        workspace.sandbox.clear_requests()
        runner.run_cycle()
    assert workspace.sandbox.request_count("account") == 0


def test_a_revoked_token_is_told_once_and_a_new_one_goes_on(
    workspace: Workspace, anna: str
) -> None:
    token = workspace.folder / "token"
    token.write_text(TOKEN)
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_ACCESS_TOKEN_FILE": str(token)}
    with run_daemon(workspace, **overrides) as runner:
        runner.loop.open()
        workspace.sandbox.dispatcher.tokens.clear()
        for _ in range(3):
            runner.run_cycle()
        assert runner.logged_steps("step.failing") == ["poll"]
        assert isinstance(runner.loop.steps.failing_steps()[0].error, TokenRefused)
        assert runner.problems()
        token.write_text("pat-eu1-renewed")
        workspace.sandbox.dispatcher.tokens.add("pat-eu1-renewed")
        runner.run_cycle()
        assert runner.logged_steps("step.recovered") == ["poll"]
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_hubspot_away_for_a_day_is_told_once_and_made_up_for(workspace: Workspace) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
        workspace.sandbox.faults.add_random(rate=1.0, kinds=["503"], seed=1)
        anna = sample_records.create_contact(workspace.portal, "anna", "lead", days=0)
        sample_records.submit_form(workspace.portal, anna, sample_records.DEMO_FORM)
        for _ in range(5):
            runner.run_cycle(6 * 3600)
        assert set(runner.logged_steps("step.failing")) == {"poll", "portal"}
        assert len(runner.logged_steps("step.failing")) == 2
        assert any("too long" in problem for problem in runner.problems())
        workspace.sandbox.faults.clear()
        runner.run_cycle()
        assert runner.problems() == []
    assert stage_of(workspace, anna) == SQL


def test_writes_that_hubspot_does_not_take_for_a_while_follow_with_the_next_poll(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        workspace.sandbox.faults.add(Fault(kind="423", route="batch_update", times=0))
        runner.run_cycle()
        assert runner.failing_steps() & {"apply", "recover"}
        workspace.sandbox.faults.clear()
        runner.run_cycle(POLL + 1)
        assert runner.failing_steps() == set()
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_jump_of_the_clock_changes_nothing(workspace: Workspace) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
        for jump in (86_400.0, -7_200.0, 7_200.0):
            workspace.portal.clock.advance(jump)
            runner.run_cycle()
        anna = sample_records.create_contact(workspace.portal, "anna", "lead", days=0)
        sample_records.submit_form(workspace.portal, anna, sample_records.DEMO_FORM)
        runner.run_cycle()
        assert runner.failing_steps() == set()
    assert stage_of(workspace, anna) == SQL


def test_a_locked_database_is_waited_for(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        with closing(sqlite3.connect(workspace.folder / "connector.db")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            runner.run_cycle()
            assert workspace.sandbox.write_requests() == []
            assert runner.problems()
        runner.run_cycle()
        assert runner.problems() == []
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_a_disk_that_is_nearly_full_leaves_hubspot_alone_and_goes_on_reading(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace, store_class=FullDiskStore) as runner:
        runner.loop.open()
        runner.run_cycle()
        assert runner.failing_steps() == {"apply"}
        assert "MiB left" in runner.problems()[0]
        assert runner.loop.schedule.last_poll is not None
    assert workspace.sandbox.write_requests() == []


def test_a_pause_is_told_once_and_obeyed(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        pause(
            runner.environment.store,
            runner.environment.portal_id,
            at=portal_now(workspace),
            reason="",
        )
        for _ in range(3):
            runner.run_cycle(3600)
        assert (runner.logged_steps("step.failing"), workspace.sandbox.write_requests()) == (
            ["apply"],
            [],
        )
        assert (runner.problems(), failures(runner.loop)) == ([], [])
        assert "connector resume" in remarks(runner.loop)[0]
        assert read_status(runner.environment).paused == 1
        resume(runner.environment.store, runner.environment.portal_id)
        runner.run_cycle(3600)
    assert stage_of(workspace, anna) == OPPORTUNITY


def portal_now(workspace: Workspace) -> Any:
    return workspace.portal.clock.now()


def test_an_operator_with_the_lock_goes_first(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        with (
            workspace.store() as store,
            store.writer_lock(str(workspace.portal.portal_id), holder_name="connector undo"),
        ):
            runner.run_cycle()
            assert stage_of(workspace, anna) == "lead"
            assert runner.logged_steps("cycle.postponed")
        runner.run_cycle()
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_hubspot_away_at_the_start_is_waited_for(workspace: Workspace, anna: str) -> None:
    with run_daemon(workspace) as runner:
        workspace.sandbox.faults.add_random(rate=1.0, kinds=["503"], seed=1)
        assert not runner.loop.open()
        assert runner.problems()[0].startswith("portal:")
        assert read_status(runner.loop.environment).lag is None
        workspace.sandbox.faults.clear()
        assert runner.loop.open()
        runner.run_cycle()
        assert runner.problems() == []
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_an_oauth_app_works_through_its_tokens_and_says_what_is_not_kept_once(
    workspace: Workspace, anna: str
) -> None:
    oauth_app = {"HUBSPOT_CLIENT_ID": "app", "HUBSPOT_CLIENT_SECRET": "secret"}
    overrides = {"HUBSPOT_ACCESS_TOKEN": "", "HUBSPOT_REFRESH_TOKEN": "refresh-0", **oauth_app}
    with run_daemon(workspace, **overrides) as runner:
        workspace.sandbox.faults.add_random(rate=1.0, kinds=["503"], seed=1)
        assert not runner.loop.open()
        workspace.sandbox.faults.clear()
        assert runner.loop.open()
        runner.run_cycle()
        assert runner.problems() == []
        assert len(runner.logged_steps("token.not_kept")) == 1
        workspace.sandbox.dispatcher.oauth.expiries.clear()  # as if HubSpot revoked the token
        runner.run_cycle()
        assert runner.problems() == []
    assert workspace.sandbox.dispatcher.oauth.grant_count == 2
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_the_loop_ends_when_asked_to_and_corrects_until_then(
    workspace: Workspace, anna: str
) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.on_cycle_ended = lambda loop, _environment: loop.stop.request()
        runner.loop.run()
        assert runner.logged_steps("daemon.started") == [""]
    assert stage_of(workspace, anna) == OPPORTUNITY


def test_the_portals_own_lists_are_asked_for_now_and_then(workspace: Workspace) -> None:
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
        workspace.sandbox.clear_requests()
        runner.run_cycle()
        assert workspace.sandbox.request_count("pipelines") == 0
        runner.run_cycle(PORTAL_SECONDS)
    assert workspace.sandbox.request_count("pipelines") == 1


@pytest.mark.network
def test_an_event_is_acted_upon_before_the_next_poll_and_its_echo_writes_nothing_and_an_undo_stays(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    anna = sample_records.create_contact(workspace.portal, "anna", "lead")
    with prepare_daemon(workspace, CONNECTOR_POLL_SECONDS="3600") as process:
        workspace.sandbox.set_deliveries(
            DeliverySettings(target=f"{process.url}/webhooks/hubspot", secret=WEBHOOK_SECRET)
        )
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        search_count = workspace.sandbox.request_count("search")
        sample_records.submit_form(workspace.portal, anna, sample_records.DEMO_FORM)
        wait_until(lambda: stage_of(workspace, anna) == SQL)
        assert workspace.sandbox.deliveries
        assert workspace.sandbox.deliveries.wait_until_idle(10)
        wait_until(lambda: "connector_events_waiting 0.0" in process.get("/metrics")[1])
        time.sleep(0.5)  # the echoes' own cycle
        assert workspace.sandbox.request_count("search") == search_count
        assert len(workspace.sandbox.write_requests()) == 1
        assert kill_process.run(workspace, "undo", "--rule", "handover") == 0
        sample_records.submit_form(
            workspace.portal,
            sample_records.create_contact(workspace.portal, "bjorn", "lead"),
            sample_records.DEMO_FORM,
        )
        wait_until(lambda: len(workspace.sandbox.write_requests()) == 3)
        assert stage_of(workspace, anna) == "lead"
        assert process.stop() == 0


@pytest.mark.network
def test_sigterm_in_the_middle_of_a_hanging_write_ends_within_ten_seconds(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace(new_portal(running=True))
    expected = sample_records.create_mixed_records(workspace.portal)
    workspace.portal.switches.hang_seconds = 60
    workspace.sandbox.faults.add(Fault(kind="timeout", route="batch_update", nth=2, when="after"))
    with prepare_daemon(workspace) as process, (workspace.folder / "log").open("w") as log:
        # By its own command line: the other children soon give up waiting for an answer.
        command = [sys.executable, "-m", "connector", "run"]
        env = {**os.environ, **workspace.environment}
        with subprocess.Popen(command, cwd=workspace.folder, env=env, stderr=log) as connector:
            wait_until(lambda: workspace.sandbox.faults.injected)
            started = time.monotonic()
            connector.terminate()
            code = connector.wait(30)
        assert (code, time.monotonic() - started < 10) == (0, True)
        assert "daemon.left" in (workspace.folder / "log").read_text()
        assert workspace.open_moves()
        process.start()
        wait_until(lambda: workspace.values(*expected) == expected)
        assert process.stop() == 0
    assert workspace.open_moves() == ()


@pytest.mark.network
def test_told_again_and_again_to_stop_it_does_not_hang(workspace: Workspace) -> None:
    with prepare_daemon(workspace) as process:
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        assert process.connector
        process_id = process.connector.process.pid
        with suppress(ProcessLookupError):  # until it has ended
            for _ in range(50_000):  # a signal may come in the middle of another one's handling
                os.kill(process_id, signal.SIGTERM)
                os.kill(process_id, signal.SIGINT)
        process.connector.wait()  # fails where it hangs; the last signals may come late


@pytest.mark.network
def test_a_taken_address_is_said_with_what_to_do(workspace: Workspace) -> None:
    port = workspace.sandbox.url.rpartition(":")[2]
    workspace.overrides = {"CONNECTOR_LISTEN": f"127.0.0.1:{port}"}
    assert kill_process.run(workspace, "run") == 1
    assert "CONNECTOR_LISTEN" in (workspace.folder / "err").read_text()


@pytest.mark.network
def test_a_second_daemon_on_one_database_says_so_and_ends_with_4(workspace: Workspace) -> None:
    with prepare_daemon(workspace) as process:
        process.start()
        wait_until(lambda: process.get("/readyz")[0] == 200)
        workspace.overrides = {**workspace.overrides, "CONNECTOR_LISTEN": "127.0.0.1:0"}
        assert kill_process.run(workspace, "run") == 4
        assert "Another daemon" in (workspace.folder / "err").read_text()
        assert process.stop() == 0


@pytest.mark.network
def test_another_portals_token_exits_with_1(workspace: Workspace) -> None:
    workspace.overrides = {"CONNECTOR_LISTEN": "127.0.0.1:0", "HUBSPOT_PORTAL_ID": "1"}
    connector = kill_process.start(workspace, "run")
    assert connector.wait() == 1


def test_an_old_outbox_in_a_restored_backup_does_no_harm(workspace: Workspace) -> None:
    """The backup was taken between clear and set; much has happened in HubSpot since."""
    expected = sample_records.create_mixed_records(workspace.portal)
    database, backup = workspace.folder / "connector.db", workspace.folder / "backup.db"

    def copy_database(_: object) -> None:
        if workspace.sandbox.request_count("batch_update") == 2 and not backup.exists():
            with (
                closing(sqlite3.connect(database)) as source,
                closing(sqlite3.connect(backup)) as target,
            ):
                source.backup(target)

    workspace.sandbox.before_answer = copy_database
    workspace.sync()
    workspace.sandbox.before_answer = None
    assert workspace.values(*expected) == expected
    for name in ("connector.db-wal", "connector.db-shm"):
        (workspace.folder / name).unlink(missing_ok=True)
    backup.replace(database)
    assert workspace.open_moves()
    writes_before = len(workspace.sandbox.write_requests())
    with run_daemon(workspace) as runner:
        runner.loop.open()
        runner.run_cycle()
        assert runner.problems() == []
    assert workspace.values(*expected) == expected
    assert len(workspace.sandbox.write_requests()) == writes_before
    assert workspace.open_moves() == ()
