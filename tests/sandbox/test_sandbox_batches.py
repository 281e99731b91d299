"""Writing batches over HTTP: what fails alone, what fails with all, and what is echoed."""

from __future__ import annotations

import pytest


def test_an_unknown_id_is_named_and_the_others_are_written(client, create_contact, portal):
    contact_id = create_contact("lead")
    reply = client.update(
        "contacts",
        {contact_id: {"firstname": "Kari"}, "9": {"firstname": "Ola"}, "x": {"firstname": "I"}},
    )
    assert (reply.status, reply.ids, reply.body["numErrors"]) == (207, [contact_id], 1)
    assert reply.body["errors"][0]["context"] == {"ids": ["9", "x"]}
    assert portal.value("contacts", contact_id, "firstname") == "Kari"


def test_the_family_2026_09_names_errors_in_a_200(client, create_contact):
    client.family = "2026-09"
    reply = client.update(
        "contacts", {create_contact(): {"firstname": "A"}, "9": {"firstname": "B"}}
    )
    assert (reply.status, reply.body["numErrors"]) == (200, 1)


def test_an_id_twice_fails_the_whole_batch(client, create_contact, portal):
    contact_id = create_contact()
    inputs = [{"id": contact_id, "properties": {"firstname": name}} for name in ("A", "B")]
    reply = client.post("contacts/batch/update", {"inputs": inputs})
    assert reply.status == 400
    assert reply.body["message"] == (
        f"Duplicate IDs found in batch input: [{contact_id}]. IDs must be unique"
    )
    assert reply.body["context"] == {"ids": [contact_id]}
    assert portal.value("contacts", contact_id, "firstname") == ""


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nosuch": "x"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_lead_status": "new"}, "INVALID_OPTION"),
        ({"lifecyclestage": "nosuch"}, "INVALID_OPTION"),
        ({"hs_email_domain": "b.example"}, "READ_ONLY_VALUE"),
        ({"closedate": "soon"}, "INVALID_DATE"),
        ({"associatedcompanyid": "abc"}, "INVALID_LONG"),
    ],
)
def test_one_bad_value_fails_the_whole_batch_without_naming_the_record(
    client, create_contact, portal, properties, code
):
    good_id, bad_id = create_contact(), create_contact()
    reply = client.update("contacts", {good_id: {"firstname": "Kari"}, bad_id: properties})
    assert (reply.status, reply.body["category"]) == (400, "VALIDATION_ERROR")
    assert reply.body["message"].startswith('Property values were not valid: [{"isValid":false,')
    assert [error["code"] for error in reply.body["errors"]] == [code]
    assert reply.body["errors"][0]["context"] == {"propertyName": list(properties)}
    assert bad_id not in str(reply.body["errors"])
    assert portal.value("contacts", good_id, "firstname") == ""


def test_more_than_a_hundred_inputs_are_refused(client):
    changes = {str(number): {"firstname": "A"} for number in range(101)}
    assert client.update("contacts", changes).status == 400


def test_hs_object_id_is_no_id_property(client, create_contact):
    update_input = {"id": create_contact(), "idProperty": "hs_object_id", "properties": {}}
    reply = client.post("contacts/batch/update", {"inputs": [update_input]})
    assert (reply.status, "non-unique 0-1" in reply.body["message"]) == (400, True)


def test_the_answer_shows_what_was_sent_and_the_present_stage(client, create_contact):
    contact_id = create_contact("lead", lastname="Moe")
    row = client.update("contacts", {contact_id: {"firstname": "Kari"}}).body["results"][0]
    assert row["properties"]["firstname"] == "Kari"
    assert row["properties"]["lifecyclestage"] == "lead"
    assert row["properties"]["hs_v2_date_entered_current_stage"] == "2026-11-02T09:30:00Z"
    assert "lastname" not in row["properties"]


def test_numbers_and_booleans_are_stored_as_text(client, portal):
    deal_id = portal.create("deals", {"dealname": "Avtale"})
    row = client.update("deals", {deal_id: {"amount": 15000, "closedate": "2026-12-31"}})
    assert row.body["results"][0]["properties"]["amount"] == "15000"
    assert portal.value("deals", deal_id, "closedate") == "2026-12-31T00:00:00Z"


