"""Searching over HTTP: windows, filters, limits, and the late index."""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter

import pytest

from tests.sandbox.asking import NOW, where

MS = int(NOW.timestamp() * 1000)
BY_MODIFIED = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


def window(low: int, high: int, name: str = "lastmodifieddate"):
    return where(name, "BETWEEN", MS + low, highValue=str(MS + high))


def test_a_window_of_last_modified_includes_both_ends(client, portal):
    ids = [
        portal.create("contacts", {}, at=NOW + timedelta(milliseconds=shift))
        for shift in (0, 5, 10, 11)
    ]
    reply = client.search("contacts", window(0, 10), sorts=BY_MODIFIED)
    assert (reply.body["total"], reply.ids) == (3, ids[:3])
    above = client.search("contacts", where("lastmodifieddate", "GT", MS + 5), sorts=BY_MODIFIED)
    assert above.ids == ids[2:]
    iso = client.search("contacts", where("lastmodifieddate", "GTE", "2026-11-02T09:30:00.010Z"))
    assert iso.ids == ids[2:]


@pytest.mark.parametrize(
    ("kind", "wrong"), [("contacts", "hs_lastmodifieddate"), ("deals", "lastmodifieddate")]
)
def test_the_wrong_last_modified_property_finds_nothing_without_an_error(
    client, portal, kind, wrong
):
    portal.create(kind, {})
    reply = client.search(kind, where(wrong, "GTE", 0))
    assert (reply.status, reply.body["total"]) == (200, 0)


def test_after_is_an_offset_and_the_last_page_has_none(client, contact):
    ids = [contact() for _ in range(5)]
    first = client.search("contacts", limit=3)
    assert first.body["paging"] == {"next": {"after": "3"}}
    second = client.search("contacts", limit=3, after="3")
    assert first.ids + second.ids == ids
    assert "paging" not in second.body


def test_paging_ends_at_ten_thousand(client):
    assert client.search("contacts", limit=200, after="9800").status == 200
    assert client.search("contacts", limit=200, after="9801").status == 400


def test_a_page_holds_two_hundred(client):
    assert client.search("contacts", limit=201).status == 400


def test_twelve_thousand_equal_timestamps_are_walked_by_id(client, portal):
    for _ in range(12_000):
        portal.create("contacts", {})
    seen, last = 0, 0
    begun = perf_counter()
    while True:
        more = where("hs_object_id", "GT", last)
        reply = client.search("contacts", window(0, 0), more, limit=200, sorts=BY_ID)
        if not reply.ids:
            break
        assert reply.body["total"] == 12_000 - seen
        seen, last = seen + len(reply.ids), int(reply.ids[-1])
    assert seen == 12_000
    assert perf_counter() - begun < 10


def test_archived_records_are_never_found(client, contact, portal):
    one, two = contact(), contact()
    client.search("contacts")
    portal.archive("contacts", one)
    assert client.search("contacts").ids == [two]
    portal.restore("contacts", one)
    assert client.search("contacts").ids == [one, two]


def test_a_changed_record_moves_in_the_index(client, contact, portal):
    one, two = contact(), contact()
    assert client.search("contacts", sorts=BY_MODIFIED).ids == [one, two]
    portal.clock.advance(1)
    portal.edit("contacts", one, {"firstname": "Kari"})
    assert client.search("contacts", sorts=BY_MODIFIED).ids == [two, one]
    assert client.search("contacts", window(500, 1500)).ids == [one]


def test_a_late_record_appears_under_its_own_time(client, contact, portal):
    contact()
    portal.switches.search_lag_for["contacts/777"] = 3000
    portal.clock.advance(1)
    portal.create("contacts", {}, id=777)
    assert "777" not in client.search("contacts").ids
    assert client.get("contacts/777").status == 200
    portal.clock.advance(3000)
    assert client.search("contacts", window(1000, 1000)).ids == ["777"]


