"""Records that go: archived, restored, merged, deleted for privacy."""

from __future__ import annotations


def test_an_archived_record_is_missing_unless_archived_ones_are_asked_for(client, contact, portal):
    one, two = contact(firstname="A"), contact()
    portal.archive("contacts", one)
    assert client.get("contacts").ids == [two]
    assert client.get(f"contacts/{one}").status == 404
    assert client.read("contacts", [one]).status == 207
    row = client.get("contacts?archived=TRUE").body["results"][0]
    assert (row["id"], row["archived"], row["archivedAt"]) == (one, True, "2026-11-02T09:30:00Z")
    assert client.get(f"contacts/{one}?archived=true").body["id"] == one
    assert client.update("contacts", {one: {"firstname": "B"}}).body["results"] == []


def test_a_restored_record_is_back_and_counts_as_changed(client, contact, portal):
    one = contact()
    portal.archive("contacts", one)
    portal.clock.advance(60)
    portal.restore("contacts", one)
    row = client.get(f"contacts/{one}").body
    assert (row["archived"], row["updatedAt"]) == (False, "2026-11-02T09:31:00Z")


def test_delete_answers_204_for_anything(client, contact):
    one = contact()
    for _ in range(2):
        reply = client.ask("DELETE", client.objects(f"contacts/{one}"))
        assert (reply.status, reply.body) == (204, "")
    body = {"inputs": [{"id": 9}]}
    assert client.post("contacts/batch/archive", body).status == 204
    assert client.get("contacts").ids == []


def test_a_merged_id_answers_with_the_survivor_but_a_batch_update_refuses_it(
    client, contact, portal
):
    one, two = contact("lead", firstname="Kari"), contact("customer", lastname="Nordmann")
    body = {"primaryObjectId": one, "objectIdToMerge": two}
    survivor = client.post("contacts/merge", body).body["id"]
    assert survivor not in {one, two}
    row = client.get(f"contacts/{two}?properties=firstname,lastname,hs_merged_object_ids").body
    assert row["id"] == survivor
    assert row["properties"]["firstname"] == "Kari"
    assert row["properties"]["lastname"] == "Nordmann"
    assert row["properties"]["hs_merged_object_ids"] == f"{one};{two}"
    patched = client.ask("PATCH", client.objects(f"contacts/{one}"), {"properties": {"city": "Bø"}})
    assert patched.body["id"] == survivor
    refused = client.update("contacts", {one: {"city": "Oslo"}})
    assert (refused.status, refused.body["results"]) == (207, [])
    assert portal.value("contacts", survivor, "city") == "Bø"
    assert client.get("contacts?archived=true").ids == []


def test_a_survivor_has_the_links_of_both(client, contact, portal):
    one, two = contact(), contact()
    deals = [portal.create("deals", {"dealname": name}) for name in "AB"]
    for person, deal in zip((one, two), deals, strict=True):
        portal.associate("deals", deal, "contacts", person)
    survivor = portal.merge("contacts", one, two)
    row = client.associations("contacts", "deals", {"id": survivor}).body["results"][0]
    assert [str(link["toObjectId"]) for link in row["to"]] == deals
    assert client.associations("deals", "contacts", {"id": deals[1]}).body["results"] != []


def test_records_that_do_not_exist_cannot_be_merged(client, contact):
    body = {"primaryObjectId": contact(), "objectIdToMerge": "9"}
    assert client.post("contacts/merge", body).status == 400


def test_a_privacy_deletion_leaves_nothing(client, contact, portal):
    one, deal = contact(email="kari@nord.example"), portal.create("deals", {"dealname": "A"})
    portal.associate("deals", deal, "contacts", one)
    body = {"objectId": "kari@nord.example", "idProperty": "email"}
    assert client.post("contacts/gdpr-delete", body).status == 204
    assert client.get(f"contacts/{one}?archived=true").status == 404
    assert client.associations("deals", "contacts", {"id": deal}).body["results"] == []
    assert client.search("contacts").ids == []


def test_no_id_is_given_twice_though_the_newest_record_is_gone(contact, portal):
    one, two = contact(), contact()
    portal.merge("contacts", one, two)
    three = contact()
    portal.delete_for_privacy(three)
    assert len({one, two, three, contact()}) == 4
