"""Write the JSON Schema of policy files, by which editors complete and check them."""

from __future__ import annotations

from typing import Any, Final

from connector.core.policy.rule import RuleDirection
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.policy.setting_type import LISTS, SettingSpec, SettingType

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string", "minLength": 1}
_WORD: Final[Schema] = {"type": ["string", "number"]}
_NAME: Final[Schema] = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}
_FLAG: Final[Schema] = {"enum": [True, False, "yes", "no", "on", "off"]}
_CONDITION: Final[Schema] = {
    **_TEXT,
    "maxLength": 2000,
    "description": "a condition such as: deals.open > 0 and stage is not blank",
}


def policy_schema() -> Schema:
    """Return the schema of a policy file (JSON Schema 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "HubSpot lifecycle connector: policy",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "name": _described_as("the policy's name, as plans and the audit show it", _TEXT),
            "version": _described_as("any text or number", _WORD),
            "description": _described_as("what it is for", {"type": "string"}),
            "extends": _described_as(
                "the presets below this file, the lowest first", _list_or_single(_TEXT)
            ),
            "settings": _settings(),
            "lists": _described_as(
                "lists that conditions may name",
                {"type": "object", "additionalProperties": _list_or_single(_WORD)},
            ),
            "rules": {"type": "array", "items": _rule()},
            "lead_status": {"type": "array", "items": _row()},
        },
    }


def _described_as(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema}


def _list_or_single(schema: Schema) -> Schema:
    """Return the schema of a list in which one word may stand alone."""
    return {"anyOf": [{"type": "array", "items": schema}, schema, {"type": "null"}]}


def _settings() -> Schema:
    """Return the settings, nested as their dotted names say."""
    root: Schema = _section("what is different from the presets below")
    for spec in SETTING_SPECS.values():
        *section_names, key = spec.name.split(".")
        parent = root
        for section_name in section_names:
            parent = parent["properties"].setdefault(
                section_name, _section(f"settings of {section_name}")
            )
        parent["properties"][key] = _setting(spec)
    return root


def _section(description: str) -> Schema:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }


def _setting(spec: SettingSpec) -> Schema:
    return {"description": _meaning(spec), **_value(spec)}


def _value(spec: SettingSpec) -> Schema:
    if spec.type is SettingType.CHOICES:
        return _list_or_single({"enum": [*spec.options]})
    if spec.type in LISTS:
        return _list_or_single(_WORD)
    if spec.type is SettingType.CHOICE:
        # Editors that read YAML 1.1 take a bare `off` and `on` for no and yes.
        yaml_booleans = [
            value for word, value in (("off", False), ("on", True)) if word in spec.options
        ]
        return {"enum": [*spec.options, *yaml_booleans]}
    return _VALUES.get(spec.type, {"type": ["string", "number", "null"]})


_VALUES: Final[dict[SettingType, Schema]] = {
    SettingType.NUMBER: {"type": "number", "minimum": 0, "maximum": 1_000_000},
    SettingType.SHARE: {"type": "number", "minimum": 0, "maximum": 1},
    SettingType.FLAG: _FLAG,
    SettingType.ALIASES: {"type": "object", "additionalProperties": _WORD},
    SettingType.LEAD_STATUSES: {"type": "object", "additionalProperties": _WORD},
    SettingType.TERMS: {
        "type": "object",
        "additionalProperties": {"type": ["number", "string"]},
    },
    SettingType.CONDITION: _CONDITION,
    # Editors that read YAML 1.1 take a bare `NO` for no.
    SettingType.COUNTRY: {"type": ["string", "boolean", "null"]},
}


def _meaning(spec: SettingSpec) -> str:
    default = spec.default
    if isinstance(default, tuple):
        default_text = ", ".join(default) or "none"
    else:
        default_text = f"{default:g}" if isinstance(default, float) else "no"
    return f"{spec.meaning} (default: {default_text})"


def _target(description: str) -> Schema:
    branches = {"type": "object", "additionalProperties": _WORD}
    return {"description": description, "anyOf": [_WORD, branches]}


_BEFORE: Final = "the rule before which this one goes (`keep`: last)"
_STATUS: Final = (
    "a lead status by value or label, `keep`, `clear` or $setting; or one for each stage"
)


def _rule() -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "when", "reason"],
        "anyOf": [{"required": ["stage"]}, {"required": ["lead_status"]}],
        "properties": {
            "name": _described_as("small letters, digits and hyphens", _NAME),
            "for": {"enum": ["contacts", "companies", "both"]},
            "when": _CONDITION,
            "stage": _target(
                "a stage by value or label, `keep` or $setting; or one for each stage"
            ),
            "lead_status": _target(_STATUS),
            "direction": {"enum": [str(direction) for direction in RuleDirection]},
            "from_parked": _described_as("whether it leads out of a parking place", _FLAG),
            "mark": _described_as(
                "marks a former customer before the stage moves", {"const": "$churn.mark"}
            ),
            "reason": _described_as("plain words; {facts} in braces are filled in", _TEXT),
            "before": _described_as(_BEFORE, _TEXT),
        },
    }


def _row() -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "when", "lead_status", "reason"],
        "properties": {
            "name": _described_as("small letters, digits and hyphens", _NAME),
            "when": _CONDITION,
            "lead_status": _target(_STATUS),
            "reason": _described_as("plain words; {facts} in braces are filled in", _TEXT),
            "before": _described_as(_BEFORE, _TEXT),
        },
    }