def test_a_late_change_is_shown_under_the_older_time(client, contact, portal):
    one = contact(firstname="Kari")
    portal.switches.search_lag_seconds = 6
    portal.clock.advance(60)
    portal.edit("contacts", one, {"firstname": "Ola"})
    row = client.search("contacts", window(0, 0)).body["results"][0]
    assert row["properties"]["lastmodifieddate"] == row["updatedAt"] == "2026-11-02T09:30:00Z"
    portal.clock.advance(6)
    assert client.search("contacts", window(0, 0)).ids == []
    assert client.search("contacts", window(60_000, 60_000)).ids == [one]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (where("lifecyclestage", "EQ", "lead"), "a"),
        (where("lifecyclestage", "EQ", "LEAD"), ""),
        (where("lifecyclestage", "NEQ", "lead"), "bc"),
        (where("lifecyclestage", "IN", values=["lead", "customer"]), "ab"),
        (where("lifecyclestage", "NOT_IN", values=["lead"]), "bc"),
        (where("lifecyclestage", "HAS_PROPERTY"), "ab"),
        (where("lifecyclestage", "NOT_HAS_PROPERTY"), "c"),
        (where("firstname", "EQ", "ANNA"), "a"),
        (where("firstname", "IN", values=["Anna"]), ""),
        (where("firstname", "IN", values=["anna"]), "a"),
        (where("email", "CONTAINS_TOKEN", "nord.example"), "a"),
        (where("email", "CONTAINS_TOKEN", "no*"), "a"),
        (where("email", "NOT_CONTAINS_TOKEN", "nord"), "bc"),
        (where("score", "GT", 9), "a"),
        (where("score", "LTE", 9), "b"),
        (where("score", "BETWEEN", 9, highValue="10"), "ab"),
        (where("score", "NEQ", 9), "ac"),
        (where("hs_email_domain", "EQ", "nord.example"), "a"),
        (where("closedate", "GTE", "2026-11-01"), "b"),
    ],
)
def test_filters_treat_blanks_and_case_as_hubspot_does(client, portal, given, found):
    portal.define_property("contacts", "score", label="Score", type="number", field_type="number")
    rows = {
        "a": {
            "lifecyclestage": "lead",
            "firstname": "Anna",
            "email": "anna@nord.example",
            "score": "10",
        },
        "b": {"lifecyclestage": "customer", "firstname": "Bo", "score": "9"},
        "c": {},
    }
    names = {portal.create("contacts", values): name for name, values in rows.items()}
    reply = client.search("contacts", given)
    assert "".join(names[one] for one in reply.ids) == found


def test_groups_are_or_and_filters_are_and(client, contact):
    one, two = contact("lead", firstname="A"), contact("customer", firstname="B")
    groups = [
        {"filters": [where("lifecyclestage", "EQ", "lead"), where("firstname", "EQ", "a")]},
        {"filters": [where("firstname", "EQ", "b"), where("lifecyclestage", "EQ", "lead")]},
        {"filters": [where("lifecyclestage", "EQ", "customer")]},
    ]
    reply = client.post("contacts/search", {"filterGroups": groups})
    assert reply.ids == [one, two]


@pytest.mark.parametrize(
    "body",
    [
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("firstname", "EQ", "a")] * 7}]},
        {"filterGroups": [{"filters": [where("firstname", "EQ", "a")] * 5}] * 4},
        {"sorts": [BY_ID[0], BY_MODIFIED[0]]},
        {"properties": ["x" * 3000]},
        {"filterGroups": [{"filters": [where("nosuch", "EQ", "a")]}]},
        {"filterGroups": [{"filters": [where("hs_object_id", "GT", "a")]}]},
        {"filterGroups": [{"filters": [where("lastmodifieddate", "GT", "soon")]}]},
        {"sorts": ["nosuch"]},
        {"after": "MTIz"},
        {"limit": "many"},
    ],
)
def test_a_search_beyond_hubspots_limits_is_refused(client, body):
    assert client.post("contacts/search", body).status == 400


def test_an_unknown_operator_is_answered_with_the_list_of_them(client):
    reply = client.search("contacts", where("firstname", "LIKE", "a"))
    assert "Enum type must be one of: [IN, NOT_HAS_PROPERTY, LT, EQ" in reply.body["message"]


def test_sorting_by_a_number_is_numeric_and_blanks_come_last(client, portal):
    amounts = {portal.create("deals", {"amount": amount}): amount for amount in ("", "9", "10")}
    sorts = [{"propertyName": "amount", "direction": "ASCENDING"}]
    assert [amounts[one] for one in client.search("deals", sorts=sorts).ids] == ["9", "10", ""]
    sorts[0]["direction"] = "DESCENDING"
    assert [amounts[one] for one in client.search("deals", sorts=sorts).ids][1:] == ["10", "9"]


def test_a_query_finds_words(client, contact):
    contact(firstname="Bo", lastname="Lie")
    two = contact(firstname="Kari", lastname="Nordmann")
    assert client.search("contacts", query="kari nord").ids == [two]


def test_a_search_answer_carries_no_burst_headers(client):
    reply = client.search("contacts")
    assert not [name for name in reply.headers if "interval" in name.lower()]
    assert "x-hubspot-ratelimit-max" in client.get("contacts").headers


def test_a_sort_may_be_one_word(client, portal):
    ids = {portal.create("deals", {"amount": amount}): amount for amount in ("9", "10")}
    assert [ids[one] for one in client.search("deals", sorts=["-amount"]).ids] == ["10", "9"]
