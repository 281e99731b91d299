"""Writing batches over HTTP: what fails alone, what fails with all, and what is echoed."""

from __future__ import annotations

import pytest


def test_an_unknown_id_is_named_and_the_others_are_written(client, contact, portal):
    one = contact("lead")
    reply = client.update(
        "contacts", {one: {"firstname": "Kari"}, "9": {"firstname": "Ola"}, "x": {"firstname": "I"}}
    )
    assert (reply.status, reply.ids, reply.body["numErrors"]) == (207, [one], 1)
    assert reply.body["errors"][0]["context"] == {"ids": ["9", "x"]}
    assert portal.value("contacts", one, "firstname") == "Kari"


def test_the_family_2026_09_names_errors_in_a_200(client, contact):
    client.family = "2026-09"
    reply = client.update("contacts", {contact(): {"firstname": "A"}, "9": {"firstname": "B"}})
    assert (reply.status, reply.body["numErrors"]) == (200, 1)


def test_an_id_twice_fails_the_whole_batch(client, contact, portal):
    one = contact()
    inputs = [{"id": one, "properties": {"firstname": name}} for name in ("A", "B")]
    reply = client.post("contacts/batch/update", {"inputs": inputs})
    assert reply.status == 400
    assert reply.body["message"] == (
        f"Duplicate IDs found in batch input: [{one}]. IDs must be unique"
    )
    assert reply.body["context"] == {"ids": [one]}
    assert portal.value("contacts", one, "firstname") == ""


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
    client, contact, portal, properties, code
):
    good, bad = contact(), contact()
    reply = client.update("contacts", {good: {"firstname": "Kari"}, bad: properties})
    assert (reply.status, reply.body["category"]) == (400, "VALIDATION_ERROR")
    assert reply.body["message"].startswith('Property values were not valid: [{"isValid":false,')
    assert [one["code"] for one in reply.body["errors"]] == [code]
    assert reply.body["errors"][0]["context"] == {"propertyName": list(properties)}
    assert bad not in str(reply.body["errors"])
    assert portal.value("contacts", good, "firstname") == ""


def test_more_than_a_hundred_inputs_are_refused(client):
    changes = {str(number): {"firstname": "A"} for number in range(101)}
    assert client.update("contacts", changes).status == 400


def test_hs_object_id_is_no_id_property(client, contact):
    one = {"id": contact(), "idProperty": "hs_object_id", "properties": {}}
    reply = client.post("contacts/batch/update", {"inputs": [one]})
    assert (reply.status, "non-unique 0-1" in reply.body["message"]) == (400, True)


def test_the_answer_shows_what_was_sent_and_the_present_stage(client, contact):
    one = contact("lead", lastname="Moe")
    row = client.update("contacts", {one: {"firstname": "Kari"}}).body["results"][0]
    assert row["properties"]["firstname"] == "Kari"
    assert row["properties"]["lifecyclestage"] == "lead"
    assert row["properties"]["hs_v2_date_entered_current_stage"] == "2026-11-02T09:30:00Z"
    assert "lastname" not in row["properties"]


def test_numbers_and_booleans_are_stored_as_text(client, portal):
    deal = portal.create("deals", {"dealname": "Avtale"})
    row = client.update("deals", {deal: {"amount": 15000, "closedate": "2026-12-31"}})
    assert row.body["results"][0]["properties"]["amount"] == "15000"
    assert portal.value("deals", deal, "closedate") == "2026-12-31T00:00:00Z"


def test_an_e_mail_that_exists_is_a_conflict(client, contact):
    one = contact(email="kari@nord.example")
    body = {"properties": {"email": "KARI@nord.example"}}
    reply = client.post("contacts", body)
    assert (reply.status, reply.body["category"]) == (409, "CONFLICT")
    assert reply.body["message"] == f"Contact already exists. Existing ID: {one}"
    assert client.post("contacts/batch/create", {"inputs": [body]}).status == 409


def test_created_records_come_in_another_order_than_they_were_sent(client):
    inputs = [{"properties": {"firstname": name}} for name in "ABC"]
    reply = client.post("contacts/batch/create", {"inputs": inputs})
    assert reply.status == 201
    names = [one["properties"]["firstname"] for one in reply.body["results"]]
    assert sorted(names) == list("ABC") != names


def test_a_write_of_identical_values_leaves_no_trace(client, contact, portal):
    one = contact("lead", firstname="Kari")
    portal.clock.advance(60)
    client.update("contacts", {one: {"firstname": "Kari", "lifecyclestage": "lead"}})
    assert portal.value("contacts", one, "lastmodifieddate") == "2026-11-02T09:30:00Z"
    assert len(portal.history("contacts", one, "firstname")) == 1


def test_a_trace_of_two_writes_in_one_millisecond_has_one_order(client, contact, portal):
    one = contact("customer")
    client.update("contacts", {one: {"lifecyclestage": ""}})
    client.update("contacts", {one: {"lifecyclestage": "lead"}})
    versions = portal.history("contacts", one, "lifecyclestage")
    assert [version.value for version in versions] == ["customer", "", "lead"]
    assert len({version.at for version in versions}) == 3


def test_a_contact_may_be_named_by_its_e_mail(client, contact, portal):
    one = contact(email="kari@nord.example")
    inputs = [{"id": "kari@nord.example", "idProperty": "email", "properties": {"city": "Bø"}}]
    assert client.post("contacts/batch/update", {"inputs": inputs}).ids == [one]
    assert portal.value("contacts", one, "city") == "Bø"


def test_a_changed_e_mail_is_found_at_once(client, contact):
    one = contact(email="kari@nord.example")
    assert client.get("contacts/kari@nord.example?idProperty=email").status == 200
    client.update("contacts", {one: {"email": "kari@fjord.example"}})
    assert client.get("contacts/kari@fjord.example?idProperty=email").body["id"] == one


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
        client.box.url + client.objects("contacts/batch/update"),
        body=b"{inputs",
        headers=client.headers,
    )
    assert reply.status == 400


def test_a_patch_of_a_missing_record_is_404_and_one_that_is_refused_aloud_400(
    client, contact, portal
):
    portal.switches.backward_write = "error"
    body = {"properties": {"lifecyclestage": "lead"}}
    assert client.ask("PATCH", client.objects("contacts/9"), body).status == 404
    reply = client.ask("PATCH", client.objects(f"contacts/{contact('customer')}"), body)
    assert (reply.status, reply.body["errors"][0]["code"]) == (400, "INVALID_STAGE")


def test_a_refused_record_is_named_in_the_errors_of_its_batch(client, contact, portal):
    portal.switches.backward_write, portal.switches.backward_error_scope = "error", "record"
    bad, good = contact("customer"), contact("subscriber")
    changes = {one: {"lifecyclestage": "lead"} for one in (bad, good)}
    reply = client.update("contacts", changes)
    assert (reply.status, reply.ids) == (207, [good])
    assert reply.body["errors"][0]["context"] == {"ids": [bad]}


def test_a_checkbox_is_stored_as_true_or_false(client, portal, contact):
    portal.define_property("contacts", "vip", label="VIP", type="bool", field_type="checkbox")
    one = contact()
    client.update("contacts", {one: {"vip": True}})
    assert portal.value("contacts", one, "vip") == "true"
