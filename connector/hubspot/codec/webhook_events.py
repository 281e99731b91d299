"""Parse the body of a webhook delivery into events, which only name records to read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connector.core.model import ObjectType, Ref
from connector.core.webhook_event import Event

_TYPES: Final[Mapping[str, ObjectType]] = {
    "contact": ObjectType.CONTACTS,
    "company": ObjectType.COMPANIES,
    "deal": ObjectType.DEALS,
    "0-1": ObjectType.CONTACTS,
    "0-2": ObjectType.COMPANIES,
    "0-3": ObjectType.DEALS,
}
# The keys that make an event unique. `attemptNumber` is left out, because it counts deliveries;
# so is the property's value, which may be personal. `eventId` alone is not unique.
_IDENTITY_KEYS: Final = (
    *("eventId", "subscriptionId", "subscriptionType", "eventType", "occurredAt", "objectId"),
    *("propertyName", "associationType", "fromObjectId", "toObjectId", "associationRemoved"),
    *("primaryObjectId", "newObjectId", "changeFlag"),
)
_SCALARS: Final = (str, int, float, type(None))
_MAX_EVENTS: Final = 1000  # HubSpot sends at most 100 in one delivery


class InvalidDelivery(ValueError):
    """The body of a delivery is not a list of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDelivery:
    """The events of a delivery for one portal, and how many entries were skipped."""

    events: tuple[Event, ...]
    skipped: int


def parse_delivery(body: bytes, portal_id: str) -> ParsedDelivery:
    """Return the events of a delivery for one portal; raise InvalidDelivery where it has none.

    Entries of another portal, of an unknown kind or with missing keys are skipped: the next poll
    reads what changed.
    """
    entries = _entries(body)
    if len(entries) > _MAX_EVENTS:
        raise InvalidDelivery(f"the body holds more than {_MAX_EVENTS} events")
    events: dict[str, Event] = {}
    skipped = 0
    for entry in entries:
        entry_events = list(_events(entry, portal_id))
        events.update({event.key: event for event in entry_events})
        skipped += not entry_events
    return ParsedDelivery(events=tuple(events.values()), skipped=skipped)


def _entries(body: bytes) -> list[Any]:
    """Return the entries of a delivery; a single object is a delivery of one.

    A workflow's action "send a webhook" posts one object. A lone surrogate in a value is no
    valid Unicode, which only the slower parser takes; the value itself is not needed.
    """
    try:
        entries = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            entries = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidDelivery("the body is no JSON") from None
    if isinstance(entries, dict):
        return [entries]
    if not isinstance(entries, list):
        raise InvalidDelivery("the body is no list of events")
    return entries


def _events(entry: Any, portal_id: str) -> Iterator[Event]:
    """Yield one event for each record that an entry is about; none where it is malformed."""
    if not isinstance(entry, dict) or _text(entry.get("portalId")) != portal_id:
        return
    if not all(isinstance(entry.get(name), _SCALARS) for name in _IDENTITY_KEYS):
        return
    kind, _, change = _text(entry.get("subscriptionType") or entry.get("eventType")).rpartition(".")
    key, at = _event_key(entry), _parse_time(entry.get("occurredAt"))
    links = change == "associationChange"
    for number, ref in enumerate(dict.fromkeys(_records(entry, kind, links=links))):
        yield Event(key=f"{key}.{number}", record=ref, read_associations=links, at=at)


def _records(entry: Mapping[str, Any], kind: str, *, links: bool) -> Iterator[Ref]:
    if links:
        for end_type, name in zip(_end_types(entry), ("fromObjectId", "toObjectId"), strict=False):
            yield from _ref(end_type, entry.get(name))
        return
    kind = _text(entry.get("objectTypeId")) if kind == "object" else kind
    merged = entry.get("mergedObjectIds")
    merged_ids = merged[:_MAX_EVENTS] if isinstance(merged, list) else []
    record_ids = [entry.get(name) for name in ("objectId", "newObjectId", "primaryObjectId")]
    for record_id in (*record_ids, *merged_ids):
        yield from _ref(kind, record_id)


def _end_types(entry: Mapping[str, Any]) -> Sequence[str]:
    """Return the types of both ends of an association, by type ids or by CONTACT_TO_DEAL."""
    type_ids = [_text(entry.get(name)) for name in ("fromObjectTypeId", "toObjectTypeId")]
    return type_ids if any(type_ids) else _text(entry.get("associationType")).lower().split("_to_")


def _ref(kind: str, record_id: Any) -> Iterator[Ref]:
    """Yield the record of that id; ids are JSON numbers, or text, of at most 64 bits."""
    object_type, text = _TYPES.get(kind), _text(record_id)
    if object_type and text.isascii() and text.isdigit() and len(text) < 19:
        yield Ref(object_type, str(int(text)))


def _text(value: Any) -> str:
    """Return a text or a whole number as text, "" for anything else."""
    is_plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_plain else ""


def _event_key(entry: Mapping[str, Any]) -> str:
    identity = [entry.get(name) for name in _IDENTITY_KEYS]
    text = json.dumps(identity, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _parse_time(millis: Any) -> datetime:
    """Return when it happened; 1970 where no sound time is given, since no decision rests on it."""
    is_number = isinstance(millis, int | float) and not isinstance(millis, bool)
    is_valid = is_number and 0 <= millis < 10**14
    return datetime.fromtimestamp(millis / 1000 if is_valid else 0, UTC)
