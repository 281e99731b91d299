"""Property definitions of an object type, and their JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from connector.sandbox.portal import default_properties
from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import iso

_BUILT_IN_CREATED: Final = (
    1_565_000_000_000  # HubSpot's own definitions are years older than records
)


class Option(NamedTuple):
    """One allowed value of an enumeration."""

    value: str
    label: str
    order: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One property of an object type; `constant` is the value of records that have no other."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    description: str = ""
    options: tuple[Option, ...] = ()
    flags: frozenset[str] = field(default_factory=frozenset)
    constant: str = ""
    order: int = -1
    created: int = _BUILT_IN_CREATED

    @property
    def read_only(self) -> bool:
        """Return whether the API refuses to write it."""
        return "ro" in self.flags

    @property
    def allowed_values(self) -> frozenset[str]:
        """Return the values that may be written; empty where anything may."""
        return frozenset(option.value for option in self.options)


def parse_options(rows: Any) -> tuple[Option, ...]:
    """Read options from (value, label) pairs, mappings as in HubSpot's JSON, or values."""
    return tuple(_parse_option(row, order) for order, row in enumerate(rows))


def _parse_option(row: Any, order: int) -> Option:
    if isinstance(row, dict):
        position = int(row.get("displayOrder", order))
        value = str(row["value"])
        return Option(value, str(row.get("label", value)), position, bool(row.get("hidden", False)))
    value, label = (row, row) if isinstance(row, str) else (str(row[0]), str(row[1]))
    return Option(value, label, order)


def default_definitions(object_type: ObjectType) -> dict[str, Definition]:
    """Return the definitions that every portal has for an object type, without the stage dates."""
    lines = (
        (default_properties.COMMON + default_properties.PROPERTIES[object_type.name])
        .strip()
        .splitlines()
    )
    definitions = [_parse_definition(line, object_type) for line in lines if line.strip()]
    return {definition.name: definition for definition in definitions}


def _parse_definition(line: str, object_type: ObjectType) -> Definition:
    name, label, type_, field_type, flag_text = (part.strip() for part in line.split("|"))
    flag_words = flag_text.split()
    constant = next((word[1:] for word in flag_words if word.startswith("=")), "")
    return Definition(
        name=name,
        label=label,
        type=type_,
        field_type=field_type,
        group=f"{object_type.singular}information",
        options=parse_options(default_properties.OPTIONS.get(name, ())),
        flags=frozenset(word for word in flag_words if not word.startswith("=")) | {"hubspot"},
        constant=constant,
    )


def with_options(definition: Definition, new_options: tuple[Option, ...]) -> Definition:
    """Return a definition with other options."""
    return replace(definition, options=new_options)


def definition_json(definition: Definition, *, shuffled: bool = False) -> dict[str, Any]:
    """Write a definition as HubSpot answers it."""
    flags = definition.flags
    sorted_options = sorted(definition.options, key=lambda option: (option.order < 0, option.order))
    if shuffled:
        sorted_options = [*sorted_options[1::2], *sorted_options[::2]]
    answer: dict[str, Any] = {
        "updatedAt": iso(definition.created),
        "createdAt": iso(definition.created),
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": definition.description,
        "groupName": definition.group,
        "options": [_option_json(option, definition.name) for option in sorted_options],
        "displayOrder": definition.order,
        "calculated": "calc" in flags,
        "externalOptions": "ext" in flags,
        "hasUniqueValue": "unique" in flags and "hubspot" not in flags,
        "hidden": "hidden" in flags,
        "modificationMetadata": _modification_metadata(definition),
        "formField": not definition.read_only,
        "dataSensitivity": "non_sensitive",
    }
    return answer | _origin_fields(definition)


def _option_json(option: Option, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"label": option.label, "value": option.value}
    if name != "lifecyclestage":  # served from the stage pipeline, without a description
        answer["description"] = ""
    return answer | {"displayOrder": option.order, "hidden": option.hidden}


def _modification_metadata(definition: Definition) -> dict[str, bool]:
    is_hubspot_defined = "hubspot" in definition.flags
    metadata = {"archivable": True, "readOnlyDefinition": is_hubspot_defined}
    if definition.name in {"hs_lead_status", "dealstage"}:
        metadata["readOnlyOptions"] = False
    return metadata | {"readOnlyValue": definition.read_only}


def _origin_fields(definition: Definition) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "hubspot" in definition.flags:
        fields["hubspotDefined"] = True
    else:
        fields |= {"archived": False, "createdUserId": "88842095", "updatedUserId": "88842095"}
    referenced_type = next((flag[4:] for flag in definition.flags if flag.startswith("ref:")), "")
    return fields | ({"referencedObjectType": referenced_type} if referenced_type else {})
