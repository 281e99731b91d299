"""An undo that is killed anywhere holds what it put back and nothing else; a second one ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count

import pytest

from connector.operations.sync import sync
from connector.operations.undo import Selection, plan_undo, undo
from state import holds
from tests.journeys.kill_process import KILLED, UNANSWERED, run, run_and_kill
from tests.journeys.sample_records import create_mixed_records
from tests.journeys.workspace import Workspace, new_portal

NewWorkspace = Callable[..., Workspace]
_BATCH = 2


def workspace_after_sync(
    new_workspace: NewWorkspace,
) -> tuple[Workspace, dict[str, str], dict[str, str], str]:
    """Return a workspace after a run, the values before and after it, and the run."""
    workspace = new_workspace(new_portal(running=True))
    expected = create_mixed_records(workspace.portal)
    before = workspace.values(*expected)
    first_sync = workspace.sync()
    workspace.portal.clock.advance(60)
    return workspace, before, workspace.values(*expected), first_sync.run


def held_properties(workspace: Workspace) -> set[str]:
    with workspace.store() as store, store.reading(str(workspace.portal.portal_id)) as session:
        active_holds = holds.read_active(session, now=workspace.portal.clock.now())
    return {f"{hold.target}.{hold.property_name}" for hold in active_holds}


def wrong_properties(
    workspace: Workspace, before: dict[str, str], after: dict[str, str]
) -> dict[str, object]:
    """Return what is neither put back and held, nor as it was and free."""
    current_values, held_names = workspace.values(*before), held_properties(workspace)
    return {
        name: (before[name], after[name], current_values[name], name in held_names)
        for name in before
        if before[name] != after[name]
        and (current_values[name], name in held_names)
        not in {(before[name], True), (after[name], False)}
    }


def problems_after_restart(
    workspace: Workspace, before: dict[str, str], after: dict[str, str], run_id: str
) -> object:
    """Start again after the kill; return what is wrong then, and after the same undo once more."""
    workspace.sync()
    if problems := wrong_properties(workspace, before, after) or workspace.blank_records():
        return problems
    workspace.portal.clock.advance(60)
    with workspace.open_context() as context:
        undo(context, plan_undo(context, Selection(run=run_id)))
    if workspace.values(*before) != before:
        return workspace.values(*before)
    workspace.portal.clock.advance(60)
    with workspace.open_context() as context:
        assert not sync(context).outcomes
    return None


def _problems_after_kills(
    new_workspace: NewWorkspace, requests: Iterable[int]
) -> dict[str, object]:
    problems: dict[str, object] = {}
    kills = 0
    for nth in requests:
        workspace, before, after, run_id = workspace_after_sync(new_workspace)
        killed_request = run_and_kill(
            workspace, nth, UNANSWERED, command=("undo", run_id), batch=_BATCH
        )
        if killed_request is None:
            break
        kills += 1
        if kill_problems := problems_after_restart(workspace, before, after, run_id):
            problems[f"request {nth} {killed_request.route}"] = kill_problems
    assert kills > 4
    return problems


def test_killed_at_any_request_of_an_undo_the_holds_tell_the_truth(
    new_workspace: NewWorkspace,
) -> None:
    assert _problems_after_kills(new_workspace, range(6, 24, 2)) == {}


@pytest.mark.long
def test_killed_at_every_request_or_commit_of_an_undo_the_holds_tell_the_truth(
    new_workspace: NewWorkspace,
) -> None:
    assert _problems_after_kills(new_workspace, range(1, 100)) == {}
    problems = {}
    for step in count(1):
        workspace, before, after, run_id = workspace_after_sync(new_workspace)
        if run(workspace, "undo", run_id, kill_at_step=step, batch=_BATCH) != KILLED:
            break
        if kill_problems := problems_after_restart(workspace, before, after, run_id):
            problems[step] = kill_problems
    assert step > 20
    assert problems == {}


def test_an_undo_of_an_undo_that_dies_holds_nothing_that_it_put_back(
    new_workspace: NewWorkspace,
) -> None:
    workspace, before, after, run_id = workspace_after_sync(new_workspace)
    with workspace.open_context() as context:
        undo_run = undo(context, plan_undo(context, Selection(run=run_id))).run
    assert workspace.values(*before) == before
    workspace.portal.clock.advance(60)
    command = ("undo", undo_run)
    killed_request = run_and_kill(
        workspace, 5, UNANSWERED, command=command, route="batch_update", batch=_BATCH
    )
    assert killed_request is not None
    workspace.sync()
    current_values, held_names = workspace.values(*before), held_properties(workspace)
    written_again = {name for name in before if before[name] != after[name] == current_values[name]}
    assert written_again
    assert written_again & held_names == set()
