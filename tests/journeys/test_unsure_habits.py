"""The journey, and a crash, hold under every uncertain behaviour of HubSpot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.core.model import Outcome
from connector.sandbox.portal.switches import UNCERTAIN, Switches
from tests.journeys.kill_process import KILL_MOMENTS, UNANSWERED, run_and_kill
from tests.journeys.sample_records import create_mixed_records, expected_audit
from tests.journeys.test_the_journey import (
    STEPS,
    JourneyRecords,
    Step,
    begin_journey,
    journey_state,
)
from tests.journeys.workspace import Workspace, applied_values, lines_applied_twice, new_portal

_DAY = 86_400.0
# Every value but the defaults, under which all the other journeys run.
HABITS = [
    (name, value)
    for name, values in UNCERTAIN.items()
    for value in values
    if value != getattr(Switches(), name)
]
_IDS = [f"{name}={value}" for name, value in HABITS]
# Where a stage may not be cleared, no way leads back: a customer stays a customer.
NO_BACKWARD_MOVE = {"clear_refused", "write_validation_2026_09"}
API_VERSIONS = {"write_validation_2026_09": "2026-09"}


def _workspace_for(
    new_workspace: Callable[..., Workspace], habit: str, *, running: bool = False
) -> Workspace:
    overrides = {"HUBSPOT_API_VERSION": API_VERSIONS[habit]} if habit in API_VERSIONS else {}
    return new_workspace(new_portal(running=running), **overrides)


def _expected(step: Step, habit: str) -> tuple[str, str, str]:
    moved_back = STEPS.index(step) > [journey_step.stage for journey_step in STEPS].index(
        "customer"
    )
    if moved_back and habit in NO_BACKWARD_MOVE:
        return "customer", "", "customer"
    return step.stage, step.status, step.company


def _sync_until_quiet(workspace: Workspace, sync: Callable[[], object]) -> int:
    """Sync until nothing is written any more; nothing is blank after any of it."""
    for sync_count in range(1, 5):
        write_count = len(workspace.sandbox.write_requests())
        sync()
        assert workspace.blank_records() == []
        if len(workspace.sandbox.write_requests()) == write_count:
            return sync_count
        workspace.portal.clock.advance(60)
    raise AssertionError("it does not come to rest")


@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_the_journey_holds_whatever_the_habit(
    new_workspace: Callable[..., Workspace], habit: str, value: Any
) -> None:
    workspace = _workspace_for(new_workspace, habit)
    setattr(workspace.portal.switches, habit, value)
    records: JourneyRecords = begin_journey(workspace)
    states = {}
    with workspace.repeated_syncs() as sync:
        for step in STEPS:
            workspace.portal.clock.advance(_DAY)
            step.action(workspace, records)
            workspace.portal.clock.advance(60)
            _sync_until_quiet(workspace, sync)
            states[step.name] = journey_state(workspace, records)
    assert states == {step.name: _expected(step, habit) for step in STEPS}


def _kill_and_recover(workspace: Workspace, nth: int, moment: str) -> None:
    """Kill a sync at its nth write, and let others finish what it left."""
    expected = create_mixed_records(workspace.portal)
    before = workspace.values(*expected)
    killed_request = run_and_kill(workspace, nth, moment, route="batch_update")
    assert killed_request is not None
    workspace.portal.clock.advance(60)
    with workspace.repeated_syncs() as sync:
        _sync_until_quiet(workspace, sync)
    switches = workspace.portal.switches
    if switches.clear_refused or switches.write_validation_2026_09:
        assert workspace.blank_records() == []
        return
    assert workspace.values(*expected) == expected
    lines = workspace.audit_lines()
    assert set(expected_audit(before, expected)) <= set(applied_values(lines))
    assert lines_applied_twice(lines) == []
    assert workspace.open_moves() == ()


# Clear and set of a company, then clear and set of two contacts and more.
_WRITES = range(1, 5)
_CLEAR_OF_CONTACTS = 3


@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_a_sync_killed_in_the_gap_is_finished_whatever_the_habit(
    new_workspace: Callable[..., Workspace], habit: str, value: Any
) -> None:
    workspace = _workspace_for(new_workspace, habit, running=True)
    setattr(workspace.portal.switches, habit, value)
    _kill_and_recover(workspace, _CLEAR_OF_CONTACTS, UNANSWERED)


@pytest.mark.long
@pytest.mark.parametrize("moment", KILL_MOMENTS)
@pytest.mark.parametrize(("habit", "value"), HABITS, ids=_IDS)
def test_a_sync_killed_at_any_write_is_finished_whatever_the_habit(
    new_workspace: Callable[..., Workspace], habit: str, value: Any, moment: str
) -> None:
    for nth in _WRITES:
        workspace = _workspace_for(new_workspace, habit, running=True)
        setattr(workspace.portal.switches, habit, value)
        _kill_and_recover(workspace, nth, moment)


def test_a_stage_that_may_not_be_cleared_is_refused_twice_and_then_left(
    new_workspace: Callable[..., Workspace],
) -> None:
    workspace = new_workspace()
    create_mixed_records(workspace.portal)
    workspace.portal.switches.clear_refused = True
    for _ in range(3):
        workspace.sync()
    refused = [line for line in workspace.audit_lines() if line.outcome is Outcome.REFUSED]
    assert len(refused) == 2 * len({line.record for line in refused}) == 6
