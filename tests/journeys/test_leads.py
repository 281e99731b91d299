"""The leads object end to end: read in every API family, and never guessed without its scope."""

from __future__ import annotations

import pytest

from connector.errors import UserError
from tests.journeys.workspace import Workspace

SQL = "salesqualifiedlead"
FROM_LEADS = "extends: standard\nsettings: {lead_status: {from: leads}}\n"


def use_policy(workspace: Workspace, **overrides: str) -> None:
    """Let the workspace decide by the stages of leads."""
    path = workspace.folder / "policy.yaml"
    path.write_text(FROM_LEADS, encoding="utf-8")
    workspace.overrides = {"CONNECTOR_POLICY": str(path), **overrides}


def add_lead(workspace: Workspace) -> tuple[str, str]:
    """Create a sales-ready contact with a lead that sales is trying to reach."""
    portal = workspace.portal
    contact = portal.create("contacts", {"lifecyclestage": SQL, "hs_lead_status": "NEW"})
    properties = {"hs_lead_name": "Nordlys", "hs_pipeline_stage": "attempting-stage-id"}
    lead = portal.create("leads", properties)
    portal.associate("leads", lead, "contacts", contact)
    return contact, lead


@pytest.mark.network
@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_the_lead_status_follows_the_lead_in_every_api_family(
    workspace: Workspace, family: str
) -> None:
    use_policy(workspace, HUBSPOT_API_VERSION=family)
    contact, lead = add_lead(workspace)
    workspace.sync()
    assert workspace.value(f"contacts/{contact}.hs_lead_status") == "ATTEMPTED_TO_CONTACT"

    workspace.portal.clock.advance(600)
    workspace.portal.edit("leads", lead, {"hs_pipeline_stage": "connected-stage-id"})
    workspace.portal.clock.advance(60)
    workspace.sync()
    assert workspace.value(f"contacts/{contact}.hs_lead_status") == "CONNECTED"


@pytest.mark.network
def test_without_the_scope_nothing_is_decided_and_the_message_says_what_to_do(
    workspace: Workspace,
) -> None:
    use_policy(workspace)
    contact, _ = add_lead(workspace)
    workspace.portal.switches.scopes -= {"crm.objects.leads.read"}
    with pytest.raises(UserError, match=r"crm\.objects\.leads\.read.*lead_status\.from: rules"):
        workspace.sync()
    assert workspace.value(f"contacts/{contact}.hs_lead_status") == "NEW"


@pytest.mark.network
def test_a_scope_that_is_taken_away_later_clears_nothing(workspace: Workspace) -> None:
    use_policy(workspace)
    contact, _ = add_lead(workspace)
    workspace.sync()
    workspace.portal.switches.scopes -= {"crm.objects.leads.read"}
    workspace.portal.clock.advance(3600)
    workspace.portal.edit("contacts", contact, {"jobtitle": "Buyer"})
    with pytest.raises(UserError, match=r"crm\.objects\.leads\.read"):
        workspace.sync()
    assert workspace.value(f"contacts/{contact}.hs_lead_status") == "ATTEMPTED_TO_CONTACT"


@pytest.mark.network
def test_a_token_without_the_scope_serves_the_standard_policy(workspace: Workspace) -> None:
    contact, _ = add_lead(workspace)
    workspace.portal.switches.scopes -= {"crm.objects.leads.read"}
    workspace.sync()
    assert workspace.value(f"contacts/{contact}.hs_lead_status") == "NEW"
