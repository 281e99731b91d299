"""What the portal would tell an app by webhook, as one event."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from connector.sandbox.record import Record

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside

Event = dict[str, Any]
_NUMBERS: Final = count(1_000_000_001)
_FLAGS: Final = {"creation": "NEW", "deletion": "DELETED"}
_SUBSCRIPTION: Final = 4_718_001
_APP: Final = 18_221_010


def event(portal: Inside, record: Record, what: str, more: Event) -> Event:
    """Write one event; `more` holds what only this kind of event has."""
    told: Event = {
        "eventId": next(_NUMBERS),
        "subscriptionId": _SUBSCRIPTION,
        "portalId": portal.portal_id,
        "appId": _APP,
        "occurredAt": portal.clock.ms(),
        "subscriptionType": f"{record.kind.singular}.{what}",
        "attemptNumber": 0,
        "objectId": record.id,
        "changeSource": "CRM_UI",
    }
    if what in _FLAGS:
        told["changeFlag"] = _FLAGS[what]
    return told | more


def shown_value(habit: str, value: str) -> Event:
    """Write a property's new value; a clear as the portal's habit is."""
    if not value and habit == "absent":
        return {}
    return {"propertyValue": None if not value and habit == "null" else value}
