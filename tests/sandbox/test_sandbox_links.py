"""Associations over HTTP: both directions, the primary company, paging for each id."""

from __future__ import annotations

import pytest


@pytest.fixture
def company_id(portal):
    return portal.create("companies", {"name": "Nordlys AS"})


def test_a_primary_link_has_both_types_and_a_number_for_an_id(
    client, portal, create_contact, company_id
):
    contact_id = create_contact()
    portal.associate("contacts", contact_id, "companies", company_id, primary=True)
    reply = client.associations("contacts", "companies", {"id": contact_id})
    assert reply.status == 200
    assert reply.body["results"] == [
        {
            "from": {"id": contact_id},
            "to": [
                {
                    "toObjectId": int(company_id),
                    "associationTypes": [
                        {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
                        {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
                    ],
                }
            ],
        }
    ]
    reverse_row = client.associations("companies", "contacts", {"id": company_id}).body["results"][
        0
    ]
    assert [
        association_type["typeId"] for association_type in reverse_row["to"][0]["associationTypes"]
    ] == [2, 280]


def test_ids_without_associations_are_errors_of_a_207(client, portal, create_contact, company_id):
    first_id, second_id = create_contact(), create_contact()
    portal.associate("contacts", first_id, "companies", company_id)
    reply = client.associations("contacts", "companies", {"id": first_id}, {"id": second_id})
    assert (reply.status, len(reply.body["results"]), reply.body["numErrors"]) == (207, 1, 1)
    error = reply.body["errors"][0]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["message"] == f"No company is associated with contact {second_id}."
    assert error["context"]["fromObjectId"] == [second_id]


def test_long_lists_are_paged_for_each_id(client, portal, create_contact, company_id):
    contact_ids = [create_contact() for _ in range(7)]
    for contact_id in contact_ids:
        portal.associate("companies", company_id, "contacts", contact_id)
    portal.switches.long_paging_of_associations = 3
    linked_ids, after = [], {}
    while True:
        row = client.associations("companies", "contacts", {"id": company_id, **after}).body[
            "results"
        ][0]
        linked_ids += [str(link["toObjectId"]) for link in row["to"]]
        if "paging" not in row:
            break
        after = {"after": row["paging"]["next"]["after"]}
    assert linked_ids == contact_ids


def test_a_thousand_inputs_are_the_most(client):
    inputs = [{"id": str(number)} for number in range(1001)]
    assert client.associations("contacts", "deals", *inputs[:1000]).status == 207
    assert client.associations("contacts", "deals", *inputs).status == 400


def test_only_one_company_is_primary(client, portal, create_contact, company_id):
    contact_id, other_company_id = (
        create_contact(),
        portal.create("companies", {"name": "Fjord AS"}),
    )
    portal.associate("contacts", contact_id, "companies", company_id, primary=True)
    portal.associate("contacts", contact_id, "companies", other_company_id, primary=True)
    assert portal.value("contacts", contact_id, "associatedcompanyid") == other_company_id
    row = client.associations("contacts", "companies", {"id": contact_id}).body["results"][0]
    types = {link["toObjectId"]: len(link["associationTypes"]) for link in row["to"]}
    assert types == {int(company_id): 1, int(other_company_id): 2}


def test_writing_the_company_id_makes_the_company_primary(
    client, portal, create_contact, company_id
):
    contact_id = create_contact()
    client.update("contacts", {contact_id: {"associatedcompanyid": company_id}})
    assert client.associations("contacts", "companies", {"id": contact_id}).status == 200
    client.update("contacts", {contact_id: {"associatedcompanyid": ""}})
    assert portal.value("contacts", contact_id, "associatedcompanyid") == ""


def test_archived_records_are_not_linked_and_restored_ones_are_again(
    client, portal, create_contact
):
    contact_id, deal_id = create_contact(), portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.archive("deals", deal_id)
    assert client.associations("contacts", "deals", {"id": contact_id}).body["results"] == []
    portal.restore("deals", deal_id)
    assert client.associations("contacts", "deals", {"id": contact_id}).body["results"] != []


def test_the_api_links_and_unlinks(client, portal, create_contact, company_id):
    contact_id = create_contact()
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    association = {"from": {"id": contact_id}, "to": {"id": company_id}, "types": types}
    path = "/crm/associations/2026-03/contacts/companies/batch"
    reply = client.ask("POST", f"{path}/create", {"inputs": [association]})
    assert reply.status == 201
    assert reply.body["results"][0]["toObjectId"] == int(company_id)
    assert portal.value("contacts", contact_id, "associatedcompanyid") == company_id
    removal = {"from": {"id": contact_id}, "to": [{"id": company_id}]}
    assert client.ask("POST", f"{path}/archive", {"inputs": [removal]}).status == 204
    assert portal.value("contacts", contact_id, "associatedcompanyid") == ""


def test_single_links_by_path_and_a_missing_record_has_an_empty_page(
    client, create_contact, company_id
):
    contact_id = create_contact()
    path = f"/crm/v4/objects/contacts/{contact_id}/associations"
    assert client.ask("PUT", f"{path}/default/companies/{company_id}").status == 200
    results = client.ask("GET", f"{path}/companies").body["results"]
    assert [link["toObjectId"] for link in results] == [int(company_id)]
    assert client.ask("DELETE", f"{path}/companies/{company_id}").status == 204
    assert client.ask("GET", f"{path}/companies").body == {"results": []}
    assert client.ask("GET", "/crm/v4/objects/contacts/9/associations/companies").status == 200


def test_labels_of_the_portals_own_come_along(client, portal, create_contact):
    contact_id, deal_id = create_contact(), portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal_id, "contacts", contact_id, labels=["Beslutter"])
    row = client.associations("deals", "contacts", {"id": deal_id}).body["results"][0]
    labels = {
        association_type["label"]: association_type["category"]
        for association_type in row["to"][0]["associationTypes"]
    }
    assert labels == {None: "HUBSPOT_DEFINED", "Beslutter": "USER_DEFINED"}


def test_types_that_are_never_linked_are_refused(client):
    assert client.associations("tasks", "tasks", {"id": "1"}).status == 400


def test_the_v3_api_answers_both_directions_of_a_new_link(client, create_contact, company_id):
    contact_id = create_contact()
    association = {
        "from": {"id": contact_id},
        "to": {"id": company_id},
        "type": "contact_to_company",
    }
    path = "/crm/v3/associations/contacts/companies/batch/create"
    results = client.ask("POST", path, {"inputs": [association]}).body["results"]
    assert [result["type"] for result in results] == ["company_to_contact", "contact_to_company"]
    assert results[1] == association


def test_a_label_may_be_given_by_its_number(client, portal, create_contact):
    contact_id, other_contact_id = create_contact(), create_contact()
    deal_id = portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal_id, "contacts", contact_id, labels=["Beslutter"])
    row = client.associations("deals", "contacts", {"id": deal_id}).body["results"][0]
    type_id = row["to"][0]["associationTypes"][1]["typeId"]
    types = [{"associationCategory": "USER_DEFINED", "associationTypeId": type_id}]
    path = f"/crm/objects/2026-03/deals/{deal_id}/associations/contacts/{other_contact_id}"
    assert client.ask("PUT", path, types).body["labels"] == ["Beslutter"]


def test_a_link_to_nobody_is_refused_and_linking_twice_changes_nothing(
    client, portal, create_contact
):
    contact_id, deal_id = create_contact(), portal.create("deals", {"dealname": "Avtale"})
    association = {"from": {"id": deal_id}, "to": {"id": "9"}, "types": []}
    path = "/crm/associations/2026-03/deals/contacts/batch/create"
    assert client.ask("POST", path, {"inputs": [association]}).status == 400
    portal.associate("deals", deal_id, "contacts", contact_id)
    portal.clock.advance(60)
    portal.associate("deals", deal_id, "contacts", contact_id)
    assert portal.value("contacts", contact_id, "lastmodifieddate") == "2026-11-02T09:30:00Z"
    portal.dissociate("deals", deal_id, "contacts", contact_id)
    assert portal.value("contacts", contact_id, "lastmodifieddate") == "2026-11-02T09:31:00Z"


def test_a_record_may_be_created_with_its_primary_company(portal, company_id):
    contact_id = portal.create("contacts", {"associatedcompanyid": company_id})
    assert portal.value("contacts", contact_id, "associatedcompanyid") == company_id
