"""The JSON Schema of policy files, so that editors complete and underline."""

from __future__ import annotations

from typing import Any, Final

from connector.core.policy_form import Way
from connector.core.setting_specs import LISTS, SPECS, Form, Spec

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
            "name": _told("the policy's name, as plans and the audit show it", _TEXT),
            "version": _told("any text or number", _WORD),
            "description": _told("what it is for", {"type": "string"}),
            "extends": _told("the presets below this file, the lowest first", _listed(_TEXT)),
            "settings": _settings(),
            "lists": _told(
                "lists that conditions may name",
                {"type": "object", "additionalProperties": _listed(_WORD)},
            ),
            "rules": {"type": "array", "items": _rule()},
            "lead_status": {"type": "array", "items": _row()},
        },
    }


def _told(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema}


def _listed(schema: Schema) -> Schema:
    """Return the schema of a list in which one word may stand alone."""
    return {"anyOf": [{"type": "array", "items": schema}, schema, {"type": "null"}]}


def _settings() -> Schema:
    """Return the settings, nested as their dotted names say."""
    root: Schema = _section("what is different from the presets below")
    for spec in SPECS.values():
        *above, last = spec.name.split(".")
        place = root
        for word in above:
            place = place["properties"].setdefault(word, _section(f"settings of {word}"))
        place["properties"][last] = _setting(spec)
    return root


def _section(description: str) -> Schema:
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "properties": {},
    }


def _setting(spec: Spec) -> Schema:
    return {"description": _meaning(spec), **_value(spec)}


def _value(spec: Spec) -> Schema:
    if spec.form in LISTS:
        return _listed(_WORD)
    if spec.form is Form.CHOICE:
        # Editors that read YAML 1.1 take a bare `off` and `on` for no and yes.
        bare = [value for word, value in (("off", False), ("on", True)) if word in spec.options]
        return {"enum": [*spec.options, *bare]}
    return _VALUES.get(spec.form, {"type": ["string", "number", "null"]})


_VALUES: Final[dict[Form, Schema]] = {
    Form.NUMBER: {"type": "number", "minimum": 0, "maximum": 1_000_000},
    Form.SHARE: {"type": "number", "minimum": 0, "maximum": 1},
    Form.FLAG: _FLAG,
    Form.ALIASES: {"type": "object", "additionalProperties": _WORD},
    Form.CONDITION: _CONDITION,
}


def _meaning(spec: Spec) -> str:
    default = spec.default
    if isinstance(default, tuple):
        said = ", ".join(default) or "none"
    else:
        said = f"{default:g}" if isinstance(default, float) else "no"
    return f"{spec.meaning} (default: {said})"


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
            "name": _told("small letters, digits and hyphens", _NAME),
            "for": {"enum": ["contacts", "companies", "both"]},
            "when": _CONDITION,
            "stage": _target(
                "a stage by value or label, `keep` or $setting; or one for each stage"
            ),
            "lead_status": _target(_STATUS),
            "direction": {"enum": [str(one) for one in Way]},
            "from_parked": _told("whether it leads out of a parking place", _FLAG),
            "mark": _told(
                "marks a former customer before the stage moves", {"const": "$churn.mark"}
            ),
            "reason": _told("plain words; {facts} in braces are filled in", _TEXT),
            "before": _told(_BEFORE, _TEXT),
        },
    }


def _row() -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "when", "lead_status", "reason"],
        "properties": {
            "name": _told("small letters, digits and hyphens", _NAME),
            "when": _CONDITION,
            "lead_status": _target(_STATUS),
            "reason": _told("plain words; {facts} in braces are filled in", _TEXT),
            "before": _told(_BEFORE, _TEXT),
        },
    }
