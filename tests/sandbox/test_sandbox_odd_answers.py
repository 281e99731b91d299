"""Answers that are not as documented, rules of the portal, and a workflow's clear and set."""

from __future__ import annotations

import json

import pytest

from connector.sandbox.portal.switches import Switches

STAGE = "lifecyclestage"


@pytest.mark.parametrize(
    ("rule", "statuses"),
    [
        ({"value": "", "requires": STAGE}, [400, 200, 200]),
        ({"value": "*", "requires": "phone"}, [200, 400, 400]),
        ({"value": "lead", "requires": "phone"}, [200, 400, 200]),
        ({"value": "lead", "requires": "firstname"}, [200, 200, 200]),
        ({"value": "lead", "requires": "phone", "object_type": "companies"}, [200, 200, 200]),
    ],
)
def test_a_conditional_required_property_refuses_the_writes_of_its_rule(
    client, portal, create_contact, rule, statuses
):
    contact_id = create_contact("subscriber", firstname="Kari")
    portal.switches.put("required_rules", [{"property_name": STAGE, **rule}])
    assert [
        client.update("contacts", {contact_id: {STAGE: stage}}).status
        for stage in ("", "lead", "customer")
    ] == statuses


def test_a_batch_is_refused_whole_for_one_record_that_breaks_a_rule(client, portal, create_contact):
    complete_id, incomplete_id = create_contact(phone="1"), create_contact()
    rule = {"property_name": STAGE, "value": "*", "requires": "phone"}
    portal.switches.put("required_rules", [rule])
    changes = {complete_id: {STAGE: "lead"}, incomplete_id: {STAGE: "lead"}}
    reply = client.update("contacts", changes)
    assert (reply.status, reply.body["category"]) == (400, "VALIDATION_ERROR")
    assert portal.value("contacts", complete_id, STAGE) == ""
    changes[incomplete_id]["phone"] = "2"
    assert client.update("contacts", changes).status == 200
    single = client.ask(
        "PATCH", client.objects_path(f"contacts/{incomplete_id}"), {"properties": {"phone": ""}}
    )
    assert single.status == 200


def test_a_person_is_not_bound_by_the_rules_for_api_writes(portal, create_contact):
    contact_id = create_contact("lead")
    rule = {"property_name": STAGE, "value": "*", "requires": "phone"}
    portal.switches.put("required_rules", [rule])
    portal.edit("contacts", contact_id, {STAGE: "customer"})
    assert portal.value("contacts", contact_id, STAGE) == "customer"


def odd_row(client, portal, contact_id, oddity, *history):
    portal.switches.put("odd_records", {f"contacts/{contact_id}": oddity})
    name = "recent_conversion_event_name"
    return client.read("contacts", [contact_id], STAGE, name, history=history).body["results"][0]


def test_a_record_may_lack_its_times(client, portal, create_contact):
    contact_id = create_contact("lead")
    assert "createdAt" not in odd_row(client, portal, contact_id, "no-created-at")
    row = odd_row(client, portal, contact_id, "no-modified-at")
    assert (row["updatedAt"], row["properties"]["lastmodifieddate"]) == (None, None)
    row = odd_row(client, portal, contact_id, "no-version-times", STAGE)
    assert [sorted(version) for version in row["propertiesWithHistory"][STAGE]] == [
        ["sourceLabel", "sourceType", "value"]
    ]


def test_a_text_may_be_cut_inside_an_emoji_or_hold_control_characters(
    client, portal, create_contact
):
    contact_id = create_contact("lead")
    row = odd_row(client, portal, contact_id, "control-characters")
    assert "\x1b]0;" in row["properties"]["recent_conversion_event_name"]
    portal.switches.put("odd_records", {f"contacts/{contact_id}": "lone-surrogate"})
    response = client._pool.request(
        "GET", client.sandbox.url + client.objects_path("contacts"), headers=client.headers
    )
    row = json.loads(response.data)["results"][0]
    assert row["properties"]["recent_conversion_event_name"].endswith("\ud83d")


@pytest.mark.parametrize("oddity", ["no-type", "order-null", "label-null"])
def test_a_definition_may_be_odd(client, portal, oddity):
    portal.switches.put("odd_definitions", {"contacts.jobtitle": oddity, "deals/default": oddity})
    properties = client.ask("GET", "/crm/v3/properties/contacts").body["results"]
    definition = next(row for row in properties if row["name"] == "jobtitle")
    pipeline = client.ask("GET", "/crm/v3/pipelines/deals").body["results"][0]
    name = {"no-type": "type", "order-null": "displayOrder", "label-null": "label"}[oddity]
    assert definition.get(name) is None
    assert pipeline.get("stages" if oddity == "no-type" else name) is None


@pytest.mark.parametrize("switch", ["odd_records", "odd_definitions"])
def test_an_unknown_oddity_is_refused(switch):
    with pytest.raises(ValueError, match=f"{switch} holds one of"):
        Switches().put(switch, {"contacts/1": "purple"})


def test_the_date_header_may_be_wrong(client, portal):
    portal.switches.date_header_offset_seconds = 366 * 86_400
    assert "2027" in client.get("contacts").headers["Date"]


def test_a_workflow_clears_a_stage_and_sets_another_one_minutes_later(portal, create_contact):
    portal.switches.clear_and_set = {"customer": "lead"}
    contact_id = create_contact("opportunity")
    portal.edit("contacts", contact_id, {STAGE: "customer"})

    def stage():
        return portal.value("contacts", contact_id, STAGE)

    assert stage() == ""
    portal.clock.advance(299)
    assert stage() == ""
    portal.clock.advance(1)
    assert stage() == "lead"
    sources = [version.source.type for version in portal.history("contacts", contact_id, STAGE)]
    assert sources == ["IMPORT", "CRM_UI", "AUTOMATION_PLATFORM", "AUTOMATION_PLATFORM"]


def test_the_set_of_a_workflow_does_nothing_where_somebody_filled_the_gap_with_more(
    portal, create_contact
):
    contact_id = create_contact("customer")
    portal.clear_and_set("contacts", contact_id, "lead", minutes=3)
    portal.edit("contacts", contact_id, {STAGE: "opportunity"})
    portal.clock.advance(180)
    assert portal.value("contacts", contact_id, STAGE) == "opportunity"


def test_a_workflow_does_nothing_to_a_record_that_was_archived_meanwhile(portal, create_contact):
    contact_id = create_contact("customer")
    portal.clear_and_set("contacts", contact_id, "lead", minutes=3)
    portal.archive("contacts", contact_id)
    portal.clock.advance(180)
    portal.restore("contacts", contact_id)
    assert portal.value("contacts", contact_id, STAGE) == ""
