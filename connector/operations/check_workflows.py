"""Check which active workflows set stage or lead status, and whether the policy does the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.explain.certain_moves import always_moves_stage, always_moves_status
from connector.core.model import STAGE, STATUS, ObjectType, Workflow
from connector.errors import ConnectorError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.http.failures import ScopeMissing
from connector.operations.finding import CheckResult, Finding, unchecked

WORKFLOW_PAGES: Final = 5
"""Hundreds of workflows that are looked at; each costs two requests at most."""
_SECTION: Final = "writers"
_COMPARE: Final = "compare what starts it, in Automation > Workflows, with `connector policy show`"


def check_workflows(api: HubSpotApi, policy: BoundPolicy) -> Iterator[Finding]:
    """Yield the workflows that set stage or lead status; unknown without the scope `automation`."""
    try:
        result = api.workflows(pages=WORKFLOW_PAGES)
    except ScopeMissing:
        message = "unknown: the token lacks the scope `automation`, which nothing else needs"
        yield Finding(name="workflows", result=CheckResult.OK, message=message, section=_SECTION)
        return
    except ConnectorError as error:
        yield unchecked("workflows", error, _SECTION)
        return
    findings = [
        _finding(policy, workflow, name, value)
        for workflow in result.workflows
        for name, value in _final_values(workflow)
    ]
    yield from findings
    if not result.is_complete:
        message = (
            f"only the first {WORKFLOW_PAGES * 100} workflows of the portal were looked at: the "
            "others are unknown, see Automation > Workflows in HubSpot"
        )
        yield Finding(
            name="workflows", result=CheckResult.WARNING, message=message, section=_SECTION
        )
    elif not findings:
        message = "no active workflow of contacts or companies sets stage or lead status"
        yield Finding(name="workflows", result=CheckResult.OK, message=message, section=_SECTION)


def _final_values(workflow: Workflow) -> Iterator[tuple[str, str | None]]:
    """Yield what a workflow sets of stage and lead status, without a clear before another value.

    HubSpot takes a stage further back only after a clear, so the two are one move.
    """
    values = [(name, value) for name, value in workflow.set_values if name in {STAGE, STATUS}]
    names_with_value = {name for name, value in values if value != ""}
    for name, value in dict.fromkeys(values):
        if value != "" or name not in names_with_value:
            yield name, value


def _finding(policy: BoundPolicy, workflow: Workflow, name: str, value: str | None) -> Finding:
    result, verdict = _judge(policy, workflow.object_type, name, value)
    match value:
        case None:
            sets = f"sets {name} to a value from elsewhere"
        case "":
            sets = f"clears {name}"
        case _:
            sets = f"sets {name} to {value}"
    return Finding(
        name=f"workflow {workflow.id}",
        result=result,
        message=f"{workflow.name} ({workflow.object_type}) {sets}: {verdict}",
        section=_SECTION,
    )


def _judge(
    policy: BoundPolicy, object_type: ObjectType, name: str, value: str | None
) -> tuple[CheckResult, str]:
    """Judge by the value alone: what starts a workflow is not compared with the rules."""
    if value is None:
        return CheckResult.WARNING, f"unknown whether it agrees with the policy: {_COMPARE}"
    if value in _targets(policy, object_type, name):
        return CheckResult.OK, "agrees with the policy, where a rule leads there as well"
    always_moves = always_moves_stage if name == STAGE else always_moves_status
    if always_moves(policy, object_type, value):
        return CheckResult.WARNING, (
            "fights with the policy, whose rules move every record from there: change it in "
            "Automation > Workflows, or change the policy"
        )
    return CheckResult.WARNING, (
        "unknown whether it agrees with the policy, which leads no record there and moves not "
        f"every record from there: {_COMPARE}"
    )


def _targets(policy: BoundPolicy, object_type: ObjectType, name: str) -> set[str | None]:
    """Return the values to which the policy's rules or rows lead, "" for a clear."""
    object_policy = policy.object_policies[object_type]
    entries = object_policy.rules if name == STAGE else object_policy.rows
    targets = {value for entry in entries for value in (entry.otherwise, *entry.targets.values())}
    return targets - {None}
