"""An undo that is killed anywhere holds what it put back, and nothing else; once more ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from connector.sync import sync
from connector.undo import Selection, prepare, undo
from state import holds
from tests.journeys.bench import Bench, new_portal
from tests.journeys.cast import mixed
from tests.journeys.killing import KILLED, UNANSWERED, run, run_and_kill

SetUp = Callable[..., Bench]
_BATCH = 2


def synced(set_up: SetUp) -> tuple[Bench, dict[str, str], dict[str, str], str]:
    """Return a bench after a run, the values before and after it, and the run."""
    bench = set_up(new_portal(running=True))
    wanted = mixed(bench.portal)
    before = bench.values(*wanted)
    done = bench.sync()
    bench.portal.clock.advance(60)
    return bench, before, bench.values(*wanted), done.run


def held(bench: Bench) -> set[str]:
    with bench.store() as store, store.reading() as session:
        listed = holds.listed(session, str(bench.portal.portal_id), now=bench.portal.clock.now())
    return {f"{one.of}.{one.property_name}" for one in listed}


def astray(bench: Bench, before: dict[str, str], after: dict[str, str]) -> dict[str, object]:
    """Return what is neither put back and held, nor as it was and free."""
    now, holding = bench.values(*before), held(bench)
    return {
        name: (before[name], after[name], now[name], name in holding)
        for name in before
        if before[name] != after[name]
        and (now[name], name in holding) not in {(before[name], True), (after[name], False)}
    }


def ends(bench: Bench, before: dict[str, str], after: dict[str, str], run_id: str) -> object:
    """Start again after the kill; return what is wrong then, and after the same undo once more."""
    bench.sync()
    if found := astray(bench, before, after) or bench.blanks():
        return found
    bench.portal.clock.advance(60)
    with bench.desk() as desk:
        undo(desk, prepare(desk, Selection(run=run_id)))
    if bench.values(*before) != before:
        return bench.values(*before)
    bench.portal.clock.advance(60)
    with bench.desk() as desk:
        assert not sync(desk).outcomes
    return None


def _killed_at_requests(set_up: SetUp, requests: Iterable[int]) -> dict[str, object]:
    wrong: dict[str, object] = {}
    kills = 0
    for nth in requests:
        bench, before, after, run_id = synced(set_up)
        struck = run_and_kill(bench, nth, UNANSWERED, command=("undo", run_id), batch=_BATCH)
        if struck is None:
            break
        kills += 1
        if found := ends(bench, before, after, run_id):
            wrong[f"request {nth} {struck.route}"] = found
    assert kills > 4
    return wrong


def test_killed_at_any_request_of_an_undo_the_holds_tell_the_truth(set_up: SetUp) -> None:
    assert _killed_at_requests(set_up, range(6, 24, 2)) == {}


@pytest.mark.long
def test_killed_at_every_request_or_commit_of_an_undo_the_holds_tell_the_truth(
    set_up: SetUp,
) -> None:
    assert _killed_at_requests(set_up, range(1, 100)) == {}
    wrong = {}
    for step in range(20, 200, 2):
        bench, before, after, run_id = synced(set_up)
        if run(bench, "undo", run_id, die_at_step=step, batch=_BATCH) != KILLED:
            break
        if found := ends(bench, before, after, run_id):
            wrong[step] = found
    assert wrong == {}


def test_an_undo_of_an_undo_that_dies_holds_nothing_that_it_put_back(set_up: SetUp) -> None:
    bench, before, after, run_id = synced(set_up)
    with bench.desk() as desk:
        first = undo(desk, prepare(desk, Selection(run=run_id))).run
    assert bench.values(*before) == before
    bench.portal.clock.advance(60)
    command = ("undo", first)
    struck = run_and_kill(bench, 5, UNANSWERED, command=command, route="batch_update", batch=_BATCH)
    assert struck is not None
    bench.sync()
    now, holding = bench.values(*before), held(bench)
    again = {name for name in before if before[name] != after[name] == now[name]}
    assert again
    assert again & holding == set()
