"""Associations over HTTP: both directions, the primary company, paging for each id."""

from __future__ import annotations

import pytest


@pytest.fixture
def firm(portal):
    return portal.create("companies", {"name": "Nordlys AS"})


def test_a_primary_link_has_both_types_and_a_number_for_an_id(client, portal, contact, firm):
    one = contact()
    portal.associate("contacts", one, "companies", firm, primary=True)
    reply = client.associations("contacts", "companies", {"id": one})
    assert reply.status == 200
    assert reply.body["results"] == [
        {
            "from": {"id": one},
            "to": [
                {
                    "toObjectId": int(firm),
                    "associationTypes": [
                        {"category": "HUBSPOT_DEFINED", "typeId": 1, "label": "Primary"},
                        {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": None},
                    ],
                }
            ],
        }
    ]
    back = client.associations("companies", "contacts", {"id": firm}).body["results"][0]
    assert [kind["typeId"] for kind in back["to"][0]["associationTypes"]] == [2, 280]


def test_ids_without_associations_are_errors_of_a_207(client, portal, contact, firm):
    one, two = contact(), contact()
    portal.associate("contacts", one, "companies", firm)
    reply = client.associations("contacts", "companies", {"id": one}, {"id": two})
    assert (reply.status, len(reply.body["results"]), reply.body["numErrors"]) == (207, 1, 1)
    error = reply.body["errors"][0]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["message"] == f"No company is associated with contact {two}."
    assert error["context"]["fromObjectId"] == [two]


def test_long_lists_are_paged_for_each_id(client, portal, contact, firm):
    people = [contact() for _ in range(7)]
    for one in people:
        portal.associate("companies", firm, "contacts", one)
    portal.switches.long_paging_of_associations = 3
    found, after = [], {}
    while True:
        row = client.associations("companies", "contacts", {"id": firm, **after}).body["results"][0]
        found += [str(one["toObjectId"]) for one in row["to"]]
        if "paging" not in row:
            break
        after = {"after": row["paging"]["next"]["after"]}
    assert found == people


def test_a_thousand_inputs_are_the_most(client):
    inputs = [{"id": str(number)} for number in range(1001)]
    assert client.associations("contacts", "deals", *inputs[:1000]).status == 207
    assert client.associations("contacts", "deals", *inputs).status == 400


def test_only_one_company_is_primary(client, portal, contact, firm):
    one, other = contact(), portal.create("companies", {"name": "Fjord AS"})
    portal.associate("contacts", one, "companies", firm, primary=True)
    portal.associate("contacts", one, "companies", other, primary=True)
    assert portal.value("contacts", one, "associatedcompanyid") == other
    row = client.associations("contacts", "companies", {"id": one}).body["results"][0]
    types = {link["toObjectId"]: len(link["associationTypes"]) for link in row["to"]}
    assert types == {int(firm): 1, int(other): 2}


def test_writing_the_company_id_makes_the_company_primary(client, portal, contact, firm):
    one = contact()
    client.update("contacts", {one: {"associatedcompanyid": firm}})
    assert client.associations("contacts", "companies", {"id": one}).status == 200
    client.update("contacts", {one: {"associatedcompanyid": ""}})
    assert portal.value("contacts", one, "associatedcompanyid") == ""


def test_archived_records_are_not_linked_and_restored_ones_are_again(client, portal, contact):
    one, deal = contact(), portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal, "contacts", one)
    portal.archive("deals", deal)
    assert client.associations("contacts", "deals", {"id": one}).body["results"] == []
    portal.restore("deals", deal)
    assert client.associations("contacts", "deals", {"id": one}).body["results"] != []


