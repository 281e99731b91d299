"""Workflows of a portal, and the properties that they enrol on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from connector.core.model import ObjectType, Workflow
from connector.hubspot.codec.parsing import Raw, next_cursor, success_body
from connector.hubspot.http.response import Answer

_TYPES: Final = {"0-1": ObjectType.CONTACTS, "0-2": ObjectType.COMPANIES}
# "Set property value" in HubSpot's guide to the workflows API.
_SET_PROPERTY_ACTION: Final = "0-5"
# What an event filter calls the property whose change it waits for.
_EVENT_FILTER_PROPERTY: Final = "hs_name"


def parse_active_ids(answer: Answer) -> tuple[tuple[str, ...], str | None]:
    """Read the ids of active workflows of contacts or companies, and where the list goes on."""
    with success_body("workflows", answer) as body:
        ids = tuple(str(raw["id"]) for raw in body["results"] if _is_active(raw))
        return ids, next_cursor(body)


def batch_read_body(ids: Sequence[str]) -> dict[str, object]:
    """Return the body that asks for whole workflows."""
    return {"inputs": [{"flowId": workflow_id, "type": "FLOW_ID"} for workflow_id in ids]}


def parse_workflows(answer: Answer) -> tuple[Workflow, ...]:
    """Read workflows with the properties that they enrol on."""
    with success_body("workflows", answer) as body:
        return tuple(
            Workflow(
                id=str(raw["id"]),
                name=raw.get("name") or "",
                object_type=_TYPES[raw["objectTypeId"]],
                enrollment_properties=frozenset(
                    _property_names(raw.get("enrollmentCriteria") or {})
                ),
                set_values=tuple(_set_values(raw.get("actions") or ())),
            )
            for raw in body["results"]
            if _is_active(raw)
        )


def _is_active(raw: Raw) -> bool:
    return bool(raw.get("isEnabled")) and raw.get("objectTypeId") in _TYPES


def _set_values(actions: Any) -> Iterator[tuple[str, str | None]]:
    """Yield what the actions set: property and value, None where it is no fixed text."""
    for action in actions if isinstance(actions, list) else ():
        fields = action.get("fields") if isinstance(action, dict) else None
        if isinstance(fields, dict) and action.get("actionTypeId") == _SET_PROPERTY_ACTION:
            value = fields.get("value")
            text = value.get("staticValue") if isinstance(value, dict) else value
            yield str(fields.get("property_name") or ""), text if isinstance(text, str) else None


def _property_names(criteria: Any) -> Iterator[str]:
    """Yield every property that a filter names, however deep its branches go.

    Comes in: enrolment criteria as HubSpot nests them, lists and mappings of any depth; what is of
    another shape names nothing. A name may come twice.
    """
    if isinstance(criteria, list):
        for branch in criteria:
            yield from _property_names(branch)
    elif isinstance(criteria, dict):
        # A filter on a property change keeps the property's name among its values.
        name = criteria.get("property")
        if name == _EVENT_FILTER_PROPERTY:
            yield from _event_property_names(criteria.get("operation") or {})
        elif isinstance(name, str):
            yield name
        # Filters may hold further branches under any key.
        for branch in criteria.values():
            yield from _property_names(branch)


def _event_property_names(operation: Raw) -> Iterator[str]:
    values = operation.get("values") or [operation.get("value")]
    yield from (value for value in values if isinstance(value, str))
