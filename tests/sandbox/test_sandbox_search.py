"""Searching over HTTP: windows, filters, limits, and the late index."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter

import pytest

from tests.sandbox.http_client import NOW, search_filter

NOW_MS = int(NOW.timestamp() * 1000)
BY_MODIFIED = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


def modified_between(low: int, high: int, name: str = "lastmodifieddate"):
    return search_filter(name, "BETWEEN", NOW_MS + low, highValue=str(NOW_MS + high))


def test_a_window_of_last_modified_includes_both_ends(client, portal):
    contact_ids = [
        portal.create("contacts", {}, at=NOW + timedelta(milliseconds=milliseconds))
        for milliseconds in (0, 5, 10, 11)
    ]
    reply = client.search("contacts", modified_between(0, 10), sorts=BY_MODIFIED)
    assert (reply.body["total"], reply.ids) == (3, contact_ids[:3])
    above = client.search(
        "contacts", search_filter("lastmodifieddate", "GT", NOW_MS + 5), sorts=BY_MODIFIED
    )
    assert above.ids == contact_ids[2:]
    iso = client.search(
        "contacts", search_filter("lastmodifieddate", "GTE", "2026-11-02T09:30:00.010Z")
    )
    assert iso.ids == contact_ids[2:]


@pytest.mark.parametrize(
    ("kind", "wrong"), [("contacts", "hs_lastmodifieddate"), ("deals", "lastmodifieddate")]
)
def test_the_wrong_last_modified_property_finds_nothing_without_an_error(
    client, portal, kind, wrong
):
    portal.create(kind, {})
    reply = client.search(kind, search_filter(wrong, "GTE", 0))
    assert (reply.status, reply.body["total"]) == (200, 0)


def test_after_is_an_offset_and_the_last_page_has_none(client, create_contact):
    contact_ids = [create_contact() for _ in range(5)]
    first = client.search("contacts", limit=3)
    assert first.body["paging"] == {"next": {"after": "3"}}
    second = client.search("contacts", limit=3, after="3")
    assert first.ids + second.ids == contact_ids
    assert "paging" not in second.body


def test_paging_ends_at_ten_thousand(client):
    assert client.search("contacts", limit=200, after="9800").status == 200
    assert client.search("contacts", limit=200, after="9801").status == 400


def test_a_page_holds_two_hundred(client):
    assert client.search("contacts", limit=201).status == 400


def test_twelve_thousand_equal_timestamps_are_walked_by_id(client, portal):
    for _ in range(12_000):
        portal.create("contacts", {})
    seen_count, last = 0, 0
    started = perf_counter()
    while True:
        after_last = search_filter("hs_object_id", "GT", last)
        reply = client.search(
            "contacts", modified_between(0, 0), after_last, limit=200, sorts=BY_ID
        )
        if not reply.ids:
            break
        assert reply.body["total"] == 12_000 - seen_count
        seen_count, last = seen_count + len(reply.ids), int(reply.ids[-1])
    assert seen_count == 12_000
    assert perf_counter() - started < 10


def test_archived_records_are_never_found(client, create_contact, portal):
    first_id, second_id = create_contact(), create_contact()
    client.search("contacts")
    portal.archive("contacts", first_id)
    assert client.search("contacts").ids == [second_id]
    portal.restore("contacts", first_id)
    assert client.search("contacts").ids == [first_id, second_id]


def test_a_changed_record_moves_in_the_index(client, create_contact, portal):
    first_id, second_id = create_contact(), create_contact()
    assert client.search("contacts", sorts=BY_MODIFIED).ids == [first_id, second_id]
    portal.clock.advance(1)
    portal.edit("contacts", first_id, {"firstname": "Kari"})
    assert client.search("contacts", sorts=BY_MODIFIED).ids == [second_id, first_id]
    assert client.search("contacts", modified_between(500, 1500)).ids == [first_id]


def test_a_late_record_appears_under_its_own_time(client, create_contact, portal):
    create_contact()
    portal.switches.search_lag_for["contacts/777"] = 3000
    portal.clock.advance(1)
    portal.create("contacts", {}, id=777)
    assert "777" not in client.search("contacts").ids
    assert client.get("contacts/777").status == 200
    portal.clock.advance(3000)
    assert client.search("contacts", modified_between(1000, 1000)).ids == ["777"]


def test_a_late_change_is_shown_under_the_older_time(client, create_contact, portal):
    contact_id = create_contact(firstname="Kari")
    portal.switches.search_lag_seconds = 6
    portal.clock.advance(60)
    portal.edit("contacts", contact_id, {"firstname": "Ola"})
    row = client.search("contacts", modified_between(0, 0)).body["results"][0]
    assert row["properties"]["lastmodifieddate"] == row["updatedAt"] == "2026-11-02T09:30:00Z"
    portal.clock.advance(6)
    assert client.search("contacts", modified_between(0, 0)).ids == []
    assert client.search("contacts", modified_between(60_000, 60_000)).ids == [contact_id]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (search_filter("lifecyclestage", "EQ", "lead"), "a"),
        (search_filter("lifecyclestage", "EQ", "LEAD"), ""),
        (search_filter("lifecyclestage", "NEQ", "lead"), "bc"),
        (search_filter("lifecyclestage", "IN", values=["lead", "customer"]), "ab"),
        (search_filter("lifecyclestage", "NOT_IN", values=["lead"]), "bc"),
        (search_filter("lifecyclestage", "HAS_PROPERTY"), "ab"),
        (search_filter("lifecyclestage", "NOT_HAS_PROPERTY"), "c"),
        (search_filter("firstname", "EQ", "ANNA"), "a"),
        (search_filter("firstname", "IN", values=["Anna"]), ""),
        (search_filter("firstname", "IN", values=["anna"]), "a"),
        (search_filter("email", "CONTAINS_TOKEN", "nord.example"), "a"),
        (search_filter("email", "CONTAINS_TOKEN", "no*"), "a"),
        (search_filter("email", "NOT_CONTAINS_TOKEN", "nord"), "bc"),
        (search_filter("score", "GT", 9), "a"),
        (search_filter("score", "LTE", 9), "b"),
        (search_filter("score", "BETWEEN", 9, highValue="10"), "ab"),
        (search_filter("score", "NEQ", 9), "ac"),
        (search_filter("hs_email_domain", "EQ", "nord.example"), "a"),
        (search_filter("closedate", "GTE", "2026-11-01"), "b"),
    ],
)
def test_filters_treat_blanks_and_case_as_hubspot_does(client, portal, given, expected):
    portal.define_property("contacts", "score", label="Score", type="number", field_type="number")
    properties_by_name = {
        "a": {
            "lifecyclestage": "lead",
            "firstname": "Anna",
            "email": "anna@nord.example",
            "score": "10",
        },
        "b": {"lifecyclestage": "customer", "firstname": "Bo", "score": "9"},
        "c": {},
    }
    names = {portal.create("contacts", values): name for name, values in properties_by_name.items()}
    reply = client.search("contacts", given)
    assert "".join(names[contact_id] for contact_id in reply.ids) == expected


def test_groups_are_or_and_filters_are_and(client, create_contact):
    first_id, second_id = (
        create_contact("lead", firstname="A"),
        create_contact("customer", firstname="B"),
    )
    groups = [
        {
            "filters": [
                search_filter("lifecyclestage", "EQ", "lead"),
                search_filter("firstname", "EQ", "a"),
            ]
        },
        {
            "filters": [
                search_filter("firstname", "EQ", "b"),
                search_filter("lifecyclestage", "EQ", "lead"),
            ]
        },
        {"filters": [search_filter("lifecyclestage", "EQ", "customer")]},
    ]
    reply = client.post("contacts/search", {"filterGroups": groups})
    assert reply.ids == [first_id, second_id]


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [search_filter("firstname", "EQ", "a")] * 7}]},
        {"filterGroups": [{"filters": [search_filter("firstname", "EQ", "a")] * 5}] * 4},
        {"sorts": [BY_ID[0], BY_MODIFIED[0]]},
        {"properties": ["x" * 3000]},
        {"filterGroups": [{"filters": [search_filter("nosuch", "EQ", "a")]}]},
        {"filterGroups": [{"filters": [search_filter("hs_object_id", "GT", "a")]}]},
        {"filterGroups": [{"filters": [search_filter("lastmodifieddate", "GT", "soon")]}]},
        {"sorts": ["nosuch"]},
        {"after": "MTIz"},
        {"limit": "many"},
    ],
)
def test_a_search_beyond_hubspots_limits_is_refused(client, body):
    assert client.post("contacts/search", body).status == 400


def test_an_unknown_operator_is_answered_with_the_list_of_them(client):
    reply = client.search("contacts", search_filter("firstname", "LIKE", "a"))
    assert "Enum type must be one of: [IN, NOT_HAS_PROPERTY, LT, EQ" in reply.body["message"]


def test_sorting_by_a_number_is_numeric_and_blanks_come_last(client, portal):
    amounts = {portal.create("deals", {"amount": amount}): amount for amount in ("", "9", "10")}
    sorts = [{"propertyName": "amount", "direction": "ASCENDING"}]
    assert [amounts[deal_id] for deal_id in client.search("deals", sorts=sorts).ids] == [
        "9",
        "10",
        "",
    ]
    sorts[0]["direction"] = "DESCENDING"
    assert [amounts[deal_id] for deal_id in client.search("deals", sorts=sorts).ids][1:] == [
        "10",
        "9",
    ]


def test_a_query_finds_words(client, create_contact):
    create_contact(firstname="Bo", lastname="Lie")
    contact_id = create_contact(firstname="Kari", lastname="Nordmann")
    assert client.search("contacts", query="kari nord").ids == [contact_id]


def test_a_search_answer_carries_no_burst_headers(client):
    reply = client.search("contacts")
    assert not [name for name in reply.headers if "interval" in name.lower()]
    assert "x-hubspot-ratelimit-max" in client.get("contacts").headers


def test_a_sort_may_be_one_word(client, portal):
    amounts = {portal.create("deals", {"amount": amount}): amount for amount in ("9", "10")}
    assert [amounts[deal_id] for deal_id in client.search("deals", sorts=["-amount"]).ids] == [
        "10",
        "9",
    ]
