"""The events that a portal sends to an app's webhook."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from connector.sandbox.portal.record import Record

Event = dict[str, Any]
_EVENT_IDS: Final = count(1_000_000_001)
_CHANGE_FLAGS: Final = {"creation": "NEW", "deletion": "DELETED"}
_SUBSCRIPTION_ID: Final = 4_718_001
_APP_ID: Final = 18_221_010


def build_event(portal_id: int, at: int, record: Record, event_type: str, fields: Event) -> Event:
    """Write one event that happened at a time in milliseconds; `fields` belong to its type."""
    payload: Event = {
        "eventId": next(_EVENT_IDS),
        "subscriptionId": _SUBSCRIPTION_ID,
        "portalId": portal_id,
        "appId": _APP_ID,
        "occurredAt": at,
        "subscriptionType": f"{record.object_type.singular}.{event_type}",
        "attemptNumber": 0,
        "objectId": record.id,
        "changeSource": "CRM_UI",
    }
    if event_type in _CHANGE_FLAGS:
        payload["changeFlag"] = _CHANGE_FLAGS[event_type]
    return payload | fields


def value_fields(clear_format: str, value: str) -> Event:
    """Write a property's new value; a clear as the switch `webhook_clear` says."""
    if not value and clear_format == "absent":
        return {}
    return {"propertyValue": None if not value and clear_format == "null" else value}
