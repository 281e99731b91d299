"""Parse the answers about a portal: its account, property definitions and pipelines."""

from __future__ import annotations

from typing import Final

from connector.core.model import Account, DealStage, Option, Pipeline, PropertyDefinition
from connector.hubspot.codec.parsing import (
    ODD_ANSWER_ERRORS,
    OddValue,
    Raw,
    next_cursor,
    odd_answer_reason,
    success_body,
)
from connector.hubspot.http.response import Answer

_TYPES_BY_FIELD_TYPE: Final = {
    "text": "string",
    "textarea": "string",
    "phonenumber": "string",
    "html": "string",
    "number": "number",
    "date": "date",
    "select": "enumeration",
    "radio": "enumeration",
    "checkbox": "enumeration",
    "booleancheckbox": "bool",
}
"""The type of a definition that names none (HubSpot's properties guide, "Property types")."""


def parse_account(answer: Answer) -> Account:
    """Parse the account that the token belongs to."""
    with success_body("account", answer) as body:
        return Account(
            portal_id=str(body["portalId"]),
            time_zone=body.get("timeZone") or "UTC",
            account_type=body.get("accountType") or "STANDARD",
            ui_domain=body.get("uiDomain") or "app.hubspot.com",
        )


def parse_scopes(answer: Answer) -> frozenset[str] | None:
    """Parse the scopes of a token, None where the answer holds none."""
    scopes = answer.document().get("scopes") if answer.status < 300 else None
    return frozenset(map(str, scopes)) if isinstance(scopes, list) else None


def parse_definitions(answer: Answer) -> tuple[dict[str, PropertyDefinition], dict[str, str]]:
    """Parse the property definitions of one object type; return them by name.

    Return also, by name, why a definition could not be read. A portal has hundreds of
    definitions and a policy needs about a dozen, so an odd one must not stop the run.
    """
    definitions: dict[str, PropertyDefinition] = {}
    unreadable: dict[str, str] = {}
    with success_body("properties", answer) as body:
        for raw in body["results"]:
            name = str(raw["name"])
            try:
                definitions[name] = _parse_definition(name, raw)
            except ODD_ANSWER_ERRORS as error:
                unreadable[name] = odd_answer_reason(error)
    return definitions, unreadable


def parse_property_rules(answer: Answer) -> dict[str, tuple[str, ...]]:
    """Parse the kinds of the validation rules on each property that has any, by its name."""
    with success_body("property rules", answer) as body:
        return {
            str(raw["propertyName"]): tuple(
                str(rule["ruleType"]) for rule in raw.get("propertyValidationRules") or ()
            )
            for raw in body["results"]
        }


def parse_pipelines(answer: Answer) -> tuple[Pipeline, ...]:
    """Parse the pipelines and their stages, in the portal's order, without archived pipelines."""
    with success_body("pipelines", answer) as body:
        return tuple(
            Pipeline(
                id=str(raw["id"]),
                label=raw.get("label") or str(raw["id"]),
                stages=tuple(
                    _parse_stage(raw_stage)
                    for raw_stage in sorted(raw.get("stages") or (), key=_display_order)
                ),
            )
            for raw in sorted(body["results"], key=_display_order)
            if not raw.get("archived")
        )


def parse_owner_emails(answer: Answer) -> tuple[tuple[str, ...], str | None]:
    """Parse the e-mail addresses of owners, and where the list goes on; a queue has none."""
    with success_body("owners", answer) as body:
        emails = tuple(str(raw["email"]) for raw in body["results"] if raw.get("email"))
        return emails, next_cursor(body)


def _parse_definition(name: str, raw: Raw) -> PropertyDefinition:
    field_type = str(raw.get("fieldType") or "")
    # A definition without a type: the field type tells it.
    property_type = raw.get("type") or _TYPES_BY_FIELD_TYPE.get(field_type)
    if not isinstance(property_type, str):
        raise OddValue("its type is missing")
    return PropertyDefinition(
        name=name,
        label=str(raw.get("label") or name),
        type=property_type,
        field_type=field_type,
        options=tuple(_parse_option(raw_option) for raw_option in raw.get("options") or ()),
        read_only=bool((raw.get("modificationMetadata") or {}).get("readOnlyValue")),
    )


def _parse_option(raw: Raw) -> Option:
    return Option(
        value=str(raw["value"]),
        label=str(raw.get("label") or raw["value"]),
        order=_order(raw),
        hidden=bool(raw.get("hidden")),
    )


def _parse_stage(raw: Raw) -> DealStage:
    metadata = raw.get("metadata") or {}
    return DealStage(
        id=str(raw["id"]),
        label=raw.get("label") or str(raw["id"]),
        is_closed=_parse_bool(metadata.get("isClosed")),
        probability=_parse_float(metadata.get("probability")),
    )


def _display_order(raw: Raw) -> tuple[bool, int]:
    """Return the sort key of a display order: -1 comes after every positive one."""
    order = _order(raw)
    return order < 0, order


def _order(raw: Raw) -> int:
    """Return the display order, -1 where there is none."""
    order = raw.get("displayOrder")
    return -1 if order is None else int(order)


def _parse_bool(text: object) -> bool | None:
    """Parse a metadata value: HubSpot sends the texts "true" and "false"."""
    return {"true": True, "false": False}.get(str(text).lower())


def _parse_float(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
