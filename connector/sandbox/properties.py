"""Property definitions: what a portal says of each property of a kind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from connector.sandbox import catalogue
from connector.sandbox.kinds import Kind
from connector.sandbox.record import iso

_BUILT_IN: Final = 1_565_000_000_000  # HubSpot's own definitions are years older than records


class Option(NamedTuple):
    """One allowed value of an enumeration."""

    value: str
    label: str
    order: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One property of one kind; `constant` stands in every record that has no other value."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    description: str = ""
    options: tuple[Option, ...] = ()
    marks: frozenset[str] = field(default_factory=frozenset)
    constant: str = ""
    order: int = -1
    created: int = _BUILT_IN

    @property
    def read_only(self) -> bool:
        """Tell whether the API refuses to write it."""
        return "ro" in self.marks

    @property
    def allowed(self) -> frozenset[str]:
        """Return the values that may be written; empty where anything may."""
        return frozenset(option.value for option in self.options)


def options(rows: Any) -> tuple[Option, ...]:
    """Read options from (value, label) pairs, mappings as in HubSpot's JSON, or values."""
    return tuple(_option(row, order) for order, row in enumerate(rows))


def _option(row: Any, order: int) -> Option:
    if isinstance(row, dict):
        place = int(row.get("displayOrder", order))
        value = str(row["value"])
        return Option(value, str(row.get("label", value)), place, bool(row.get("hidden", False)))
    value, label = (row, row) if isinstance(row, str) else (str(row[0]), str(row[1]))
    return Option(value, label, order)


def defaults(kind: Kind) -> dict[str, Definition]:
    """Return the definitions that every portal has for a kind, without the stage dates."""
    lines = (catalogue.EVERY + catalogue.PROPERTIES[kind.name]).strip().splitlines()
    found = [_definition(line, kind) for line in lines if line.strip()]
    return {one.name: one for one in found}


def _definition(line: str, kind: Kind) -> Definition:
    name, label, type_, field_type, marks = (part.strip() for part in line.split("|"))
    words = marks.split()
    constant = next((word[1:] for word in words if word.startswith("=")), "")
    return Definition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=f"{kind.singular}information",
        options=options(catalogue.OPTIONS.get(name, ())),
        marks=frozenset(word for word in words if not word.startswith("=")) | {"hubspot"},
        constant=constant,
    )


def with_options(definition: Definition, chosen: tuple[Option, ...]) -> Definition:
    """Return a definition with other options."""
    return replace(definition, options=chosen)


def shown(definition: Definition, *, shuffled: bool = False) -> dict[str, Any]:
    """Write a definition as HubSpot answers it."""
    marks = definition.marks
    chosen = sorted(definition.options, key=lambda one: (one.order < 0, one.order))
    if shuffled:
        chosen = [*chosen[1::2], *chosen[::2]]
    answer: dict[str, Any] = {
        "updatedAt": iso(definition.created),
        "createdAt": iso(definition.created),
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": definition.description,
        "groupName": definition.group,
        "options": [_shown_option(option, definition.name) for option in chosen],
        "displayOrder": definition.order,
        "calculated": "calc" in marks,
        "externalOptions": "ext" in marks,
        "hasUniqueValue": "unique" in marks and "hubspot" not in marks,
        "hidden": "hidden" in marks,
        "modificationMetadata": _metadata(definition),
        "formField": not definition.read_only,
        "dataSensitivity": "non_sensitive",
    }
    return answer | _origin(definition)


def _shown_option(option: Option, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"label": option.label, "value": option.value}
    if name != "lifecyclestage":  # served from the stage pipeline, without a description
        answer["description"] = ""
    return answer | {"displayOrder": option.order, "hidden": option.hidden}


def _metadata(definition: Definition) -> dict[str, bool]:
    hubspot = "hubspot" in definition.marks
    metadata = {"archivable": True, "readOnlyDefinition": hubspot}
    if definition.name in {"hs_lead_status", "dealstage"}:
        metadata["readOnlyOptions"] = False
    return metadata | {"readOnlyValue": definition.read_only}


def _origin(definition: Definition) -> dict[str, Any]:
    more: dict[str, Any] = {}
    if "hubspot" in definition.marks:
        more["hubspotDefined"] = True
    else:
        more |= {"archived": False, "createdUserId": "88842095", "updatedUserId": "88842095"}
    referred = next((mark[4:] for mark in definition.marks if mark.startswith("ref:")), "")
    return more | ({"referencedObjectType": referred} if referred else {})
