"""Check which active workflows set stage or lead status, and whether the policy does the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.model import STAGE, STATUS, ObjectType, Workflow
from connector.errors import ConnectorError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.http.failures import ScopeMissing
from connector.operations.finding import CheckResult, Finding

WORKFLOW_PAGES: Final = 5
"""Hundreds of workflows that are looked at; each costs two requests at most."""
_SECTION: Final = "writers"


def check_workflows(api: HubSpotApi, policy: BoundPolicy) -> Iterator[Finding]:
    """Yield the workflows that set stage or lead status; unknown without the scope `automation`."""
    try:
        result = api.workflows(pages=WORKFLOW_PAGES)
    except ScopeMissing:
        message = "unknown: the token lacks the scope `automation`, which nothing else needs"
        yield Finding(name="workflows", result=CheckResult.OK, message=message, section=_SECTION)
        return
    except ConnectorError as error:
        message = f"unknown: the workflows could not be read ({error})"
        yield Finding(
            name="workflows", result=CheckResult.WARNING, message=message, section=_SECTION
        )
        return
    findings = [
        _finding(policy, workflow, name, value)
        for workflow in result.workflows
        for name, value in workflow.set_values
        if name in {STAGE, STATUS}
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
        message = "no active workflow sets stage or lead status"
        yield Finding(name="workflows", result=CheckResult.OK, message=message, section=_SECTION)


def _finding(policy: BoundPolicy, workflow: Workflow, name: str, value: str) -> Finding:
    agrees = value in _targets(policy, workflow.object_type, name)
    judgement = (
        "a rule of the policy leads there as well"
        if agrees
        else "no rule of the policy leads there, so it fights with the policy: change it in "
        "Automation > Workflows, or add a rule"
    )
    sets = f"sets {name} to {value}" if value else f"clears {name}, or sets it from elsewhere"
    return Finding(
        name=f"workflow {workflow.id}",
        result=CheckResult.OK if agrees else CheckResult.WARNING,
        message=f"{workflow.name} ({workflow.object_type}) {sets}: {judgement}",
        section=_SECTION,
    )


def _targets(policy: BoundPolicy, object_type: ObjectType, name: str) -> set[str | None]:
    """Return the values to which the policy's rules or rows lead."""
    object_policy = policy.object_policies[object_type]
    entries = object_policy.rules if name == STAGE else object_policy.rows
    return {
        value for entry in entries for value in (entry.otherwise, *entry.targets.values()) if value
    }