def test_an_e_mail_that_exists_is_a_conflict(client, create_contact):
    contact_id = create_contact(email="kari@nord.example")
    body = {"properties": {"email": "KARI@nord.example"}}
    reply = client.post("contacts", body)
    assert (reply.status, reply.body["category"]) == (409, "CONFLICT")
    assert reply.body["message"] == f"Contact already exists. Existing ID: {contact_id}"
    assert client.post("contacts/batch/create", {"inputs": [body]}).status == 409


def test_created_records_come_in_another_order_than_they_were_sent(client):
    inputs = [{"properties": {"firstname": name}} for name in "ABC"]
    reply = client.post("contacts/batch/create", {"inputs": inputs})
    assert reply.status == 201
    names = [record["properties"]["firstname"] for record in reply.body["results"]]
    assert sorted(names) == list("ABC") != names


def test_a_write_of_identical_values_leaves_no_trace(client, create_contact, portal):
    contact_id = create_contact("lead", firstname="Kari")
    portal.clock.advance(60)
    client.update("contacts", {contact_id: {"firstname": "Kari", "lifecyclestage": "lead"}})
    assert portal.value("contacts", contact_id, "lastmodifieddate") == "2026-11-02T09:30:00Z"
    assert len(portal.history("contacts", contact_id, "firstname")) == 1


def test_a_trace_of_two_writes_in_one_millisecond_has_one_order(client, create_contact, portal):
    contact_id = create_contact("customer")
    client.update("contacts", {contact_id: {"lifecyclestage": ""}})
    client.update("contacts", {contact_id: {"lifecyclestage": "lead"}})
    versions = portal.history("contacts", contact_id, "lifecyclestage")
    assert [version.value for version in versions] == ["customer", "", "lead"]
    assert len({version.at for version in versions}) == 3


def test_a_contact_may_be_named_by_its_e_mail(client, create_contact, portal):
    contact_id = create_contact(email="kari@nord.example")
    inputs = [{"id": "kari@nord.example", "idProperty": "email", "properties": {"city": "Bø"}}]
    assert client.post("contacts/batch/update", {"inputs": inputs}).ids == [contact_id]
    assert portal.value("contacts", contact_id, "city") == "Bø"


def test_a_changed_e_mail_is_found_at_once(client, create_contact):
    contact_id = create_contact(email="kari@nord.example")
    assert client.get("contacts/kari@nord.example?idProperty=email").status == 200
    client.update("contacts", {contact_id: {"email": "kari@fjord.example"}})
    assert client.get("contacts/kari@fjord.example?idProperty=email").body["id"] == contact_id


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"inputs": {}},
        {"inputs": ["51"]},
        {"inputs": [{"properties": {}}]},
        {"inputs": [{"id": "51", "properties": "firstname"}]},
    ],
)
def test_a_body_of_another_shape_is_refused(client, body):
    reply = client.post("contacts/batch/update", body)
    assert (reply.status, reply.body["category"]) == (400, "VALIDATION_ERROR")


def test_text_that_is_no_json_is_refused(client):
    reply = client._pool.request(
        "POST",
        client.sandbox.url + client.objects_path("contacts/batch/update"),
        body=b"{inputs",
        headers=client.headers,
    )
    assert reply.status == 400


def test_a_patch_of_a_missing_record_is_404_and_one_that_is_refused_aloud_400(
    client, create_contact, portal
):
    portal.switches.backward_write = "error"
    body = {"properties": {"lifecyclestage": "lead"}}
    assert client.ask("PATCH", client.objects_path("contacts/9"), body).status == 404
    reply = client.ask("PATCH", client.objects_path(f"contacts/{create_contact('customer')}"), body)
    assert (reply.status, reply.body["errors"][0]["code"]) == (400, "INVALID_STAGE")


def test_a_refused_record_is_named_in_the_errors_of_its_batch(client, create_contact, portal):
    portal.switches.backward_write, portal.switches.backward_error_scope = "error", "record"
    bad_id, good_id = create_contact("customer"), create_contact("subscriber")
    changes = {contact_id: {"lifecyclestage": "lead"} for contact_id in (bad_id, good_id)}
    reply = client.update("contacts", changes)
    assert (reply.status, reply.ids) == (207, [good_id])
    assert reply.body["errors"][0]["context"] == {"ids": [bad_id]}


def test_a_checkbox_is_stored_as_true_or_false(client, portal, create_contact):
    portal.define_property("contacts", "vip", label="VIP", type="bool", field_type="checkbox")
    contact_id = create_contact()
    client.update("contacts", {contact_id: {"vip": True}})
    assert portal.value("contacts", contact_id, "vip") == "true"
