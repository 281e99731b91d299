"""Trials of the crash matrix: a plan, a fault, a kill, restarts, and what is wrong then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from shutil import rmtree

from connector.core.corrections.audit import AuditLine
from connector.errors import ConnectorError
from connector.sandbox.http.faults import Fault
from connector.sandbox.portal.portal import Portal
from tests.journeys.kill_process import KILL_MOMENTS, KILLED, count_sync_steps, run, run_and_kill
from tests.journeys.sample_records import (
    create_mixed_records,
    create_reopened_customer,
    expected_audit,
)
from tests.journeys.workspace import Workspace, applied_values, lines_applied_twice, new_portal

NewWorkspace = Callable[..., Workspace]
# The fault, and whether a write took effect before it struck.
FAULTS = (
    ("500", "before"),
    ("500", "after"),
    ("502", "before"),
    ("503", "before"),
    ("504", "after"),
    ("429-secondly", "before"),
    ("429-ten-secondly", "before"),
    ("429-daily", "before"),
    ("423", "before"),
    ("401", "before"),
    ("reset", "after"),
    ("timeout", "after"),
    ("truncated", "after"),
    ("207", "before"),
    ("empty", "after"),
)
# So many records to a batch: two contacts go back alone, the next two together.
BATCH = 2
WRITES = 9
_RESTARTS = 5


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One fault at one write, and one kill: at a request, or right before a step of the store."""

    fault: tuple[str, str]
    write: int
    request: int = 0
    moment: str = ""
    step: int = 0

    def __str__(self) -> str:
        location = f"request {self.request} {self.moment}" if self.request else f"step {self.step}"
        return f"{' '.join(self.fault)} at write {self.write}, killed at {location}"


@dataclass(frozen=True, kw_only=True)
class SyncCounts:
    """How many requests and steps an undisturbed sync takes, and its first and last write."""

    requests: int
    steps: int
    first_write: int

    def trials(self) -> Iterator[Trial]:
        """Yield every fault at every point from the plan on, each with the next of the writes."""
        for fault_index, fault in enumerate(FAULTS):
            requests = range(self.first_write - 1, self.requests + 1)
            for position, (point, moment) in enumerate(
                product(requests, KILL_MOMENTS), fault_index
            ):
                yield Trial(fault=fault, write=1 + position % WRITES, request=point, moment=moment)
            for point in range(self.steps // 2, self.steps + 1):
                yield Trial(fault=fault, write=1 + (fault_index + point) % WRITES, step=point)


def create_matrix_records(portal: Portal) -> dict[str, str]:
    """Create the mixed records, and two more that must go back; return the values they must get."""
    expected = create_mixed_records(portal)
    for name in ("frida", "greta"):
        customer = create_reopened_customer(portal, name)
        expected[f"contacts/{customer}.lifecyclestage"] = "opportunity"
        expected[f"contacts/{customer}.hs_lead_status"] = "OPEN_DEAL"
    return expected


def count_undisturbed_sync(new_workspace: NewWorkspace) -> SyncCounts:
    """Run undisturbed, and count."""
    workspace = new_workspace(new_portal(running=True))
    create_matrix_records(workspace.portal)
    steps = count_sync_steps(workspace, batch=BATCH)
    routes = [request.route for request in workspace.sandbox.requests]
    assert routes.count("batch_update") == WRITES
    first_write = routes.index("batch_update") + 1
    return SyncCounts(requests=len(routes), steps=steps, first_write=first_write)


def sample(trials: Iterable[Trial], count_per_fault: int) -> Sequence[Trial]:
    """Return so many trials of each fault, killed at moments that a fixed seed chooses."""
    random = Random(1)
    trials_by_fault: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        trials_by_fault.setdefault(trial.fault, []).append(trial)
    return [
        trial
        for fault_trials in trials_by_fault.values()
        for trial in random.sample(fault_trials, count_per_fault)
    ]


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a trial came to: whether it was killed, and what is wrong in the end."""

    killed: bool
    problems: dict[str, object]


def run_trial(new_workspace: NewWorkspace, trial: Trial) -> TrialResult:
    """Hold one trial: kill under the fault, start again until all is quiet, and look."""
    workspace = new_workspace(new_portal(running=True))
    expected = create_matrix_records(workspace.portal)
    expected_lines = expected_audit(workspace.values(*expected), expected)
    kind, when = trial.fault
    fault = Fault(kind=kind, when=when, route="batch_update", nth=trial.write, retry_after=0)
    workspace.sandbox.faults.add(fault)
    try:
        killed = _kill(workspace, trial)
        problems = {
            **restart_until_quiet(workspace),
            **find_problems(workspace, expected, expected_lines),
        }
    finally:  # a thousand sandboxes and databases are not kept until the end
        workspace.sandbox.close()
        rmtree(workspace.folder)
    return TrialResult(killed=killed, problems=problems)


def _kill(workspace: Workspace, trial: Trial) -> bool:
    if trial.step:
        return run(workspace, "sync", kill_at_step=trial.step, batch=BATCH) == KILLED
    killed_request = run_and_kill(workspace, trial.request, trial.moment, batch=BATCH)
    return killed_request is not None


def restart_until_quiet(workspace: Workspace) -> dict[str, object]:
    """Start again until a sync has nothing to do; a fault that is left may stop a start."""
    for _ in range(_RESTARTS):
        fault_count = len(workspace.sandbox.faults.injected)
        try:
            nothing_to_do = not workspace.sync().plan.summary.corrections
        except ConnectorError as error:
            open_records = {str(move.record) for move in workspace.open_moves()}
            if fault_count == len(workspace.sandbox.faults.injected):
                return {"failed without a fault": repr(error)}
            if unaccounted := set(workspace.blank_records()) - open_records:
                return {"blank, and no move open": unaccounted}
            continue
        if blank_records := workspace.blank_records():
            return {"blank after a restart": blank_records}
        if nothing_to_do:
            return {}
    return {"no rest after so many restarts": _RESTARTS}


def find_problems(
    workspace: Workspace, expected: dict[str, str], expected_lines: list[tuple[str, str, str]]
) -> dict[str, object]:
    """Return what is not as after an undisturbed run; nothing should be."""
    lines = workspace.audit_lines()
    problems: dict[str, object] = {
        "blank": workspace.blank_records(),
        "values": expected_audit(expected, workspace.values(*expected)),
        "open moves": workspace.open_moves(),
        "not audited": set(expected_lines) - set(applied_values(lines)),
        "audited, and not due": set(applied_values(lines)) - set(expected_lines),
        "audited twice": [*lines_applied_twice(lines), *duplicate_lines(lines)],
    }
    return {name: problem for name, problem in problems.items() if problem}


def duplicate_lines(lines: Iterable[AuditLine]) -> list[str]:
    """Return what stands in the audit twice: one fault lets nothing end the same way again."""
    rows = Counter(
        f"{line.record} {line.property_name} {line.before}>{line.after} {line.outcome}"
        for line in lines
    )
    return [row for row, count in rows.items() if count > 1]