def test_the_api_links_and_unlinks(client, portal, contact, firm):
    one = contact()
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    pair = {"from": {"id": one}, "to": {"id": firm}, "types": types}
    path = "/crm/associations/2026-03/contacts/companies/batch"
    reply = client.ask("POST", f"{path}/create", {"inputs": [pair]})
    assert reply.status == 201
    assert reply.body["results"][0]["toObjectId"] == int(firm)
    assert portal.value("contacts", one, "associatedcompanyid") == firm
    gone = {"from": {"id": one}, "to": [{"id": firm}]}
    assert client.ask("POST", f"{path}/archive", {"inputs": [gone]}).status == 204
    assert portal.value("contacts", one, "associatedcompanyid") == ""


def test_single_links_by_path_and_a_missing_record_has_an_empty_page(client, contact, firm):
    one = contact()
    path = f"/crm/v4/objects/contacts/{one}/associations"
    assert client.ask("PUT", f"{path}/default/companies/{firm}").status == 200
    listed = client.ask("GET", f"{path}/companies").body["results"]
    assert [link["toObjectId"] for link in listed] == [int(firm)]
    assert client.ask("DELETE", f"{path}/companies/{firm}").status == 204
    assert client.ask("GET", f"{path}/companies").body == {"results": []}
    assert client.ask("GET", "/crm/v4/objects/contacts/9/associations/companies").status == 200


def test_labels_of_the_portals_own_come_along(client, portal, contact):
    one, deal = contact(), portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal, "contacts", one, labels=["Beslutter"])
    row = client.associations("deals", "contacts", {"id": deal}).body["results"][0]
    labels = {kind["label"]: kind["category"] for kind in row["to"][0]["associationTypes"]}
    assert labels == {None: "HUBSPOT_DEFINED", "Beslutter": "USER_DEFINED"}


def test_types_that_are_never_linked_are_refused(client):
    assert client.associations("tasks", "tasks", {"id": "1"}).status == 400


def test_the_v3_api_answers_both_directions_of_a_new_link(client, contact, firm):
    one = contact()
    pair = {"from": {"id": one}, "to": {"id": firm}, "type": "contact_to_company"}
    path = "/crm/v3/associations/contacts/companies/batch/create"
    results = client.ask("POST", path, {"inputs": [pair]}).body["results"]
    assert [result["type"] for result in results] == ["company_to_contact", "contact_to_company"]
    assert results[1] == pair


def test_a_label_may_be_given_by_its_number(client, portal, contact):
    one, other = contact(), contact()
    deal = portal.create("deals", {"dealname": "Avtale"})
    portal.associate("deals", deal, "contacts", one, labels=["Beslutter"])
    row = client.associations("deals", "contacts", {"id": deal}).body["results"][0]
    number = row["to"][0]["associationTypes"][1]["typeId"]
    types = [{"associationCategory": "USER_DEFINED", "associationTypeId": number}]
    path = f"/crm/objects/2026-03/deals/{deal}/associations/contacts/{other}"
    assert client.ask("PUT", path, types).body["labels"] == ["Beslutter"]


def test_a_link_to_nobody_is_refused_and_linking_twice_changes_nothing(client, portal, contact):
    one, deal = contact(), portal.create("deals", {"dealname": "Avtale"})
    pair = {"from": {"id": deal}, "to": {"id": "9"}, "types": []}
    path = "/crm/associations/2026-03/deals/contacts/batch/create"
    assert client.ask("POST", path, {"inputs": [pair]}).status == 400
    portal.associate("deals", deal, "contacts", one)
    portal.clock.advance(60)
    portal.associate("deals", deal, "contacts", one)
    assert portal.value("contacts", one, "lastmodifieddate") == "2026-11-02T09:30:00Z"
    portal.dissociate("deals", deal, "contacts", one)
    assert portal.value("contacts", one, "lastmodifieddate") == "2026-11-02T09:31:00Z"


def test_a_record_may_be_created_with_its_primary_company(portal, firm):
    one = portal.create("contacts", {"associatedcompanyid": firm})
    assert portal.value("contacts", one, "associatedcompanyid") == firm
