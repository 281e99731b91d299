"""HubSpot's own automations: forward only, at once or late, signed by themselves."""

from __future__ import annotations

import pytest


@pytest.fixture
def company_id(portal):
    return portal.create("companies", {"name": "Nordlys AS", "lifecyclestage": "lead"})


def test_a_companys_stage_is_carried_forward_to_its_primary_contacts(
    portal, create_contact, company_id
):
    portal.switches.native_company_sync = True
    behind, ahead, guest = (
        create_contact("subscriber"),
        create_contact("opportunity"),
        create_contact("subscriber"),
    )
    for contact_id in (behind, ahead):
        portal.associate("contacts", contact_id, "companies", company_id, primary=True)
    portal.associate("contacts", guest, "companies", company_id)
    portal.api_update("companies", company_id, {"lifecyclestage": "salesqualifiedlead"})
    stages = [
        portal.value("contacts", contact_id, "lifecyclestage")
        for contact_id in (behind, ahead, guest)
    ]
    assert stages == ["salesqualifiedlead", "opportunity", "subscriber"]
    assert portal.history("contacts", behind, "lifecyclestage")[-1].source.type == "COMPANIES"


def test_a_company_moved_back_does_not_pull_its_contacts_back(portal, create_contact, company_id):
    portal.switches.native_company_sync = True
    contact_id = create_contact("customer")
    portal.associate("contacts", contact_id, "companies", company_id, primary=True)
    portal.edit("companies", company_id, {"lifecyclestage": "subscriber"})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"


def test_a_new_deal_moves_its_contact_and_company_and_a_won_one_again(
    portal, create_contact, company_id
):
    portal.switches.native_deal_created = "opportunity"
    portal.switches.native_deal_won = "customer"
    contact_id = create_contact("lead")
    deal_id = portal.create("deals", {"dealstage": "appointmentscheduled"})
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.associate("deals", deal_id, "companies", company_id)
    assert portal.value("contacts", contact_id, "lifecyclestage") == "opportunity"
    assert portal.value("companies", company_id, "lifecyclestage") == "opportunity"
    portal.edit("deals", deal_id, {"dealstage": "closedwon"})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"
    source = portal.history("contacts", contact_id, "lifecyclestage")[-1].source
    assert source.type == "PIPELINE_SETTINGS"


def test_a_lost_deal_moves_nobody(portal, create_contact):
    portal.switches.native_deal_created = "opportunity"
    contact_id, deal_id = (
        create_contact("lead"),
        portal.create("deals", {"dealstage": "closedlost"}),
    )
    portal.associate("deals", deal_id, "contacts", contact_id)
    assert portal.value("contacts", contact_id, "lifecyclestage") == "lead"


def test_a_late_automation_acts_when_the_clock_says_so(portal, create_contact):
    portal.switches.native_deal_created = "opportunity"
    portal.switches.native_sync_delay_seconds = 30
    contact_id, deal_id = (
        create_contact("lead"),
        portal.create("deals", {"dealstage": "contractsent"}),
    )
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.clock.advance(29)
    assert portal.value("contacts", contact_id, "lifecyclestage") == "lead"
    portal.clock.advance(1)
    assert portal.value("contacts", contact_id, "lifecyclestage") == "opportunity"


def test_a_workflow_fills_a_cleared_stage_as_often_as_it_is_told(client, portal, create_contact):
    portal.switches.automation_in_gap = "customer"
    contact_id = create_contact("evangelist")
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"
    assert portal.history("contacts", contact_id, "lifecyclestage")[-1].source.type == (
        "AUTOMATION_PLATFORM"
    )
    client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == ""


def test_listeners_get_each_change_as_a_webhook_would(client, portal, create_contact):
    events = []
    portal.listeners.append(events.append)
    contact_id = create_contact("lead")
    client.update("contacts", {contact_id: {"lifecyclestage": "customer"}})
    deal_id = portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.archive("contacts", contact_id)
    event_types = [event["subscriptionType"] for event in events]
    assert event_types == [
        "contact.creation",
        "contact.propertyChange",
        "deal.creation",
        "deal.associationChange",
        "contact.associationChange",
        "contact.deletion",
    ]
    change = events[1]
    assert (change["objectId"], change["propertyName"]) == (int(contact_id), "lifecyclestage")
    assert (change["propertyValue"], change["changeSource"]) == ("customer", "INTEGRATION")
    assert (change["sourceId"], change["portalId"]) == ("18221010", 147893286)
    assert events[3]["associationType"] == "DEAL_TO_CONTACT"
