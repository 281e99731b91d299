"""A stage that the portal's required properties refuse costs no record the stage that it has."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connector.core.model import STAGE, Outcome
from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import Fault
from connector.sandbox.portal.portal import Portal
from tests.journeys.command_line import RunConnector
from tests.journeys.kill_process import KILL_MOMENTS, run, run_and_kill
from tests.journeys.sample_records import create_reopened_customer
from tests.journeys.test_faults import sync_until_quiet
from tests.journeys.workspace import Workspace

pytestmark = pytest.mark.network

ENFORCING, OLDER = "2026-09", "2026-03"
REFUSAL = "REQUIRED_PROPERTY jobtitle"
BEFORE, AFTER = "customer", "opportunity"
ANY_STAGE = {"value": "*", "requires": "jobtitle"}
THE_NEW_STAGE = {"value": AFTER, "requires": "jobtitle"}


def stages_of(portal: Portal, contact: str) -> list[str]:
    """Return the stages that a contact had, the oldest first."""
    versions = portal.record("contacts", contact).history(STAGE)
    return [version.value for version in sorted(versions, key=lambda version: version.at)]


def outcomes(workspace: Workspace, contact: str) -> list[Outcome]:
    lines = workspace.audit_lines(f"contacts/{contact}")
    return [line.outcome for line in lines if line.property_name == STAGE]


def require(workspace: Workspace, version: str, rule: Mapping[str, str]) -> None:
    """Let a stage of a contact require another property, and the connector use an API family."""
    workspace.overrides = {"HUBSPOT_API_VERSION": version}
    workspace.portal.switches.put("required_rules", [{"property_name": STAGE, **rule}])


@pytest.mark.parametrize("rule", [ANY_STAGE, THE_NEW_STAGE], ids=["any stage", "the new stage"])
def test_a_refused_stage_is_known_before_anything_is_cleared(
    workspace: Workspace, run_connector: RunConnector, rule: dict[str, str]
) -> None:
    require(workspace, ENFORCING, rule)
    incomplete = [create_reopened_customer(workspace.portal, f"i{i}") for i in range(3)]
    complete = [create_reopened_customer(workspace.portal, f"c{i}") for i in range(3)]
    for contact in complete:
        workspace.portal.edit("contacts", contact, {"jobtitle": "CFO"})
    sync_until_quiet(workspace)
    for contact in incomplete:
        assert "" not in stages_of(workspace.portal, contact)
        assert workspace.value(f"contacts/{contact}.{STAGE}") == BEFORE
        assert outcomes(workspace, contact) == [Outcome.REFUSED, Outcome.REFUSED]
    for contact in complete:
        assert workspace.value(f"contacts/{contact}.{STAGE}") == AFTER
    quarantined = run_connector("quarantine", "list", "--json").json
    reasons = {entry["record"]: entry["reason"] for entry in quarantined}
    assert set(reasons) == {f"contacts/{contact}" for contact in incomplete}
    assert all(REFUSAL in reason and "asked before" in reason for reason in reasons.values())
    checks = {line["name"]: line for line in run_connector("check", "--json").json}
    learnt = checks["required for a stage of contacts"]
    assert (learnt["light"], learnt["section"]) == ("warning", "properties")
    assert REFUSAL in learnt["message"]


@pytest.mark.parametrize(
    "rule",
    [
        {"value": BEFORE, "requires": "jobtitle"},
        {"value": "*", "requires": "email"},
        {"value": "*", "requires": "hs_lead_status"},
        {"value": "*", "requires": "jobtitle", "object_type": "companies"},
    ],
    ids=["the old stage", "what it has", "what the move sets", "another type"],
)
def test_rules_that_the_move_fulfils_hold_nothing_back(
    workspace: Workspace, rule: dict[str, str]
) -> None:
    require(workspace, ENFORCING, rule)
    anna = create_reopened_customer(workspace.portal)
    sync_until_quiet(workspace)
    assert workspace.value(f"contacts/{anna}.{STAGE}") == AFTER
    assert outcomes(workspace, anna) == [Outcome.APPLIED]


def test_one_refusal_teaches_every_later_run_to_ask_first(workspace: Workspace) -> None:
    require(workspace, OLDER, THE_NEW_STAGE)
    first = create_reopened_customer(workspace.portal, "first")
    workspace.sync()
    assert outcomes(workspace, first) == [Outcome.RESTORED]
    second = create_reopened_customer(workspace.portal, "second")
    workspace.portal.edit("contacts", second, {"city": "Bergen"})
    sync_until_quiet(workspace)
    assert "" not in stages_of(workspace.portal, second)
    assert outcomes(workspace, second) == [Outcome.REFUSED, Outcome.REFUSED]


@pytest.mark.parametrize("moment", KILL_MOMENTS)
@pytest.mark.parametrize("nth", range(1, 4), ids=["question", "clear", "set"])
def test_killed_at_any_write_behind_a_question_the_next_start_ends_as_if_undisturbed(
    workspace: Workspace, nth: int, moment: str
) -> None:
    workspace.overrides = {"HUBSPOT_API_VERSION": ENFORCING}
    anna = create_reopened_customer(workspace.portal)
    assert run_and_kill(workspace, nth, moment, route="batch_update")
    if nth == 1:
        assert workspace.value(f"contacts/{anna}.{STAGE}") == BEFORE
    assert run(workspace, "sync") == 0
    assert workspace.value(f"contacts/{anna}.{STAGE}") == AFTER
    assert workspace.open_moves() == ()
    assert outcomes(workspace, anna) == [Outcome.APPLIED]


def test_a_persons_edit_that_the_question_wrote_over_comes_back(workspace: Workspace) -> None:
    require(workspace, ENFORCING, ANY_STAGE)
    anna = create_reopened_customer(workspace.portal)
    workspace.portal.edit("contacts", anna, {"jobtitle": "CFO"})
    # The question is the first write, and the clear, which is refused, the second.
    workspace.sandbox.faults.add(Fault(route="batch_update", kind="400", nth=2))

    def edit_before_the_question(request: Request) -> None:
        if request.route == "batch_update":
            workspace.sandbox.before_answer = None
            workspace.portal.edit("contacts", anna, {STAGE: "subscriber"})

    workspace.sandbox.before_answer = edit_before_the_question
    workspace.sync()
    assert AFTER in stages_of(workspace.portal, anna)
    assert workspace.value(f"contacts/{anna}.{STAGE}") == "subscriber"
    assert outcomes(workspace, anna) == [Outcome.RESTORED]
