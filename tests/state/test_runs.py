"""Runs are stored with their beginning and end."""

from __future__ import annotations

from datetime import timedelta

from state import runs
from state.db.transaction import Transaction
from state.runs import Run
from tests.state.examples import OTHER_PORTAL, at, in_portal


def test_a_run_that_goes_on_has_no_end(session: Transaction) -> None:
    runs.begin(session, "r1", "sync", at(0))
    assert runs.latest(session) == Run(
        run="r1", kind="sync", began_at=at(0), finished_at=None, summary={}
    )


def test_a_run_tells_how_it_ended(session: Transaction) -> None:
    runs.begin(session, "r1", "sync", at(0))
    runs.finish(session, "r1", at(5), {"applied": 3})
    assert runs.latest(session) == Run(
        run="r1", kind="sync", began_at=at(0), finished_at=at(5), summary={"applied": 3}
    )


def test_the_latest_run_is_the_one_that_began_last(session: Transaction) -> None:
    runs.begin(session, "r2", "sync", at(5))
    runs.begin(session, "r1", "pull", at(0))
    runs.finish(session, "r1", at(9), {})
    latest = runs.latest(session)
    assert latest is not None
    assert latest.run == "r2"
    assert runs.latest(in_portal(session, OTHER_PORTAL)) is None


def test_a_run_is_found_by_its_id(session: Transaction) -> None:
    runs.begin(session, "r1", "undo", at(0))
    stored_run = runs.get(session, "r1")
    assert stored_run is not None
    assert (stored_run.kind, stored_run.finished_at) == ("undo", None)
    assert runs.get(session, "r2") is None


def test_runs_that_ended_are_forgotten_and_those_that_died_are_not(session: Transaction) -> None:
    for name, end in (("r1", at(1)), ("r2", at(5)), ("r3", None)):
        runs.begin(session, name, "sync", at(0))
        if end:
            runs.finish(session, name, end, {})
    runs.prune(session, before=at(3))
    remaining = [run_id for run_id in ("r1", "r2", "r3") if runs.get(session, run_id)]
    assert remaining == ["r2", "r3"]


def test_runs_of_one_second_are_listed_in_the_order_in_which_they_began(
    session: Transaction,
) -> None:
    # The clock of a new process may be a second behind: HubSpot's dates are whole seconds.
    for name in ("r9", "r1", "r5"):
        runs.begin(session, name, "sync", at(10))
    runs.begin(session, "r3", "sync", at(10) - timedelta(seconds=1))
    assert [run.run for run in runs.read(session)] == ["r3", "r5", "r1", "r9"]
    runs.begin(session, "r0", "sync", at(5))
    assert [run.run for run in runs.read(session)][-1] == "r0"
