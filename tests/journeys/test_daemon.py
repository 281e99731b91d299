"""What the daemon promises: it goes on by itself, whatever happens around it, and says so once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from connector.daemon.environment import (
    PORTAL_SECONDS,
)
from connector.daemon.status import failures, read_status, remarks
from connector.push.pause import pause, resume
from connector.sandbox.http.faults import Fault
from state.db.store import Store
from tests.journeys import sample_records
from tests.journeys.daemon_runner import OPPORTUNITY, POLL, SQL, run_daemon, stage_of
from tests.journeys.workspace import Workspace


class FullDiskStore(Store):
    """A store on a disk that is nearly full."""

    def free_bytes(self) -> int:
        return 10 * 2**20


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
