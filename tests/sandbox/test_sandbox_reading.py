"""Reading records over HTTP: lists, single records, batches, blanks, histories."""

from __future__ import annotations

import pytest


def test_a_list_pages_by_id_and_after_is_the_next_id(client, create_contact):
    contact_ids = [create_contact("lead", firstname=f"N{number}") for number in range(5)]
    first = client.get("contacts?limit=2&properties=firstname")
    assert first.ids == contact_ids[:2]
    assert first.body["paging"]["next"]["after"] == str(int(contact_ids[1]) + 1)
    second = client.get("contacts?limit=100&after=" + first.body["paging"]["next"]["after"])
    assert second.ids == contact_ids[2:]
    assert "paging" not in second.body


def test_ids_are_ordered_as_numbers_not_as_text(client, portal):
    for number in (1000, 9, 99):
        portal.create("contacts", {}, id=number)
    assert client.get("contacts").ids == ["9", "99", "1000"]


@pytest.mark.parametrize(("query", "most"), [("", 100), ("propertiesWithHistory=email", 50)])
def test_a_list_page_holds_a_hundred_records_and_half_with_history(client, query, most):
    assert client.get(f"contacts?limit={most}&{query}").status == 200
    assert client.get(f"contacts?limit={most + 1}&{query}").status == 400


def test_a_list_carries_associations_with_their_own_paging(client, portal, create_contact):
    contact_id = create_contact()
    company_ids = [portal.create("companies", {"name": name}) for name in "ABC"]
    for company_id in company_ids:
        portal.associate(
            "contacts", contact_id, "companies", company_id, primary=company_id == company_ids[0]
        )
    portal.switches.long_paging_of_associations = 2
    row = client.get("contacts?associations=companies").body["results"][0]
    linked_companies = row["associations"]["companies"]
    assert linked_companies["results"][0] == {"id": company_ids[0], "type": "contact_to_company"}
    assert {link["id"] for link in linked_companies["results"]} == set(company_ids[:2])
    assert linked_companies["paging"]["next"]["after"] == company_ids[2]


def test_ids_are_text_values_are_text_and_timestamps_stand_in_every_answer(client, create_contact):
    contact_id = create_contact("lead", associatedcompanyid="", email="Kari@Nord.example")
    row = client.get(f"contacts/{contact_id}?properties=email,hs_is_contact").body
    assert row["id"] == contact_id
    assert row["properties"] == {
        "createdate": "2026-11-02T09:30:00Z",
        "email": "kari@nord.example",
        "hs_is_contact": "true",
        "hs_object_id": contact_id,
        "lastmodifieddate": "2026-11-02T09:30:00Z",
    }


def test_a_property_that_does_not_exist_is_left_out_of_an_answer(client, create_contact):
    contact_id = create_contact()
    assert "nosuch" not in client.get(f"contacts/{contact_id}?properties=nosuch").body["properties"]


def test_a_missing_record_is_404_in_html(client):
    reply = client.get("contacts/99")
    assert reply.status == 404
    assert reply.headers["Content-Type"] == "text/html;charset=iso-8859-1"
    assert "Resource not found" in reply.body


def test_an_id_that_is_no_number_is_404_in_json(client):
    reply = client.get("contacts/abc")
    assert (reply.status, reply.body["category"]) == (404, "OBJECT_NOT_FOUND")


def test_a_contact_is_found_by_its_e_mail(client, create_contact):
    contact_id = create_contact(email="kari@nord.example")
    assert client.get("contacts/kari@nord.example?idProperty=email").body["id"] == contact_id


def test_a_batch_read_names_the_missing_ids_in_one_entry(client, create_contact):
    contact_id = create_contact()
    reply = client.read("contacts", [contact_id, "7", "8"])
    assert (reply.status, reply.ids, reply.body["numErrors"]) == (207, [contact_id], 1)
    assert reply.body["errors"][0]["context"] == {"ids": ["7", "8"]}
    assert reply.body["errors"][0]["category"] == "OBJECT_NOT_FOUND"


def test_a_batch_read_takes_a_hundred_inputs_and_fifty_with_history(client, create_contact):
    contact_id = create_contact()
    missing_ids = [str(number) for number in range(1_000_000, 1_000_100)]
    assert client.read("contacts", missing_ids).status == 207
    assert client.read("contacts", [contact_id, *missing_ids]).status == 400
    assert (
        client.read("contacts", [contact_id, *missing_ids[:50]], history=("email",)).status == 400
    )


def test_inputs_without_an_id_are_refused(client):
    assert "not set: [id]" in client.post("contacts/batch/read", {"inputs": [{}]}).body["message"]
    reply = client.post("contacts/batch/read", {"inputs": [{"id": None}]})
    assert reply.body["message"] == "Input IDs must be non-null."


