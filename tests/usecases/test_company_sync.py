"""Company sync end to end: who follows whom, and who becomes due with whom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.comparing import compare
from connector.core.default_portal import default_portal, definition
from connector.core.policy import load
from connector.errors import UserError
from connector.presets import preset
from connector.settings import read as read_settings
from connector.sync import sync
from state import portals
from tests.usecases.office import COMPANIES, CONTACTS, DEALS, OPEN, START, WON, Office

BOTH = "extends: company-sync"


def test_one_sync_leads_the_whole_circle_and_the_next_one_has_nothing_to_do(
    office: Office,
) -> None:
    firm = office.company("lead")
    on_it = office.contact("lead", associatedcompanyid=firm.id)
    beside = office.contact("lead", associatedcompanyid=firm.id)
    office.deal(OPEN, firm, on_it)
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == ["opportunity"] * 3
    assert office.propose(office.desk(BOTH)).summary["corrections"] == 0


def test_a_won_deal_makes_customers_of_those_on_it_alone(office: Office) -> None:
    firm = office.company("lead")
    on_it, beside = (office.contact("lead", associatedcompanyid=firm.id) for _ in range(2))
    office.deal(WON, firm, on_it)
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert [office.stage(one) for one in (firm, on_it, beside)] == ["customer", "customer", "lead"]


def test_a_changed_contact_makes_its_company_and_its_colleagues_due(office: Office) -> None:
    firm = office.company("lead")
    one, other = (office.contact("lead", associatedcompanyid=firm.id) for _ in range(2))
    sync(office.desk(BOTH))
    office.edit(one, lifecyclestage="salesqualifiedlead", hs_lead_status="NEW")
    office.door.advance(3600)
    sync(office.desk(BOTH))
    assert office.stage(firm) == office.stage(other) == "salesqualifiedlead"


def test_a_large_company_is_left_to_itself(office: Office) -> None:
    policy = f"{BOTH}\nsettings: {{company_sync: {{max_contacts: 1}}}}"
    firm = office.company("opportunity")
    people = [office.contact("lead", associatedcompanyid=firm.id) for _ in range(2)]
    office.door.advance(3600)
    sync(office.desk(policy))
    assert [office.stage(one) for one in people] == ["lead", "lead"]


def test_without_company_sync_a_company_makes_nobody_due(office: Office) -> None:
    firm = office.company("lead")
    office.contact("lead", associatedcompanyid=firm.id)
    office.read_all()
    office.edit(firm, lifecyclestage="opportunity")
    office.door.advance(3600)
    sync(office.desk())
    assert office.due(CONTACTS) == office.due(COMPANIES) == ()


def test_a_comparison_needs_a_mirror(tmp_path: Path) -> None:
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"})
    policy = load("extends: standard", source="p.yaml", preset=preset)
    with pytest.raises(UserError, match="Nothing is mirrored yet"):
        compare(settings, policy, policy, now=START)


def test_two_policies_are_compared_without_a_request(office: Office, tmp_path: Path) -> None:
    won_by = office.contact("lead")
    asked = office.contact("lead", recent_conversion_event_name="Book a demo")
    office.deal(WON, won_by)
    with office.store.begin() as session:
        portals.save(session, office.door.what, office.door.now())
    office.read_all()
    old = load("extends: standard", source="old.yaml", preset=preset)
    new = load(
        "extends: standard\nsettings: {handover: {forms: []}}", source="new.yaml", preset=preset
    )
    path = tmp_path / "connector-0.db"
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{path}"})
    found = compare(settings, new, old, now=office.door.now())
    assert office.requests().total() == 0
    assert found.looked_at == {"contacts": 2}
    assert found.records == 1
    assert [one.record for one in found.examples] == [asked, asked]
    assert found.dropped["handover", "forward"] == 1


def test_a_former_customer_is_marked_before_the_stage_goes_back(
    open_office: Callable[..., Office],
) -> None:
    more = {
        CONTACTS: [definition("plan_state"), definition("former", "bool")],
        COMPANIES: [],
        DEALS: [],
    }
    office = open_office(default_portal(more=more))
    policy = (
        "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
        "  churn: {practice: back-to-sales, mark: former}\n"
    )
    left = office.contact("customer", plan_state="canceled")
    office.door.advance(3600)
    sync(office.desk(policy))
    assert office.stage(left) == "salesqualifiedlead"
    assert office.door.value(left, "former") == "true"
    assert office.door.sent[0] == {left: {"former": "true"}}
    assert office.door.sent[1] == {left: {"lifecyclestage": ""}}


def test_where_the_mark_does_not_hold_the_stage_stays(open_office: Callable[..., Office]) -> None:
    more = {
        CONTACTS: [definition("plan_state"), definition("former", "bool")],
        COMPANIES: [],
        DEALS: [],
    }
    office = open_office(default_portal(more=more))
    office.door.deaf = lambda _ref, name, _value: name == "former"
    policy = (
        "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
        "  churn: {practice: back-to-sales, mark: former}\n"
    )
    left = office.contact("customer", plan_state="canceled")
    office.door.advance(3600)
    sync(office.desk(policy))
    assert office.stage(left) == "customer"
    assert ("contacts/98", "true", "ignored") in office.outcomes()
