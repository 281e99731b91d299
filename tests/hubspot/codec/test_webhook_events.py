"""The codec of webhook events yields records to read, whatever a delivery contains."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.hubspot.codec.webhook_events import InvalidDelivery, parse_delivery

PORTAL = "147893286"


def entry(event_type: str = "contact.propertyChange", **fields: Any) -> dict[str, Any]:
    defaults = {
        "eventId": 1,
        "subscriptionId": 4,
        "portalId": int(PORTAL),
        "occurredAt": 1793611800000,
        "subscriptionType": event_type,
        "attemptNumber": 0,
        "objectId": 123,
    }
    return defaults | fields


def records_of(*entries: Any) -> list[tuple[str, bool]]:
    events = parse_delivery(json.dumps(entries).encode(), PORTAL).events
    return [(str(event.record), event.read_associations) for event in events]


@pytest.mark.parametrize(
    ("event", "records"),
    [
        (entry("contact.creation"), ["contacts/123"]),
        (entry("company.deletion"), ["companies/123"]),
        (entry("deal.restore"), ["deals/123"]),
        (entry("contact.privacyDeletion"), ["contacts/123"]),
        (entry("contact.propertyChange", propertyValue=None), ["contacts/123"]),
        (entry("object.propertyChange", objectTypeId="0-3"), ["deals/123"]),
        (
            entry("contact.merge", mergedObjectIds=[123, 9], newObjectId=77),
            ["contacts/123", "contacts/77", "contacts/9"],
        ),
        (entry(None, eventType="contact.creation"), ["contacts/123"]),  # type: ignore[arg-type]
    ],
)
def test_every_kind_of_event_names_the_records_to_look_at(
    event: dict[str, Any], records: list[str]
) -> None:
    assert records_of(event) == [(record, False) for record in records]


def test_an_association_names_both_ends_and_asks_for_their_links() -> None:
    event = entry(
        "deal.associationChange",
        associationType="DEAL_TO_CONTACT",
        fromObjectId=5,
        toObjectId=6,
        associationRemoved=True,
    )
    assert records_of(event) == [("deals/5", True), ("contacts/6", True)]


@pytest.mark.parametrize(
    "event",
    [
        entry(portalId=1),
        entry("ticket.creation"),
        entry("object.creation", objectTypeId="2-9"),
        entry(objectId=None),
        entry(objectId=True),
        entry(objectId="12x"),
        entry(objectId=10**30),
        entry(objectId=-5),
        entry(objectId=1.5),
        entry("deal.associationChange", associationType=7),
        entry("contact.merge", objectId={}, mergedObjectIds="5"),
        entry(eventId=[[[1]]]),
        entry(portalId={"id": 5}),
        entry(occurredAt="yesterday", subscriptionType=[]),
        None,
        7,
        [],
    ],
)
def test_what_is_not_of_ours_is_passed_over(event: Any) -> None:
    parsed = parse_delivery(json.dumps([event]).encode(), PORTAL)
    assert (parsed.events, parsed.skipped) == ((), 1)


@pytest.mark.parametrize("occurred_at", [None, "x", -5, 10**20, 1.5])
def test_an_event_without_a_sound_time_is_still_one(occurred_at: Any) -> None:
    assert records_of(entry(occurredAt=occurred_at)) == [("contacts/123", False)]


@pytest.mark.parametrize(
    "body",
    [b"", b"7", b"null", b"[", b"\xff", b"[" * 5000, b"[" + b"1," * 1000 + b"1]"],
)
def test_a_body_without_a_list_of_events_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(InvalidDelivery):
        parse_delivery(body, PORTAL)


def test_a_delivery_repeated_has_the_same_keys_and_another_change_has_others() -> None:
    def keys(**fields: Any) -> set[str]:
        return {
            event.key
            for event in parse_delivery(json.dumps([entry(**fields)]).encode(), PORTAL).events
        }

    assert keys(attemptNumber=0) == keys(attemptNumber=3)
    assert keys(propertyValue="a") == keys(propertyValue="b")
    assert len(keys() | keys(eventId=2) | keys(occurredAt=5) | keys(propertyName="x")) == 4


def test_an_event_whose_value_is_no_valid_unicode_is_taken() -> None:
    body = (
        b'[{"eventId":1,"portalId":%s,"subscriptionType":"contact.propertyChange","objectId":5,'
        b'"propertyName":"jobtitle","propertyValue":"Chef \\ud83d","occurredAt":1772366400000}]'
    ) % PORTAL.encode()
    assert [str(event.record) for event in parse_delivery(body, PORTAL).events] == ["contacts/5"]


def test_a_merge_names_its_primary_record_even_without_a_new_id() -> None:
    event = entry("contact.merge", objectId=None, primaryObjectId=11, mergedObjectIds=[12, 13])
    assert [ref for ref, _ in records_of(event)] == ["contacts/11", "contacts/12", "contacts/13"]


def test_an_association_by_type_ids_names_both_ends() -> None:
    event = entry(
        "object.associationChange",
        objectTypeId="0-3",
        fromObjectTypeId="0-3",
        toObjectTypeId="0-1",
        associationTypeId=3,
        fromObjectId=1,
        toObjectId=2,
    )
    assert records_of(event) == [("deals/1", True), ("contacts/2", True)]


def test_a_single_object_is_a_delivery_of_one_event() -> None:
    parsed = parse_delivery(json.dumps(entry()).encode(), PORTAL)
    assert [str(event.record) for event in parsed.events] == ["contacts/123"]


def test_a_malformed_event_does_not_cost_the_others_of_its_delivery() -> None:
    body = json.dumps([entry(eventId={"a": [1]}), entry(objectId=7)]).encode()
    parsed = parse_delivery(body, PORTAL)
    assert [str(event.record) for event in parsed.events] == ["contacts/7"]
    assert parsed.skipped == 1


def test_a_time_in_fractions_of_a_millisecond_is_read() -> None:
    (event,) = parse_delivery(json.dumps([entry(occurredAt=1500.5)]).encode(), PORTAL).events
    assert event.at.timestamp() == 1.5005
