"""Workflows of a portal, and the properties that they enrol on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from connector.core.model import ObjectType, Workflow
from connector.hubspot.answer import Answer
from connector.hubspot.codec.parsing import Raw, expecting, following

_TYPES: Final = {"0-1": ObjectType.CONTACTS, "0-2": ObjectType.COMPANIES}
# What an event filter calls the property whose change it waits for.
_OF_EVENTS: Final = "hs_name"


def active(answer: Answer) -> tuple[tuple[str, ...], str | None]:
    """Read the ids of active workflows of contacts or companies, and where the list goes on."""
    with expecting("workflows", answer) as body:
        ids = tuple(str(raw["id"]) for raw in body["results"] if _is_active(raw))
        return ids, following(body)


def asking(ids: Sequence[str]) -> dict[str, object]:
    """Return the body that asks for whole workflows."""
    return {"inputs": [{"flowId": one, "type": "FLOW_ID"} for one in ids]}


def whole(answer: Answer) -> tuple[Workflow, ...]:
    """Read workflows with the properties that they enrol on."""
    with expecting("workflows", answer) as body:
        return tuple(
            Workflow(
                id=str(raw["id"]),
                name=raw.get("name") or "",
                object_type=_TYPES[raw["objectTypeId"]],
                enrols_on=frozenset(_properties(raw.get("enrollmentCriteria") or {})),
            )
            for raw in body["results"]
            if _is_active(raw)
        )


def _is_active(raw: Raw) -> bool:
    return bool(raw.get("isEnabled")) and raw.get("objectTypeId") in _TYPES


def _properties(criteria: Any) -> Iterator[str]:
    """Yield every property that a filter names, however deep its branches go."""
    if isinstance(criteria, list):
        for one in criteria:
            yield from _properties(one)
    elif isinstance(criteria, dict):
        name = criteria.get("property")
        if name == _OF_EVENTS:
            yield from _named(criteria.get("operation") or {})
        elif isinstance(name, str):
            yield name
        for one in criteria.values():
            yield from _properties(one)


def _named(operation: Raw) -> Iterator[str]:
    found = operation.get("values") or [operation.get("value")]
    yield from (one for one in found if isinstance(one, str))