def test_properties_as_one_text_are_refused_by_a_batch_read(client, create_contact):
    body = {"inputs": [{"id": create_contact()}], "properties": "email,firstname"}
    assert client.post("contacts/batch/read", body).status == 400


@pytest.mark.parametrize("name", ["contacts", "contact", "0-1"])
def test_a_type_has_three_names(client, create_contact, name):
    contact_id = create_contact()
    assert client.get(name).ids == [contact_id]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("butterflies", "Unable to infer object type from: butterflies"),
        ("2-12345", "Invalid object or event type id: 2-12345"),
    ],
)
def test_an_unknown_type_is_400_without_a_category(client, name, message):
    reply = client.get(name)
    assert (reply.status, reply.body["message"]) == (400, message)
    assert "category" not in reply.body


def test_deal_flags_and_probability_come_from_the_pipeline(client, portal):
    portal.add_pipeline(
        "fornyelser", "Fornyelser", [("1001", "Åpen", False, 0.4), ("1002", "Vunnet", True, 1.0)]
    )
    deal_id = portal.create("deals", {"dealname": "Avtale", "dealstage": "1001"})
    names = ("pipeline", "hs_is_closed", "hs_is_closed_won", "hs_deal_stage_probability")
    row = client.read("deals", [deal_id], *names).body["results"][0]["properties"]
    assert [row[name] for name in names][:3] == ["fornyelser", "false", "false"]
    assert row["hs_deal_stage_probability"].startswith("0.40000000000000002")
    portal.clock.advance(60)
    portal.edit("deals", deal_id, {"dealstage": "1002"})
    history = client.read("deals", [deal_id], history=("hs_is_closed_won", "dealstage")).body
    versions = history["results"][0]["propertiesWithHistory"]
    assert [version["value"] for version in versions["dealstage"]] == ["1002", "1001"]
    assert [version["value"] for version in versions["hs_is_closed_won"]] == ["true", "false"]
    assert versions["hs_is_closed_won"][0]["sourceType"] == "CALCULATED"
    assert portal.value("deals", deal_id, "hs_v2_date_entered_1002") == "2026-11-02T09:31:00Z"
    assert portal.value("deals", deal_id, "closedate") == "2026-11-02T09:31:00Z"


def test_a_pipelines_metadata_are_text(client):
    stages = client.ask("GET", "/crm/pipelines/2026-03/deals").body["results"][0]["stages"]
    assert stages[5]["metadata"] == {"isClosed": "true", "probability": "1.0"}


def test_roll_ups_count_live_links(client, portal, create_contact):
    contact_id = create_contact()
    company_id = portal.create("companies", {"name": "Nordlys AS"})
    deal_ids = [portal.create("deals", {"dealname": name}) for name in "AB"]
    portal.associate("contacts", contact_id, "companies", company_id, primary=True)
    for deal_id in deal_ids:
        portal.associate("deals", deal_id, "contacts", contact_id)
    portal.archive("deals", deal_ids[0])
    row = client.read("contacts", [contact_id], "num_associated_deals", "associatedcompanyid").body
    values = row["results"][0]["properties"]
    assert (values["num_associated_deals"], values["associatedcompanyid"]) == ("1", company_id)
    assert portal.value("companies", company_id, "num_associated_contacts") == "1"


def test_owners_are_listed_and_filtered_by_e_mail(client, portal):
    portal.add_owner("eva@nord.example", "Eva", "Lie")
    owner_id = portal.add_owner("tor@nord.example", "Tor", "Moe")
    owners = client.ask("GET", "/crm/owners/2026-03?email=tor@nord.example").body["results"]
    assert [(owner["id"], owner["firstName"]) for owner in owners] == [(owner_id, "Tor")]
    first = client.ask("GET", "/crm/v3/owners?limit=1").body
    assert first["paging"]["next"]["after"] == "1"


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_the_account_is_told_in_every_family(client, family):
    body = client.ask("GET", f"/account-info/{family}/details").body
    assert body["portalId"] == 147893286
    assert (body["timeZone"], body["utcOffset"]) == ("Europe/Oslo", "+01:00")


def test_the_usage_of_the_day_is_told_and_ends_at_midnight_of_the_portal(client):
    client.get("contacts")
    row = client.ask("GET", "/account-info/v3/api-usage/daily/private-apps").body["results"][0]
    assert row["currentUsage"] == 2
    assert row["resetsAt"] == "2026-11-02T23:00:00Z"


