"""The journey of a lead, step by step: what a person does, and what one sync makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.journeys.sample_records import (
    DEMO_FORM,
    EBOOK_FORM,
    LOST,
    OPEN,
    WON,
    create_company,
    create_contact,
    submit_form,
)
from tests.journeys.workspace import Workspace

_DAY = 86_400.0
SQL = "salesqualifiedlead"


@dataclass
class JourneyRecords:
    """Anna, her firm, and the deal that comes about."""

    contact: str
    company: str
    deal: str = ""


@dataclass(frozen=True)
class Step:
    """What happens, and what the contact and the company shall be after one sync."""

    name: str
    action: Callable[[Workspace, JourneyRecords], None]
    stage: str
    status: str
    company: str


def _submit_ebook_form(workspace: Workspace, records: JourneyRecords) -> None:
    submit_form(workspace.portal, records.contact, EBOOK_FORM)


def _submit_demo_form(workspace: Workspace, records: JourneyRecords) -> None:
    submit_form(workspace.portal, records.contact, DEMO_FORM)


def _set_connected(workspace: Workspace, records: JourneyRecords) -> None:
    workspace.portal.edit("contacts", records.contact, {"hs_lead_status": "CONNECTED"})


def _create_deal(workspace: Workspace, records: JourneyRecords) -> None:
    properties = {"dealname": "Solceller", "pipeline": "default", "dealstage": OPEN}
    records.deal = workspace.portal.create("deals", properties, source="CRM_UI")
    workspace.portal.associate("deals", records.deal, "contacts", records.contact)
    workspace.portal.associate("deals", records.deal, "companies", records.company, primary=True)


def _move_deal(stage: str) -> Callable[[Workspace, JourneyRecords], None]:
    def move(workspace: Workspace, records: JourneyRecords) -> None:
        workspace.portal.edit("deals", records.deal, {"dealstage": stage})

    return move


STEPS = (
    Step("an e-book form", _submit_ebook_form, "lead", "", ""),
    Step("a demo form", _submit_demo_form, SQL, "NEW", ""),
    Step("the seller sets Connected", _set_connected, SQL, "CONNECTED", ""),
    Step("a deal is created", _create_deal, "opportunity", "OPEN_DEAL", "opportunity"),
    Step("the deal is won", _move_deal(WON), "customer", "", "customer"),
    Step("it is reopened", _move_deal(OPEN), "opportunity", "OPEN_DEAL", "opportunity"),
    Step("and lost", _move_deal(LOST), SQL, "BAD_TIMING", SQL),
)


def begin_journey(workspace: Workspace) -> JourneyRecords:
    """Let the two come into the portal without a stage, and start the mirror."""
    portal = workspace.portal
    company_id = create_company(portal, "Fjordkraftverk AS", days=1)
    anna = create_contact(portal, "anna", days=1)
    portal.associate("contacts", anna, "companies", company_id, primary=True)
    workspace.sync()
    assert journey_state(workspace, JourneyRecords(anna, company_id)) == ("lead", "", "")
    return JourneyRecords(contact=anna, company=company_id)


def journey_state(workspace: Workspace, records: JourneyRecords) -> tuple[str, str, str]:
    read_value = workspace.portal.value
    return (
        read_value("contacts", records.contact, "lifecyclestage"),
        read_value("contacts", records.contact, "hs_lead_status"),
        read_value("companies", records.company, "lifecyclestage"),
    )


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_one_sync_after_each_step_puts_contact_and_company_where_they_belong(
    new_workspace: Callable[..., Workspace], family: str
) -> None:
    workspace = new_workspace(HUBSPOT_API_VERSION=family)
    records = begin_journey(workspace)
    states = {}
    for step in STEPS:
        workspace.portal.clock.advance(_DAY)
        step.action(workspace, records)
        workspace.sync()
        states[step.name] = journey_state(workspace, records)
    assert states == {step.name: (step.stage, step.status, step.company) for step in STEPS}


def test_a_second_sync_after_a_step_writes_nothing(workspace: Workspace) -> None:
    records = begin_journey(workspace)
    for step in STEPS:
        workspace.portal.clock.advance(_DAY)
        step.action(workspace, records)
        workspace.sync()
        write_count = len(workspace.sandbox.write_requests())
        workspace.sync()
        assert len(workspace.sandbox.write_requests()) == write_count, step.name


def test_steps_that_no_sync_saw_are_made_up_for_by_the_next_one(workspace: Workspace) -> None:
    records = begin_journey(workspace)
    for step in STEPS[:-1]:
        workspace.portal.clock.advance(_DAY)
        step.action(workspace, records)
    workspace.sync()
    assert journey_state(workspace, records) == ("opportunity", "OPEN_DEAL", "opportunity")


def test_every_step_is_audited_with_the_rule_that_asked_for_it(workspace: Workspace) -> None:
    records = begin_journey(workspace)
    rules = []
    for step in STEPS:
        workspace.portal.clock.advance(_DAY)
        step.action(workspace, records)
        line_count = len(workspace.audit_lines())
        workspace.sync()
        lines = workspace.audit_lines()[line_count:]
        assert {line.outcome for line in lines} <= {"applied"}
        rules.append([line.rule for line in lines if line.record.id == records.contact])
    assert rules == [
        [],
        ["handover", "status-new"],
        [],
        ["open-deal", "status-open-deal"],
        ["won", "status-after-won"],
        ["reopened", "status-open-deal"],
        ["lost", "status-after-loss"],
    ]
