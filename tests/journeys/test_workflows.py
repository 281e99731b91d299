"""A plan names the active workflows that enrol on what it writes, or says that it is unknown."""

from __future__ import annotations

import orjson
import pytest

from connector.cli import main
from connector.core.model import ObjectType, Workflow
from connector.hubspot.http.failures import BadAnswer
from connector.sandbox.http.faults import Fault
from connector.sandbox.portal.workflows import known_property_criteria, property_change_criteria
from tests.journeys.sample_records import create_reopened_customer
from tests.journeys.workspace import Workspace

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def pulled_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Return a pulled portal with one thing to correct, and workflows of every kind."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    create_reopened_customer(workspace.portal)
    portal = workspace.portal
    portal.add_workflow("Welcome back", known_property_criteria("lifecyclestage"))
    portal.add_workflow("Status bell", property_change_criteria("hs_lead_status"))
    portal.add_workflow("Asleep", known_property_criteria("lifecyclestage"), enabled=False)
    portal.add_workflow("Newsletter", known_property_criteria("email"))
    portal.add_workflow("Of deals", known_property_criteria("lifecyclestage"), object_type="deals")
    portal.add_workflow(
        "Of companies", known_property_criteria("lifecyclestage"), object_type="companies"
    )
    assert main.run_command(["pull"]) == 0
    return workspace


def run_plan(capsys: Capture, *options: str) -> str:
    capsys.readouterr()
    assert main.run_command(["plan", *options]) == 0
    return capsys.readouterr().out


def test_the_active_ones_that_enrol_on_stage_or_status_are_named(
    pulled_workspace: Workspace, capsys: Capture
) -> None:
    pulled_workspace.portal.switches.scopes.add("automation")
    workflows = orjson.loads(run_plan(capsys, "--json"))["workflows"]
    assert [workflow["name"] for workflow in workflows] == [
        "Welcome back",
        "Status bell",
        "Of companies",
    ]
    assert "may start: Welcome back (71000)" in run_plan(capsys).replace("\n", " ")
    pulled_workspace.portal.workflows.clear()
    assert "No active workflow enrols" in run_plan(capsys)


def test_without_the_scope_it_is_said_that_nobody_knows(
    pulled_workspace: Workspace, capsys: Capture
) -> None:
    assert orjson.loads(run_plan(capsys, "--json"))["workflows"] is None
    assert "is not known: the token lacks the" in run_plan(capsys)


def test_a_portal_of_many_workflows_is_read_page_by_page(workspace: Workspace) -> None:
    workspace.portal.switches.scopes.add("automation")
    for number in range(150):
        workspace.portal.add_workflow(f"w{number}", known_property_criteria("lifecyclestage"))
    with workspace.open_context() as context:
        workflows = context.api.workflows().workflows
    assert [workflow.name for workflow in workflows] == [f"w{number}" for number in range(150)]
    assert workflows[0] == Workflow(
        id="71000",
        name="w0",
        object_type=ObjectType.CONTACTS,
        enrollment_properties=frozenset({"lifecyclestage"}),
    )
    assert (
        workspace.sandbox.request_count("flows")
        == workspace.sandbox.request_count("flows_read")
        == 2
    )


def test_pages_of_workflows_that_do_not_advance_are_not_followed_for_ever(
    workspace: Workspace,
) -> None:
    workspace.portal.switches.scopes.add("automation")
    for number in range(250):
        workspace.portal.add_workflow(f"w{number}", known_property_criteria("lifecyclestage"))
    workspace.sandbox.faults.add(Fault(route="flows", kind="standing-cursor", nth=2, times=0))
    with (
        workspace.open_context() as context,
        pytest.raises(BadAnswer, match="workflows do not advance"),
    ):
        context.api.workflows()
    assert workspace.sandbox.request_count("flows") == 2
