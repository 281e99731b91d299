"""Lifecycle stages over HTTP: forward only, cleared by "", with dates and sources."""

from __future__ import annotations

import pytest

from connector.sandbox.portal.object_types import CONTACTS

ORDER = ("subscriber", "lead", "opportunity", "customer")


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_a_backward_stage_is_answered_200_and_changes_nothing(
    client, create_contact, portal, family
):
    client.family = family
    contact_id = create_contact("customer")
    reply = client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    assert reply.status == 200
    assert reply.ids == [contact_id]
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"


def test_a_backward_stage_does_not_keep_the_other_properties_from_being_written(
    client, create_contact, portal
):
    contact_id = create_contact("customer")
    client.update("contacts", {contact_id: {"lifecyclestage": "lead", "hs_lead_status": "NEW"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"
    assert portal.value("contacts", contact_id, "hs_lead_status") == "NEW"


def test_an_ignored_stage_leaves_no_version_in_the_history(client, create_contact):
    contact_id = create_contact("customer")
    client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    history = client.read("contacts", [contact_id], history=("lifecyclestage",)).body["results"][0]
    assert len(history["propertiesWithHistory"]["lifecyclestage"]) == 1


def test_stages_may_be_skipped_forward(client, create_contact, portal):
    contact_id = create_contact("subscriber")
    client.update("contacts", {contact_id: {"lifecyclestage": "customer"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"


def test_a_cleared_stage_accepts_any_stage(client, create_contact, portal):
    contact_id = create_contact("customer")
    cleared = client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    assert cleared.body["results"][0]["properties"]["lifecyclestage"] == ""
    assert client.value("contacts", contact_id, "lifecyclestage") is None
    client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "lead"


@pytest.mark.parametrize("parked", ["evangelist", "other"])
def test_leaving_a_late_stage_for_an_earlier_one_is_backward(
    client, create_contact, portal, parked
):
    contact_id = create_contact(parked)
    client.update("contacts", {contact_id: {"lifecyclestage": "customer"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == parked


def test_companies_obey_the_same_rule(client, portal):
    company_id = portal.create("companies", {"name": "Nordlys AS", "lifecyclestage": "customer"})
    client.update("companies", {company_id: {"lifecyclestage": "opportunity"}})
    assert portal.value("companies", company_id, "lifecyclestage") == "customer"


def test_the_order_is_the_portals_own(client, portal, create_contact):
    portal.set_stages([("customer", "Kunde"), ("51439524", "Ehemals Kunde"), ("lead", "Lead")])
    contact_id = create_contact("51439524")
    client.update("contacts", {contact_id: {"lifecyclestage": "customer"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "51439524"
    client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "lead"


def test_a_person_may_set_any_stage(portal, create_contact):
    contact_id = create_contact("customer")
    portal.edit("contacts", contact_id, {"lifecyclestage": "lead"})
    assert portal.value("contacts", contact_id, "lifecyclestage") == "lead"


def test_a_patch_ignores_a_backward_stage_as_a_batch_does(client, create_contact, portal):
    contact_id = create_contact("customer")
    body = {"properties": {"lifecyclestage": "lead"}}
    reply = client.ask("PATCH", client.objects_path(f"contacts/{contact_id}"), body)
    assert reply.status == 200
    assert portal.value("contacts", contact_id, "lifecyclestage") == "customer"


def test_the_history_names_who_wrote_what_newest_first(client, create_contact, portal):
    contact_id = create_contact("lead")
    portal.clock.advance(60)
    portal.edit("contacts", contact_id, {"lifecyclestage": "opportunity"})
    portal.clock.advance(60)
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    row = client.read("contacts", [contact_id], history=("lifecyclestage",)).body["results"][0]
    versions = row["propertiesWithHistory"]["lifecyclestage"]
    assert [
        (version["value"], version["sourceType"], version.get("sourceId")) for version in versions
    ] == [
        ("", "INTEGRATION", "18221010"),
        ("opportunity", "CRM_UI", "userId:28604240"),
        ("lead", "IMPORT", None),
    ]
    assert versions[1]["updatedByUserId"] == 28604240
    assert versions[1]["timestamp"] == "2026-11-02T09:31:00Z"


def test_the_stage_dates_follow_the_history(client, create_contact, portal):
    contact_id = create_contact("lead")
    portal.clock.advance(90)
    portal.edit("contacts", contact_id, {"lifecyclestage": "customer"})
    expected_dates = {
        "hs_v2_date_entered_lead": "2026-11-02T09:30:00Z",
        "hs_v2_date_exited_lead": "2026-11-02T09:31:30Z",
        "hs_v2_latest_time_in_lead": "90",
        "hs_v2_cumulative_time_in_lead": "90",
        "hs_v2_date_entered_customer": "2026-11-02T09:31:30Z",
        "hs_v2_date_exited_customer": None,
        "hs_v2_latest_time_in_customer": None,
        "hs_v2_date_entered_current_stage": "2026-11-02T09:31:30Z",
        "hs_lifecyclestage_lead_date": "2026-11-02T09:30:00Z",
        "closedate": "2026-11-02T09:31:30Z",
    }
    row = client.read("contacts", [contact_id], *expected_dates).body["results"][0]["properties"]
    assert {name: row[name] for name in expected_dates} == expected_dates


def test_a_manual_step_back_wipes_the_greater_became_date_and_a_clear_leaves_it(
    portal, create_contact
):
    by_hand, by_clear = create_contact("lead"), create_contact("lead")
    for contact_id in (by_hand, by_clear):
        portal.edit("contacts", contact_id, {"lifecyclestage": "customer"})
    portal.edit("contacts", by_hand, {"lifecyclestage": "lead"})
    portal.edit("contacts", by_clear, {"lifecyclestage": ""})
    date_property = "hs_lifecyclestage_customer_date"
    assert portal.value("contacts", by_hand, date_property) == ""
    assert portal.value("contacts", by_clear, date_property) != ""


def test_a_clear_and_set_of_the_same_stage_destroys_its_became_date(client, portal, create_contact):
    contact_id = create_contact("customer")
    before = portal.value("contacts", contact_id, "hs_lifecyclestage_customer_date")
    portal.clock.advance(3600)
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    client.update("contacts", {contact_id: {"lifecyclestage": "customer"}})
    assert portal.value("contacts", contact_id, "hs_lifecyclestage_customer_date") != before


def test_both_definitions_list_the_stages_and_their_dates(client, portal):
    portal.set_stages([*((stage, stage) for stage in ORDER), ("51439524", "Churned")])
    reply = client.ask("GET", "/crm/properties/2026-03/0-1/lifecyclestage")
    assert [option["value"] for option in reply.body["options"]] == [*ORDER, "51439524"]
    definitions = client.ask("GET", "/crm/properties/2026-03/companies").body["results"]
    assert "hs_v2_date_entered_51439524" in {definition["name"] for definition in definitions}
    assert "hs_v2_date_entered_51439524" in portal.schema.definitions(CONTACTS)


def test_the_names_of_custom_stage_dates_may_carry_digits_of_their_own(client, portal):
    portal.set_stages([("lead", "Lead"), ("51439524", "Churned")])
    portal.switches.stage_property_suffix = "numbered"
    definitions = client.ask("GET", "/crm/properties/2026-03/contacts").body["results"]
    names = {definition["name"] for definition in definitions}
    assert "hs_v2_date_entered_lead" in names
    assert "hs_v2_date_entered_51439524" not in names
    assert any(name.startswith("hs_v2_date_entered_51439524_") for name in names)


def test_contacts_and_companies_created_by_the_api_become_leads(client):
    contact_reply = client.post("contacts", {"properties": {"email": "a@b.example"}})
    company_reply = client.post("companies", {"properties": {"domain": "b.example"}})
    assert (contact_reply.status, company_reply.status) == (201, 201)
    assert contact_reply.body["properties"]["lifecyclestage"] == "lead"
    assert company_reply.body["properties"]["lifecyclestage"] == "lead"
