"""The body of a webhook delivery → events; whatever it says, only records to look at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connector.core.event import Event
from connector.core.model import ObjectType, Ref

_TYPES: Final[Mapping[str, ObjectType]] = {
    "contact": ObjectType.CONTACTS,
    "company": ObjectType.COMPANIES,
    "deal": ObjectType.DEALS,
    "0-1": ObjectType.CONTACTS,
    "0-2": ObjectType.COMPANIES,
    "0-3": ObjectType.DEALS,
}
# What tells two events apart. Not `attemptNumber`, which counts deliveries; nor the property's
# value, which may be personal, and is not needed; nor `eventId` alone, which is not unique.
_IDENTITY_KEYS: Final = (
    *("eventId", "subscriptionId", "subscriptionType", "eventType", "occurredAt", "objectId"),
    *("propertyName", "associationType", "fromObjectId", "toObjectId", "associationRemoved"),
    *("primaryObjectId", "newObjectId", "changeFlag"),
)
_MAX_EVENTS: Final = 1000  # HubSpot sends at most 100 in one delivery


class InvalidDelivery(ValueError):
    """A delivery that holds no list of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDelivery:
    """What a delivery holds: events of this portal, and how many entries were passed over."""

    events: tuple[Event, ...]
    skipped: int


def parse_delivery(body: bytes, portal_id: str) -> ParsedDelivery:
    """Return the events of a delivery for one portal; raise NotEvents where it has none.

    What is of another portal, of an unknown kind, or written in another way is passed over:
    the next poll finds what happened.
    """
    try:
        entries = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidDelivery("the body is no JSON") from None
    if not isinstance(entries, list) or len(entries) > _MAX_EVENTS:
        raise InvalidDelivery("the body is no list of events")
    events: dict[str, Event] = {}
    skipped = 0
    for entry in entries:
        entry_events = list(_events(entry, portal_id))
        events.update({event.key: event for event in entry_events})
        skipped += not entry_events
    return ParsedDelivery(events=tuple(events.values()), skipped=skipped)


def _events(entry: Any, portal_id: str) -> Iterator[Event]:
    """Yield one event for each record that an entry is about."""
    if not isinstance(entry, dict) or str(entry.get("portalId")) != portal_id:
        return
    kind, _, change = str(entry.get("subscriptionType") or entry.get("eventType")).rpartition(".")
    key, at = _event_key(entry), _parse_time(entry.get("occurredAt"))
    links = change == "associationChange"
    for number, ref in enumerate(dict.fromkeys(_records(entry, kind, links=links))):
        yield Event(key=f"{key}.{number}", record=ref, read_associations=links, at=at)


def _records(entry: Mapping[str, Any], kind: str, *, links: bool) -> Iterator[Ref]:
    if links:
        end_types = str(entry.get("associationType")).lower().split("_to_")
        for end_type, name in zip(end_types, ("fromObjectId", "toObjectId"), strict=False):
            yield from _ref(end_type, entry.get(name))
        return
    kind = str(entry.get("objectTypeId")) if kind == "object" else kind
    merged = entry.get("mergedObjectIds")
    merged_ids = merged[:_MAX_EVENTS] if isinstance(merged, list) else []
    for record_id in (entry.get("objectId"), entry.get("newObjectId"), *merged_ids):
        yield from _ref(kind, record_id)


def _ref(kind: str, record_id: Any) -> Iterator[Ref]:
    """Yield the record of that id; ids are JSON numbers, or text, of at most 64 bits."""
    object_type, text = _TYPES.get(kind), str(record_id)
    is_number = not isinstance(record_id, bool) and text.isascii() and text.isdigit()
    if object_type and is_number and len(text) < 19:
        yield Ref(object_type, str(int(text)))


def _event_key(entry: Mapping[str, Any]) -> str:
    identity = [entry.get(name) for name in _IDENTITY_KEYS]
    return hashlib.sha256(orjson.dumps(identity)).hexdigest()[:32]


def _parse_time(millis: Any) -> datetime:
    """Return when it happened; 1970 without a valid time, since no decision depends on it."""
    is_valid = isinstance(millis, int) and 0 <= millis < 10**14
    return datetime.fromtimestamp(millis / 1000 if is_valid else 0, UTC)