def test_tasks_are_created_and_linked(client, create_contact):
    contact_id = create_contact()
    task_body = {
        "properties": {"hs_timestamp": "2026-11-03", "hs_task_subject": "Ring"},
        "associations": [
            {
                "to": {"id": contact_id},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
            }
        ],
    }
    task = client.post("tasks", task_body)
    assert task.status == 201
    search_reply = client.search(
        "tasks", {"propertyName": "associations.contact", "operator": "EQ", "value": contact_id}
    )
    assert search_reply.ids == [task.body["id"]]
    assert client.post("tasks", {"properties": {"hs_task_subject": "Ring"}}).status == 400


def test_a_property_may_be_defined_by_the_api(client, create_contact):
    body = {"name": "fit_score", "label": "Fit", "type": "number", "fieldType": "number"}
    assert client.ask("POST", "/crm/v3/properties/contacts", body).status == 201
    contact_id = create_contact()
    client.update("contacts", {contact_id: {"fit_score": 17}})
    assert client.value("contacts", contact_id, "fit_score") == "17"


def test_properties_asked_for_with_history_stand_among_the_properties_too(client, create_contact):
    contact_id = create_contact("lead", firstname="Kari")
    row = client.get(f"contacts/{contact_id}?propertiesWithHistory=lifecyclestage").body
    assert row["properties"]["lifecyclestage"] == "lead"
    assert "firstname" not in row["properties"]


def test_a_batch_read_finds_contacts_by_e_mail(client, create_contact):
    contact_id = create_contact(email="kari@nord.example")
    body = {
        "inputs": [{"id": "kari@nord.example"}, {"id": "ola@nord.example"}],
        "idProperty": "email",
    }
    reply = client.post("contacts/batch/read", body)
    assert (reply.status, reply.ids) == (207, [contact_id])
    assert reply.body["errors"][0]["context"] == {"ids": ["ola@nord.example"]}


def test_a_property_and_a_pipeline_are_read_by_name(client):
    assert client.ask("GET", "/crm/v3/properties/contacts/nosuch").status == 404
    assert client.ask("GET", "/crm/v3/pipelines/deals/default").body["label"] == "Sales Pipeline"
    assert client.ask("GET", "/crm/v3/pipelines/deals/nosuch").status == 404
    assert client.ask("GET", "/crm/v3/pipelines/tasks").status == 400


def test_options_and_pipelines_of_the_portal_are_what_may_be_written(
    client, portal, create_contact
):
    contact_id, deal_id = create_contact(), portal.create("deals", {"dealname": "Avtale"})
    portal.set_options("contacts", "hs_lead_status", [{"value": "NY", "label": "Ny"}])
    owner_id = portal.add_owner("eva@nord.example", "Eva", "Lie")
    portal.edit("contacts", contact_id, {"hs_lead_status": "NY", "hubspot_owner_id": owner_id})
    assert client.update("contacts", {contact_id: {"hs_lead_status": "NEW"}}).status == 400
    refused = client.update("contacts", {contact_id: {"hubspot_owner_id": "1"}})
    assert refused.body["errors"][0]["code"] == "INVALID_OWNER_ID"
    assert client.update("deals", {deal_id: {"pipeline": "nosuch"}}).status == 400
    assert client.update("deals", {deal_id: {"dealstage": "nosuch"}}).status == 400
    client.update("deals", {deal_id: {"dealstage": "contractsent"}})
    assert portal.value("deals", deal_id, "pipeline") == "default"


def test_a_companys_open_deals_are_counted(portal):
    company_id = portal.create("companies", {"name": "Nordlys AS"})
    for stage in ("contractsent", "closedlost"):
        deal_id = portal.create("deals", {"dealstage": stage})
        portal.associate("deals", deal_id, "companies", company_id)
    assert portal.value("companies", company_id, "hs_num_open_deals") == "1"
    assert portal.value("companies", company_id, "num_associated_deals") == "2"


def test_a_read_may_stay_behind_for_several_reads(client, portal, create_contact):
    contact_id = create_contact(firstname="Kari")
    portal.switches.read_lag = 2
    client.update("contacts", {contact_id: {"firstname": "Ola"}})
    values = [client.value("contacts", contact_id, "firstname") for _ in range(3)]
    assert values == ["Kari", "Kari", "Ola"]


def test_python_sees_the_portal_as_http_does(portal, create_contact):
    contact_id = create_contact("lead")
    assert [record.id for record in portal.records("contacts")] == [int(contact_id)]
    assert portal.record("contacts", contact_id).values == {"lifecyclestage": "lead"}
    with pytest.raises(KeyError, match="contacts/9"):
        portal.value("contacts", "9", "email")
