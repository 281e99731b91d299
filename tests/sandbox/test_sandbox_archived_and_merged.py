"""Records that are archived, restored, merged, or deleted for privacy."""

from __future__ import annotations


def test_an_archived_record_is_missing_unless_archived_ones_are_asked_for(
    client, create_contact, portal
):
    first_id, second_id = create_contact(firstname="A"), create_contact()
    portal.archive("contacts", first_id)
    assert client.get("contacts").ids == [second_id]
    assert client.get(f"contacts/{first_id}").status == 404
    assert client.read("contacts", [first_id]).status == 207
    row = client.get("contacts?archived=TRUE").body["results"][0]
    assert (row["id"], row["archived"], row["archivedAt"]) == (
        first_id,
        True,
        "2026-11-02T09:30:00Z",
    )
    assert client.get(f"contacts/{first_id}?archived=true").body["id"] == first_id
    assert client.update("contacts", {first_id: {"firstname": "B"}}).body["results"] == []


def test_a_restored_record_is_back_and_counts_as_changed(client, create_contact, portal):
    contact_id = create_contact()
    portal.archive("contacts", contact_id)
    portal.clock.advance(60)
    portal.restore("contacts", contact_id)
    row = client.get(f"contacts/{contact_id}").body
    assert (row["archived"], row["updatedAt"]) == (False, "2026-11-02T09:31:00Z")


def test_delete_answers_204_for_anything(client, create_contact):
    contact_id = create_contact()
    for _ in range(2):
        reply = client.ask("DELETE", client.objects_path(f"contacts/{contact_id}"))
        assert (reply.status, reply.body) == (204, "")
    body = {"inputs": [{"id": 9}]}
    assert client.post("contacts/batch/archive", body).status == 204
    assert client.get("contacts").ids == []


def test_a_merged_id_answers_with_the_survivor_but_a_batch_update_refuses_it(
    client, create_contact, portal
):
    first_id, second_id = (
        create_contact("lead", firstname="Kari"),
        create_contact("customer", lastname="Nordmann"),
    )
    body = {"primaryObjectId": first_id, "objectIdToMerge": second_id}
    survivor = client.post("contacts/merge", body).body["id"]
    assert survivor not in {first_id, second_id}
    row = client.get(
        f"contacts/{second_id}?properties=firstname,lastname,hs_merged_object_ids"
    ).body
    assert row["id"] == survivor
    assert row["properties"]["firstname"] == "Kari"
    assert row["properties"]["lastname"] == "Nordmann"
    assert row["properties"]["hs_merged_object_ids"] == f"{first_id};{second_id}"
    patched = client.ask(
        "PATCH", client.objects_path(f"contacts/{first_id}"), {"properties": {"city": "Bø"}}
    )
    assert patched.body["id"] == survivor
    refused = client.update("contacts", {first_id: {"city": "Oslo"}})
    assert (refused.status, refused.body["results"]) == (207, [])
    assert portal.value("contacts", survivor, "city") == "Bø"
    assert client.get("contacts?archived=true").ids == []


def test_a_survivor_has_the_links_of_both(client, create_contact, portal):
    first_id, second_id = create_contact(), create_contact()
    deal_ids = [portal.create("deals", {"dealname": name}) for name in "AB"]
    for contact_id, deal_id in zip((first_id, second_id), deal_ids, strict=True):
        portal.associate("deals", deal_id, "contacts", contact_id)
    survivor = portal.merge("contacts", first_id, second_id)
    row = client.associations("contacts", "deals", {"id": survivor}).body["results"][0]
    assert [str(link["toObjectId"]) for link in row["to"]] == deal_ids
    assert client.associations("deals", "contacts", {"id": deal_ids[1]}).body["results"] != []


def test_records_that_do_not_exist_cannot_be_merged(client, create_contact):
    body = {"primaryObjectId": create_contact(), "objectIdToMerge": "9"}
    assert client.post("contacts/merge", body).status == 400


def test_a_privacy_deletion_leaves_nothing(client, create_contact, portal):
    contact_id, deal_id = (
        create_contact(email="kari@nord.example"),
        portal.create("deals", {"dealname": "A"}),
    )
    portal.associate("deals", deal_id, "contacts", contact_id)
    body = {"objectId": "kari@nord.example", "idProperty": "email"}
    assert client.post("contacts/gdpr-delete", body).status == 204
    assert client.get(f"contacts/{contact_id}?archived=true").status == 404
    assert client.associations("deals", "contacts", {"id": deal_id}).body["results"] == []
    assert client.search("contacts").ids == []


def test_no_id_is_given_twice_though_the_newest_record_is_gone(create_contact, portal):
    first_id, second_id = create_contact(), create_contact()
    portal.merge("contacts", first_id, second_id)
    third_id = create_contact()
    portal.delete_for_privacy(third_id)
    assert len({first_id, second_id, third_id, create_contact()}) == 4
