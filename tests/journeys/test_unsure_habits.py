"""What HubSpot leaves unsure must not matter: the journey and a crash under every habit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.core.model import Outcome
from connector.sandbox.switches import UNSURE, Switches
from tests.journeys.bench import Bench, applied, applied_twice, new_portal
from tests.journeys.cast import changed, mixed
from tests.journeys.killing import MOMENTS, UNANSWERED, run_and_kill
from tests.journeys.test_the_journey import STEPS, Players, Step, begin, state

_DAY = 86_400.0
# Every value but the defaults, under which all the other journeys run.
HABITS = [
    (name, value)
    for name, values in UNSURE.items()
    for value in values
    if value != getattr(Switches(), name)
]
_IDS = [f"{name}={value}" for name, value in HABITS]
# Where a stage may not be cleared, no way leads back: whoever became a customer stays one.
NO_WAY_BACK = {"clear_refused", "write_validation_2026_09"}
FAMILY = {"write_validation_2026_09": "2026-09"}


def _set_up(set_up: Callable[..., Bench], habit: str, *, running: bool = False) -> Bench:
    more = {"HUBSPOT_API_VERSION": FAMILY[habit]} if habit in FAMILY else {}
    return set_up(new_portal(running=running), **more)


def _wanted(step: Step, habit: str) -> tuple[str, str, str]:
    went_back = STEPS.index(step) > [one.stage for one in STEPS].index("customer")
    if went_back and habit in NO_WAY_BACK:
        return "customer", "", "customer"
    return step.stage, step.status, step.company


def _settle(bench: Bench, syncs: Callable[[], object]) -> int:
    """Sync until nothing is written any more; nothing is blank after any of it."""
    for times in range(1, 5):
        written = len(bench.box.writes())
        syncs()
        assert bench.blanks() == []
        if len(bench.box.writes()) == written:
            return times
        bench.portal.clock.advance(60)
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_the_journey_holds_whatever_the_habit(
    set_up: Callable[..., Bench], habit: str, value: Any
) -> None:
    bench = _set_up(set_up, habit)
    setattr(bench.portal.switches, habit, value)
    who: Players = begin(bench)
    found = {}
    with bench.syncs() as syncs:
        for step in STEPS:
            bench.portal.clock.advance(_DAY)
            step.happens(bench, who)
            bench.portal.clock.advance(60)
            _settle(bench, syncs)
            found[step.name] = state(bench, who)
    assert found == {step.name: _wanted(step, habit) for step in STEPS}


def _kill_and_settle(bench: Bench, nth: int, moment: str) -> None:
    """Kill a sync at its nth write, and let others finish what it left."""
    wanted = mixed(bench.portal)
    before = bench.values(*wanted)
    struck = run_and_kill(bench, nth, moment, route="batch_update")
    assert struck is not None
    bench.portal.clock.advance(60)
    with bench.syncs() as syncs:
        _settle(bench, syncs)
    habits = bench.portal.switches
    if habits.clear_refused or habits.write_validation_2026_09:
        assert bench.blanks() == []
        return
    assert bench.values(*wanted) == wanted
    lines = bench.audited()
    assert set(changed(before, wanted)) <= set(applied(lines))
    assert applied_twice(lines) == []
    assert bench.open_moves() == ()


# Clear and set of a company, then clear and set of two contacts and more.
_WRITES = range(1, 5)
_CLEAR_OF_CONTACTS = 3


@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_a_sync_killed_in_the_gap_is_finished_whatever_the_habit(
    set_up: Callable[..., Bench], habit: str, value: Any
) -> None:
    bench = _set_up(set_up, habit, running=True)
    setattr(bench.portal.switches, habit, value)
    _kill_and_settle(bench, _CLEAR_OF_CONTACTS, UNANSWERED)


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_a_sync_killed_at_any_write_is_finished_whatever_the_habit(
    set_up: Callable[..., Bench], habit: str, value: Any, moment: str
) -> None:
    for nth in _WRITES:
        bench = _set_up(set_up, habit, running=True)
        setattr(bench.portal.switches, habit, value)
        _kill_and_settle(bench, nth, moment)


def test_a_stage_that_may_not_be_cleared_is_refused_twice_and_then_left(
    set_up: Callable[..., Bench],
) -> None:
    bench = set_up()
    mixed(bench.portal)
    bench.portal.switches.clear_refused = True
    for _ in range(3):
        bench.sync()
    refused = [one for one in bench.audited() if one.outcome is Outcome.REFUSED]
    assert len(refused) == 2 * len({one.record for one in refused}) == 6
