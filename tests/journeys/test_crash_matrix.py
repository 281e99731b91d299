"""Kill the process during every fault: the next start ends as if there had been neither."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.core.model import Ref
from state import audit, outbox
from tests.journeys.crash_matrix import (
    BATCH,
    FAULTS,
    NewWorkspace,
    Trial,
    TrialResult,
    count_undisturbed_sync,
    create_matrix_records,
    find_problems,
    restart_until_quiet,
    run_trial,
    sample,
)
from tests.journeys.kill_process import UNANSWERED, ConnectorProcess, run_and_kill
from tests.journeys.sample_records import expected_audit
from tests.journeys.workspace import new_portal

# As many as take a minute; the long form goes through all.
_TRIALS_PER_FAULT = 3
# The long form is held in parts, so that several processes share it.
_PARTS = 20


def _failed_trials(new_workspace: NewWorkspace, trials: Sequence[Trial]) -> dict[str, TrialResult]:
    """Hold trials, most of which must end in a kill; return those in which something is wrong."""
    results = {str(trial): run_trial(new_workspace, trial) for trial in trials}
    assert sum(result.killed for result in results.values()) > len(trials) // 2
    return {trial: result for trial, result in results.items() if result.problems}


def test_killed_under_a_fault_the_next_start_ends_as_if_neither_had_happened(
    new_workspace: NewWorkspace,
) -> None:
    trials = sample(count_undisturbed_sync(new_workspace).trials(), _TRIALS_PER_FAULT)
    assert {trial.fault for trial in trials} == set(FAULTS)
    # Not the same few moments under every fault.
    assert len({(trial.request, trial.moment, trial.step) for trial in trials}) > len(trials) // 2
    assert _failed_trials(new_workspace, trials) == {}


@pytest.mark.long
@pytest.mark.timeout(10_800)
@pytest.mark.parametrize("part", range(_PARTS))
def test_killed_anywhere_under_any_fault_the_next_start_ends_as_if_neither_had_happened(
    new_workspace: NewWorkspace, part: int
) -> None:
    trials = list(count_undisturbed_sync(new_workspace).trials())
    assert len(trials) >= 1000
    assert _failed_trials(new_workspace, trials[part::_PARTS]) == {}


# What the matrix is worth: each defect that it is there for, planted, is found.


def _kill_in_the_gap(
    new_workspace: NewWorkspace, *, clear: int = 7, count: int = 2
) -> tuple[object, ...]:
    """Kill at a clear: the 7th write clears two records, the 5th one."""
    workspace = new_workspace(new_portal(running=True))
    expected = create_matrix_records(workspace.portal)
    expected_lines = expected_audit(workspace.values(*expected), expected)
    killed_request = run_and_kill(workspace, clear, UNANSWERED, route="batch_update", batch=BATCH)
    assert killed_request is not None
    assert len(workspace.blank_records()) == count
    return workspace, expected, expected_lines


def test_a_promise_that_is_lost_is_found_by_the_matrix(new_workspace: NewWorkspace) -> None:
    workspace, expected, expected_lines = _kill_in_the_gap(new_workspace, clear=5, count=1)
    portal_id = str(workspace.portal.portal_id)
    with workspace.store() as store, store.begin(portal_id) as session:
        outbox.close(session, [Ref.parse(record) for record in workspace.blank_records()])
    assert restart_until_quiet(workspace) == {}
    assert {"values", "not audited"} <= find_problems(workspace, expected, expected_lines).keys()


def test_a_line_that_is_audited_twice_is_found_by_the_matrix(new_workspace: NewWorkspace) -> None:
    workspace, expected, expected_lines = _kill_in_the_gap(new_workspace)
    assert restart_until_quiet(workspace) == {}
    assert find_problems(workspace, expected, expected_lines) == {}
    portal_id = str(workspace.portal.portal_id)
    with workspace.store() as store, store.begin(portal_id) as session:
        audit.append(session, list(audit.read(session, limit=1)))
    assert find_problems(workspace, expected, expected_lines).keys() == {"audited twice"}


def test_what_goes_wrong_in_the_box_while_it_kills_fails_the_trial(
    new_workspace: NewWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(process: ConnectorProcess) -> None:
        process.signal(9)
        raise TimeoutError("planted")

    monkeypatch.setattr(ConnectorProcess, "kill", fail)
    with pytest.raises(TimeoutError, match="planted"):
        _kill_in_the_gap(new_workspace)
