"""HubSpot's own automations: forward only, at once or late, signed by themselves."""

from __future__ import annotations

import pytest


@pytest.fixture
def firm(portal):
    return portal.create("companies", {"name": "Nordlys AS", "lifecyclestage": "lead"})


def test_a_companys_stage_is_carried_forward_to_its_primary_contacts(portal, contact, firm):
    portal.switches.native_company_sync = True
    behind, ahead, guest = contact("subscriber"), contact("opportunity"), contact("subscriber")
    for one in (behind, ahead):
        portal.associate("contacts", one, "companies", firm, primary=True)
    portal.associate("contacts", guest, "companies", firm)
    portal.api_update("companies", firm, {"lifecyclestage": "salesqualifiedlead"})
    stages = [portal.value("contacts", one, "lifecyclestage") for one in (behind, ahead, guest)]
    assert stages == ["salesqualifiedlead", "opportunity", "subscriber"]
    assert portal.history("contacts", behind, "lifecyclestage")[-1].source.type == "COMPANIES"


def test_a_company_moved_back_does_not_pull_its_contacts_back(portal, contact, firm):
    portal.switches.native_company_sync = True
    one = contact("customer")
    portal.associate("contacts", one, "companies", firm, primary=True)
    portal.edit("companies", firm, {"lifecyclestage": "subscriber"})
    assert portal.value("contacts", one, "lifecyclestage") == "customer"


def test_a_new_deal_moves_its_contact_and_company_and_a_won_one_again(portal, contact, firm):
    portal.switches.native_deal_created = "opportunity"
    portal.switches.native_deal_won = "customer"
    one = contact("lead")
    deal = portal.create("deals", {"dealstage": "appointmentscheduled"})
    portal.associate("deals", deal, "contacts", one)
    portal.associate("deals", deal, "companies", firm)
    assert portal.value("contacts", one, "lifecyclestage") == "opportunity"
    assert portal.value("companies", firm, "lifecyclestage") == "opportunity"
    portal.edit("deals", deal, {"dealstage": "closedwon"})
    assert portal.value("contacts", one, "lifecyclestage") == "customer"
    source = portal.history("contacts", one, "lifecyclestage")[-1].source
    assert source.type == "PIPELINE_SETTINGS"


def test_a_lost_deal_moves_nobody(portal, contact):
    portal.switches.native_deal_created = "opportunity"
    one, deal = contact("lead"), portal.create("deals", {"dealstage": "closedlost"})
    portal.associate("deals", deal, "contacts", one)
    assert portal.value("contacts", one, "lifecyclestage") == "lead"


def test_a_late_automation_acts_when_the_clock_says_so(portal, contact):
    portal.switches.native_deal_created = "opportunity"
    portal.switches.native_sync_delay_seconds = 30
    one, deal = contact("lead"), portal.create("deals", {"dealstage": "contractsent"})
    portal.associate("deals", deal, "contacts", one)
    portal.clock.advance(29)
    assert portal.value("contacts", one, "lifecyclestage") == "lead"
    portal.clock.advance(1)
    assert portal.value("contacts", one, "lifecyclestage") == "opportunity"


def test_a_workflow_fills_a_cleared_stage_as_often_as_it_is_told(client, portal, contact):
    portal.switches.automation_in_gap = "customer"
    one = contact("evangelist")
    client.update("contacts", {one: {"lifecyclestage": ""}})
    assert portal.value("contacts", one, "lifecyclestage") == "customer"
    assert portal.history("contacts", one, "lifecyclestage")[-1].source.type == (
        "AUTOMATION_PLATFORM"
    )
    client.update("contacts", {one: {"lifecyclestage": "lead"}})
    assert portal.value("contacts", one, "lifecyclestage") == "customer"
    client.update("contacts", {one: {"lifecyclestage": ""}})
    assert portal.value("contacts", one, "lifecyclestage") == ""


def test_whoever_listens_is_told_what_changed_as_a_webhook_would(client, portal, contact):
    told = []
    portal.listeners.append(told.append)
    one = contact("lead")
    client.update("contacts", {one: {"lifecyclestage": "customer"}})
    deal = portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal, "contacts", one)
    portal.archive("contacts", one)
    kinds = [event["subscriptionType"] for event in told]
    assert kinds == [
        "contact.creation",
        "contact.propertyChange",
        "deal.creation",
        "deal.associationChange",
        "contact.associationChange",
        "contact.deletion",
    ]
    change = told[1]
    assert (change["objectId"], change["propertyName"]) == (int(one), "lifecyclestage")
    assert (change["propertyValue"], change["changeSource"]) == ("customer", "INTEGRATION")
    assert (change["sourceId"], change["portalId"]) == ("18221010", 147893286)
    assert told[3]["associationType"] == "DEAL_TO_CONTACT"
