"""Answers that are not as documented: what the switches `odd_records` and `odd_definitions` do."""

from __future__ import annotations

from typing import Any

from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import Record
from connector.sandbox.portal.state import PortalState

JSON = dict[str, Any]
_TEXTS = {
    "lone-surrogate": "Ask for a demo \ud83d",
    "control-characters": "Book a demo \x1b]0;pwned\x07 end",
}
_TEXT_PROPERTIES = {"contacts": "recent_conversion_event_name", "deals": "dealname"}


def make_record_odd(portal: PortalState, record: Record, answer: JSON) -> JSON:
    """Return a record's JSON as `odd_records` says; unchanged where the switch has no entry."""
    oddity = portal.switches.odd_records.get(f"{record.object_type.name}/{record.id}", "")
    if oddity == "no-created-at":
        del answer["createdAt"]
    elif oddity == "no-modified-at":
        answer["updatedAt"] = None
        answer["properties"][record.object_type.modified_property] = None
    elif oddity == "no-version-times":
        # Histories are there only where the request asked for them.
        for versions in answer.get("propertiesWithHistory", {}).values():
            for version in versions:
                del version["timestamp"]
    elif oddity:
        # Every other oddity is a text, in a property that policies read.
        name = _TEXT_PROPERTIES.get(record.object_type.name, "name")
        answer["properties"][name] = _TEXTS[oddity]
    return answer


def make_property_odd(portal: PortalState, object_type: ObjectType, answer: JSON) -> JSON:
    """Return a property definition's JSON as `odd_definitions` says."""
    oddity = portal.switches.odd_definitions.get(f"{object_type.name}.{answer['name']}", "")
    if oddity == "no-type":
        del answer["type"]
    elif oddity == "order-null":
        answer["displayOrder"] = None
        for option in answer["options"]:
            option["displayOrder"] = None
    elif oddity == "label-null":
        answer["label"] = None
    return answer


def make_pipeline_odd(portal: PortalState, object_type: ObjectType, answer: JSON) -> JSON:
    """Return a pipeline's JSON as `odd_definitions` says."""
    oddity = portal.switches.odd_definitions.get(f"{object_type.name}/{answer['id']}", "")
    if oddity == "no-type":
        del answer["stages"]
    elif oddity == "order-null":
        answer["displayOrder"] = None
    elif oddity == "label-null":
        answer["label"] = None
    return answer
