"""A lead status that a seller set outlives the hold: only a new form or a new deal changes it."""

from __future__ import annotations

import pytest

from tests.journeys.sample_records import (
    DEMO_FORM,
    OPEN,
    create_contact,
    create_deal,
    submit_form,
)
from tests.journeys.workspace import Workspace

DAY = 86_400.0
SQL, OPPORTUNITY = "salesqualifiedlead", "opportunity"


def stage_and_status(workspace: Workspace, contact: str) -> tuple[str, str]:
    return (
        workspace.value(f"contacts/{contact}.lifecyclestage"),
        workspace.value(f"contacts/{contact}.hs_lead_status"),
    )


@pytest.fixture
def disqualified(workspace: Workspace) -> str:
    """Return a contact handed over by a demo form, and set back by a person a day later."""
    contact = create_contact(workspace.portal, "anna", "lead")
    submit_form(workspace.portal, contact, DEMO_FORM)
    workspace.sync()
    assert stage_and_status(workspace, contact) == (SQL, "NEW")
    workspace.portal.clock.advance(DAY)
    # In HubSpot's record view a stage may be chosen that lies back.
    workspace.portal.edit("contacts", contact, {"lifecyclestage": ""})
    workspace.portal.edit(
        "contacts", contact, {"lifecyclestage": "lead", "hs_lead_status": "UNQUALIFIED"}
    )
    return contact


def wait_until_day(workspace: Workspace, day: float, last_day: float) -> None:
    workspace.portal.clock.advance((day - last_day) * DAY)
    workspace.sync()


def test_the_same_old_form_never_takes_back_what_a_person_said(
    workspace: Workspace, disqualified: str
) -> None:
    writes = len(workspace.sandbox.write_requests())
    for day, last_day in ((29, 0), (32, 29), (400, 32)):
        wait_until_day(workspace, day, last_day)
        assert stage_and_status(workspace, disqualified) == ("lead", "UNQUALIFIED"), day
    assert len(workspace.sandbox.write_requests()) == writes


def test_a_new_form_frees_it(workspace: Workspace, disqualified: str) -> None:
    wait_until_day(workspace, 32, 0)
    submit_form(workspace.portal, disqualified, DEMO_FORM)
    wait_until_day(workspace, 33, 32)
    # The status is the seller's own word, which the policy keeps on a sales-ready contact.
    assert stage_and_status(workspace, disqualified) == (SQL, "UNQUALIFIED")


def test_what_is_no_verdict_is_held_for_thirty_days_only(
    workspace: Workspace, disqualified: str
) -> None:
    policy = workspace.folder / "mine.yaml"
    policy.write_text("extends: standard\nsettings: {lead_status: {verdicts: []}}\n")
    workspace.overrides = {"CONNECTOR_POLICY": str(policy)}
    wait_until_day(workspace, 29, 0)
    assert stage_and_status(workspace, disqualified)[0] == "lead"
    wait_until_day(workspace, 32, 29)
    assert stage_and_status(workspace, disqualified)[0] == SQL


def test_a_new_deal_frees_it(workspace: Workspace, disqualified: str) -> None:
    wait_until_day(workspace, 32, 0)
    create_deal(workspace.portal, [OPEN], contacts=[disqualified])
    wait_until_day(workspace, 33, 32)
    assert stage_and_status(workspace, disqualified) == (OPPORTUNITY, "OPEN_DEAL")
