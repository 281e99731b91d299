"""The list of runs shows runs that go on, that died, and that changed nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console

from connector.cli.render.runs import table, undo_command
from state.runs import Run

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DONE = Run(
    run="r1",
    kind="sync",
    began_at=NOON,
    finished_at=NOON + timedelta(seconds=75),
    summary={"applied": 1200, "refused": 1},
)
DIED = Run(run="r2", kind="sync", began_at=NOON, finished_at=None, summary={})
IDLE = Run(run="r3", kind="sync", began_at=NOON, finished_at=NOON, summary={"stale": 2})


def shown(*runs: Run) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table("4711", runs, ZoneInfo("Europe/Oslo")))
    return capture.get()


def test_a_run_shows_its_outcomes_and_its_undo() -> None:
    assert "75 s" in shown(DONE)
    assert "1,200 applied, 1 refused" in shown(DONE)
    assert "connector undo r1" in shown(DONE)


def test_the_times_of_runs_are_in_the_portal_s_zone_and_name_it() -> None:
    assert "began (Europe/Oslo)" in shown(DONE)
    assert "2026-11-02 13:00:00" in shown(DONE)


def test_a_run_without_an_end_may_have_written_and_can_be_undone() -> None:
    assert "not ended" in shown(DIED)
    assert undo_command(DIED) == "connector undo r2"


def test_a_run_that_changed_nothing_has_no_undo() -> None:
    assert undo_command(IDLE) is None


def test_without_runs_a_first_command_is_named() -> None:
    assert "`connector sync`" in shown()
