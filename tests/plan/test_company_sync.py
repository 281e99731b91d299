"""Company sync end to end: which record follows which, and which become due together."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.config.presets import policy_text
from connector.config.settings import read as read_settings
from connector.core.corrections.holds import Hold, HoldScope
from connector.core.policy.load import load_policy
from connector.errors import UserError
from connector.operations.compare_policies import compare
from connector.operations.sync import sync
from connector.plan.decide_and_hold import decide_and_hold
from state import holds, portals
from tests.fakes.connected_portal import COMPANIES, CONTACTS, DAY, OPEN, START, WON, ConnectedPortal

COMPANY_SYNC = "extends: company-sync"


def test_one_sync_corrects_the_whole_company_group_and_the_next_has_nothing_to_do(
    portal: ConnectedPortal,
) -> None:
    company = portal.company("lead")
    contact_on_deal = portal.contact("lead", associatedcompanyid=company.id)
    contact_not_on_deal = portal.contact("lead", associatedcompanyid=company.id)
    portal.deal(OPEN, company, contact_on_deal)
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC))
    assert [portal.stage(record) for record in (company, contact_on_deal, contact_not_on_deal)] == [
        "opportunity"
    ] * 3
    assert portal.propose(portal.context(COMPANY_SYNC)).summary.corrections == 0


def test_a_won_deal_makes_customers_of_those_on_it_alone(portal: ConnectedPortal) -> None:
    company = portal.company("lead")
    contact_on_deal, contact_not_on_deal = (
        portal.contact("lead", associatedcompanyid=company.id) for _ in range(2)
    )
    portal.deal(WON, company, contact_on_deal)
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC))
    assert [portal.stage(record) for record in (company, contact_on_deal, contact_not_on_deal)] == [
        "customer",
        "customer",
        "lead",
    ]


def test_a_changed_contact_makes_its_company_and_its_colleagues_due(
    portal: ConnectedPortal,
) -> None:
    company = portal.company("lead")
    edited_contact, colleague = (
        portal.contact("lead", associatedcompanyid=company.id) for _ in range(2)
    )
    sync(portal.context(COMPANY_SYNC))
    portal.edit(edited_contact, lifecyclestage="salesqualifiedlead", hs_lead_status="NEW")
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC))
    assert portal.stage(company) == portal.stage(colleague) == "salesqualifiedlead"


def test_nobody_follows_a_company_to_where_a_person_keeps_it_from_going(
    portal: ConnectedPortal,
) -> None:
    company = portal.company("lead")
    contact_on_deal, contact_not_on_deal = (
        portal.contact("lead", associatedcompanyid=company.id) for _ in range(2)
    )
    portal.deal(OPEN, company, contact_on_deal)
    portal.api.advance(DAY)
    portal.edit_as_person(company, lifecyclestage="subscriber")
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC))
    assert [portal.stage(record) for record in (company, contact_on_deal, contact_not_on_deal)] == [
        "subscriber",
        "opportunity",
        "lead",
    ]
    (decided,) = decide_and_hold(portal.context(COMPANY_SYNC), [contact_not_on_deal])
    assert decided.decision.rule == "keep"
    portal.api.advance(31 * DAY)
    sync(portal.context(COMPANY_SYNC))
    assert [portal.stage(record) for record in (company, contact_on_deal, contact_not_on_deal)] == [
        "opportunity"
    ] * 3


def test_a_company_does_not_follow_a_contact_that_is_held(portal: ConnectedPortal) -> None:
    company = portal.company("lead")
    demo_contact = portal.contact(
        "lead", associatedcompanyid=company.id, recent_conversion_event_name="Demo"
    )
    with portal.store.begin("1") as session:
        hold = Hold(
            scope=HoldScope.RECORD,
            target=str(demo_contact),
            property_name="",
            reason="x",
            by="y",
            since=START,
        )
        holds.add(session, [hold])
    portal.api.advance(3600)
    sync(portal.context(COMPANY_SYNC))
    assert [portal.stage(record) for record in (company, demo_contact)] == ["lead", "lead"]


def test_a_large_company_is_left_to_itself(portal: ConnectedPortal) -> None:
    policy = f"{COMPANY_SYNC}\nsettings: {{company_sync: {{max_contacts: 1}}}}"
    company = portal.company("opportunity")
    contacts = [portal.contact("lead", associatedcompanyid=company.id) for _ in range(2)]
    portal.api.advance(3600)
    sync(portal.context(policy))
    assert [portal.stage(contact) for contact in contacts] == ["lead", "lead"]


def test_without_company_sync_a_company_makes_nobody_due(portal: ConnectedPortal) -> None:
    company = portal.company("lead")
    portal.contact("lead", associatedcompanyid=company.id)
    portal.read_all()
    portal.edit(company, lifecyclestage="opportunity")
    portal.api.advance(3600)
    sync(portal.context())
    assert portal.due(CONTACTS) == portal.due(COMPANIES) == ()


def test_a_comparison_needs_a_mirror(tmp_path: Path) -> None:
    settings = read_settings({"CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path}/new.db"})
    policy = load_policy("extends: standard", source="p.yaml", preset_text=policy_text)
    with pytest.raises(UserError, match="does not exist"):
        compare(settings, policy, policy, now=START)


def test_a_comparison_says_what_was_never_pulled_and_how_to_get_it(
    portal: ConnectedPortal,
) -> None:
    with portal.store.begin(portal.api.portal_info.account.portal_id) as session:
        portals.save(session, portal.api.portal_info, portal.api.now())
    portal.read_all()
    settings = read_settings({"CONNECTOR_DATABASE_URL": portal.database_url})
    old = load_policy("extends: standard", source="old.yaml", preset_text=policy_text)

    def comparison_error(text: str) -> str:
        new = load_policy(f"extends: standard\n{text}", source="new.yaml", preset_text=policy_text)
        with pytest.raises(UserError) as error:
            compare(settings, new, old, now=START)
        return str(error.value)

    unread_error = comparison_error("settings: {score: {property: score}}")
    assert unread_error.startswith(
        "The policy new asks for what was never pulled of contacts: score"
    )
    assert "Run `connector pull --policy new.yaml`" in unread_error
    unknown_error = comparison_error("settings: {score: {property: fit}}")
    assert unknown_error.startswith("new.yaml:2:30: ")
    assert "as it was when it was last pulled" in unknown_error


def test_two_policies_are_compared_without_a_request(portal: ConnectedPortal) -> None:
    won_contact = portal.contact("lead")
    demo_contact = portal.contact(
        "lead",
        recent_conversion_event_name="Book a demo",
        recent_conversion_date=portal.api.now().isoformat(),
    )
    portal.deal(WON, won_contact)
    with portal.store.begin(portal.api.portal_info.account.portal_id) as session:
        portals.save(session, portal.api.portal_info, portal.api.now())
    portal.read_all()
    old = load_policy("extends: standard", source="old.yaml", preset_text=policy_text)
    new = load_policy(
        "extends: standard\nsettings: {handover: {forms: []}}",
        source="new.yaml",
        preset_text=policy_text,
    )
    settings = read_settings({"CONNECTOR_DATABASE_URL": portal.database_url})
    comparison = compare(settings, new, old, now=portal.api.now())
    assert portal.take_requests().total() == 0
    assert comparison.looked_at == {"contacts": 2}
    assert comparison.records == 1
    assert [example.record for example in comparison.examples] == [demo_contact, demo_contact]
    assert comparison.dropped["handover", "forward"] == 1
