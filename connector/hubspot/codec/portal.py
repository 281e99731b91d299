"""Account, property definitions and pipelines of a portal."""

from __future__ import annotations

from connector.core.model import Account, DealStage, Option, Pipeline, PropertyDefinition
from connector.hubspot.codec.parsing import Raw, success_body
from connector.hubspot.http.response import Answer


def parse_account(answer: Answer) -> Account:
    """Read the account that the token belongs to."""
    with success_body("account", answer) as body:
        return Account(
            portal_id=str(body["portalId"]),
            time_zone=body.get("timeZone") or "UTC",
            account_type=body.get("accountType") or "STANDARD",
            ui_domain=body.get("uiDomain") or "app.hubspot.com",
        )


def parse_definitions(answer: Answer) -> dict[str, PropertyDefinition]:
    """Read the property definitions of one object type, by name."""
    with success_body("properties", answer) as body:
        return {raw["name"]: _parse_definition(raw) for raw in body["results"]}


def parse_pipelines(answer: Answer) -> tuple[Pipeline, ...]:
    """Read the pipelines and their stages in the portal's order, without archived pipelines."""
    with success_body("pipelines", answer) as body:
        return tuple(
            Pipeline(
                id=str(raw["id"]),
                label=raw["label"],
                stages=tuple(
                    _parse_stage(raw_stage)
                    for raw_stage in sorted(raw["stages"], key=_display_order)
                ),
            )
            for raw in sorted(body["results"], key=_display_order)
            if not raw.get("archived")
        )


def _parse_definition(raw: Raw) -> PropertyDefinition:
    return PropertyDefinition(
        name=raw["name"],
        label=raw.get("label") or raw["name"],
        type=raw["type"],
        field_type=raw.get("fieldType") or "",
        options=tuple(_parse_option(raw_option) for raw_option in raw.get("options") or ()),
        read_only=bool((raw.get("modificationMetadata") or {}).get("readOnlyValue")),
    )


def _parse_option(raw: Raw) -> Option:
    return Option(
        value=str(raw["value"]),
        label=raw.get("label") or str(raw["value"]),
        order=int(raw.get("displayOrder", -1)),
        hidden=bool(raw.get("hidden")),
    )


def _parse_stage(raw: Raw) -> DealStage:
    metadata = raw.get("metadata") or {}
    return DealStage(
        id=str(raw["id"]),
        label=raw["label"],
        is_closed=_parse_bool(metadata.get("isClosed")),
        probability=_parse_float(metadata.get("probability")),
    )


def _display_order(raw: Raw) -> tuple[bool, int]:
    """Sort as HubSpot shows it: a display order of -1 comes after every positive one."""
    order = int(raw.get("displayOrder", -1))
    return order < 0, order


def _parse_bool(text: object) -> bool | None:
    """Read a metadata value: HubSpot sends the texts "true" and "false"."""
    return {"true": True, "false": False}.get(str(text).lower())


def _parse_float(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None
