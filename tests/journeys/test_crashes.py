"""Kill the real process anywhere: the next start leaves no blank and writes nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from connector.core.model import Outcome
from tests.journeys.kill_process import (
    KILL_MOMENTS,
    KILLED,
    UNANSWERED,
    count_sync_steps,
    run,
    run_and_kill,
)
from tests.journeys.sample_records import create_mixed_records, expected_audit
from tests.journeys.workspace import Workspace, applied_values, new_portal

NewWorkspace = Callable[..., Workspace]
# An undisturbed sync clears and sets a company, then one contact alone, then the other ones.
_WRITE_COUNT = 6


class Trial:
    """One portal full of lies, and what must have become of it."""

    def __init__(self, new_workspace: NewWorkspace) -> None:
        self.workspace = new_workspace(new_portal(running=True))
        self.expected = create_mixed_records(self.workspace.portal)
        self.expected_lines = expected_audit(self.workspace.values(*self.expected), self.expected)

    def expected_values(self, record: str) -> dict[str, str]:
        """Return stage and lead status that a contact must end with."""
        names = ("lifecyclestage", "hs_lead_status")
        return {name: self.expected[f"{record}.{name}"] for name in names}

    def problems(self) -> dict[str, object]:
        """Return what is not as after an undisturbed run; nothing should be."""
        workspace, lines = self.workspace, self.workspace.audit_lines()
        written = applied_values(lines)
        differences = {
            "blank": workspace.blank_records(),
            "values": expected_audit(self.expected, workspace.values(*self.expected)),
            "open moves": workspace.open_moves(),
            "audited": written if written != self.expected_lines else [],
            "other outcomes": [line for line in lines if line.outcome is not Outcome.APPLIED],
        }
        return {name: problem for name, problem in differences.items() if problem}


def _writes_of(trial: Trial) -> list[int]:
    """Return which requests of the trial wrote, counted from 1."""
    routes = [request.route for request in trial.workspace.sandbox.requests]
    return [number for number, route in enumerate(routes, 1) if route == "batch_update"]


def _undisturbed_writes(new_workspace: NewWorkspace) -> list[int]:
    trial = Trial(new_workspace)
    assert run(trial.workspace, "sync") == 0
    return _writes_of(trial)


def _sync_and_check(trial: Trial) -> dict[str, object]:
    trial.workspace.sync()
    return trial.problems()


def test_undisturbed_every_lie_is_corrected_and_audited_once(new_workspace: NewWorkspace) -> None:
    trial = Trial(new_workspace)
    assert run(trial.workspace, "sync") == 0
    assert trial.problems() == {}
    assert len(_writes_of(trial)) == _WRITE_COUNT


@pytest.mark.parametrize("moment", KILL_MOMENTS)
def test_killed_at_any_request_the_next_start_ends_as_if_undisturbed(
    new_workspace: NewWorkspace, moment: str
) -> None:
    problems, routes = {}, []
    for nth in range(1, 100):
        trial = Trial(new_workspace)
        killed_request = run_and_kill(trial.workspace, nth, moment)
        if killed_request is None:
            break
        routes.append(killed_request.route)
        if trial_problems := _sync_and_check(trial):
            problems[f"request {nth}, {killed_request.route}, {moment}"] = trial_problems
    assert problems == {}
    assert routes.count("batch_update") == _WRITE_COUNT
    assert len(routes) == nth - 1 > 20


def _kill_at_steps(
    new_workspace: NewWorkspace, steps: Sequence[int]
) -> dict[int, dict[str, object]]:
    problems = {}
    for step in steps:
        trial = Trial(new_workspace)
        if run(trial.workspace, "sync", kill_at_step=step) != KILLED:
            assert step > 0.9 * steps[-1]  # how many there are depends a little on the time
            break
        if trial_problems := _sync_and_check(trial):
            problems[step] = trial_problems
    return problems


def test_killed_before_every_second_commit_the_next_start_ends_as_if_undisturbed(
    new_workspace: NewWorkspace,
) -> None:
    step_count = count_sync_steps(Trial(new_workspace).workspace)
    assert step_count > 40
    assert _kill_at_steps(new_workspace, range(2, step_count + 1, 2)) == {}


@pytest.mark.long
def test_killed_before_any_commit_the_next_start_ends_as_if_undisturbed(
    new_workspace: NewWorkspace,
) -> None:
    step_count = count_sync_steps(Trial(new_workspace).workspace)
    assert _kill_at_steps(new_workspace, range(1, step_count + 1)) == {}


def _kill_twice(
    new_workspace: NewWorkspace, firsts: Iterable[int], seconds: Iterable[int]
) -> dict[str, object]:
    """Kill a sync at a write, then the one that recovers, then let a third one through."""
    problems: dict[str, object] = {}
    for first in firsts:
        for second in seconds:
            trial = Trial(new_workspace)
            killed_request = run_and_kill(trial.workspace, first, UNANSWERED)
            if killed_request is None or run_and_kill(trial.workspace, second, UNANSWERED) is None:
                break
            if trial_problems := _sync_and_check(trial):
                problems[f"{killed_request.route} {first}, then {second}"] = trial_problems
    return problems


def test_killed_in_the_gap_and_again_while_recovering_nothing_stays_blank(
    new_workspace: NewWorkspace,
) -> None:
    clears = _undisturbed_writes(new_workspace)[::2]
    assert _kill_twice(new_workspace, clears, range(6, 10)) == {}


@pytest.mark.long
def test_killed_at_any_write_and_again_anywhere_nothing_stays_blank(
    new_workspace: NewWorkspace,
) -> None:
    writes = _undisturbed_writes(new_workspace)
    assert _kill_twice(new_workspace, writes, range(1, 60)) == {}


def test_an_open_move_is_finished_before_anything_else_is_asked(
    new_workspace: NewWorkspace,
) -> None:
    *_, last_clear, _ = _undisturbed_writes(new_workspace)
    trial = Trial(new_workspace)
    workspace = trial.workspace
    run_and_kill(workspace, last_clear, UNANSWERED)
    cleared_records = workspace.blank_records()
    assert len(cleared_records) == 1
    workspace.sandbox.clear_requests()
    assert run(workspace, "sync") == 0
    opening_routes = ["account", "pipelines", *["properties"] * 3]
    recovery_routes = ["batch_read", "batch_update", "batch_read"]
    routes = [request.route for request in workspace.sandbox.requests]
    assert sorted(routes[:5]) == opening_routes  # side by side, in any order
    assert routes[5:8] == recovery_routes
    assert workspace.sandbox.requests[6].body["inputs"] == [
        {"id": record.removeprefix("contacts/"), "properties": trial.expected_values(record)}
        for record in cleared_records
    ]
