"""Writing values: what is checked, what is stored, and what is silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypedDict

from connector.sandbox.portal import calculated, linking, refusals, stage_history
from connector.sandbox.portal.object_types import COMPANIES, CONTACTS, DEALS, LEADS, ObjectType
from connector.sandbox.portal.properties import Definition
from connector.sandbox.portal.record import Record, Source, iso, millis, parse_time
from connector.sandbox.portal.state import PortalState

STAGE: Final = "lifecyclestage"
_COMPANY_PROPERTY: Final = (
    "associatedcompanyid"  # a link to the primary company rather than a value
)


class Origin(TypedDict, total=False):
    """Who writes, and when; without `at` it is now."""

    at: datetime | None
    source: str
    source_id: str
    user_id: int | None


class Stamp(NamedTuple):
    """When something is written, in milliseconds, and by whom."""

    at: int
    source: Source


def make_stamp(portal: PortalState, origin: Origin, *, default: Source) -> Stamp:
    """Return the stamp that an origin names; `default` where it names no source."""
    at = origin.get("at")
    name = origin.get("source", default.type)
    source_id = origin.get("source_id", default.id if name == default.type else "")
    user_id = origin.get("user_id", default.user_id if name == default.type else None)
    return Stamp(
        portal.clock.ms() if at is None else millis(at), _shared_source(name, source_id, user_id)
    )


@lru_cache(maxsize=4096)
def _shared_source(name: str, source_id: str, user_id: int | None) -> Source:
    """Return one source object for equal sources: a million records share it."""
    return Source(name, source_id, name, user_id)


def validate(
    portal: PortalState,
    object_type: ObjectType,
    properties: Mapping[str, Any],
    *,
    api: bool = False,
) -> dict[str, str]:
    """Return values as they are stored; refuse them all where one is not valid."""
    values, problems = check_values(portal, object_type, properties, api=api)
    if problems:
        raise refusals.invalid_values(problems)
    return values


def check_values(
    portal: PortalState, object_type: ObjectType, properties: Mapping[str, Any], *, api: bool
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return values as HubSpot would store them, and what is wrong with the others.

    `api` refuses read-only properties and text where a number belongs.
    """
    definitions = portal.schema.definitions(object_type)
    values: dict[str, str] = {}
    problems: list[dict[str, Any]] = []
    for name, value in properties.items():
        definition = definitions.get(name)
        if definition is None:
            message = f'Property "{name}" does not exist'
            problems.append(refusals.value_problem(name, "PROPERTY_DOESNT_EXIST", message))
        elif value is None and not portal.switches.null_clears:
            continue
        else:
            text = _stored_text(definition, value)
            values[name] = text
            problems += _value_problems(portal, definition, text, api=api)
    return values, problems


def _stored_text(definition: Definition, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if definition.name == "email":
        return str(value).lower()
    if definition.type == "datetime":
        try:
            return iso(parse_time(value))
        except ValueError:
            return str(value)
    return str(value)


def _value_problems(
    portal: PortalState, definition: Definition, value: str, *, api: bool
) -> list[dict[str, Any]]:
    name = definition.name
    if api and definition.read_only:
        message = f'"{name}" is a read only property; its value cannot be set.'
        return [refusals.value_problem(name, "READ_ONLY_VALUE", message)]
    if not value:
        return []
    allowed = _allowed_values(portal, definition)
    if allowed and not set(value.split(";")) <= allowed:
        message = f"{value} was not one of the allowed options: [{', '.join(sorted(allowed))}]"
        error = "INVALID_OWNER_ID" if name == "hubspot_owner_id" else "INVALID_OPTION"
        return [refusals.value_problem(name, error, message)]
    return _type_problems(definition, value) if api else []


def _type_problems(definition: Definition, value: str) -> list[dict[str, Any]]:
    try:
        if definition.type == "number":
            float(value)
        elif definition.type in {"datetime", "date"}:
            parse_time(value)
    except ValueError:
        error = "INVALID_LONG" if definition.type == "number" else "INVALID_DATE"
        message = f"{value} was not a valid {definition.type}."
        return [refusals.value_problem(definition.name, error, message)]
    return []


def _allowed_values(portal: PortalState, definition: Definition) -> frozenset[str]:
    if definition.name == "dealstage":
        return frozenset(portal.schema.deal_stages)
    if definition.name == "pipeline":
        return frozenset(portal.schema.pipelines)
    if definition.name == "hubspot_owner_id":
        return frozenset(owner.id for owner in portal.schema.owners)
    return definition.allowed_values if definition.type == "enumeration" else frozenset()


def add_record(
    portal: PortalState,
    object_type: ObjectType,
    record_id: int,
    values: dict[str, str],
    stamp: Stamp,
) -> Record:
    """Add a record with values that were checked; a creation date among them wins over `stamp`."""
    created_text = values.pop(object_type.created_property, "")
    company_id = values.pop(_COMPANY_PROPERTY, "")
    at = parse_time(created_text) if created_text else stamp.at
    record = Record(object_type, record_id, at, stamp.source)
    record.values = {name: value for name, value in values.items() if value}
    _set_defaults(portal, record)
    portal.tables[object_type.name].add(record)
    portal.touch(record)
    if company_id:
        linking.set_primary_company(portal, record, company_id)
    if portal.listeners:
        portal.send_event(record, "creation")
    for reaction in portal.reactions:
        reaction.on_created(record)
    return record


def _set_defaults(portal: PortalState, record: Record) -> None:
    """Set what HubSpot sets by itself when a record is created."""
    values, created_at = record.values, iso(record.created)
    if record.object_type is CONTACTS and values.get(STAGE) == "customer":
        values.setdefault("closedate", created_at)
    if record.object_type is LEADS:
        _set_lead_defaults(portal, record)
    deal_stage = portal.schema.deal_stage(values.get("dealstage", ""))
    if record.object_type is DEALS and deal_stage:
        values["pipeline"] = deal_stage[0].id
        if deal_stage[1].closed:
            values.setdefault("closedate", created_at)


def _set_lead_defaults(portal: PortalState, record: Record) -> None:
    """Set stage and pipeline of a new lead: the first stage, where none is given."""
    first_stage = next(iter(portal.schema.lead_pipelines.values())).stages[0]
    stage = record.values.setdefault("hs_pipeline_stage", first_stage.id)
    pipeline = portal.schema.lead_pipeline(stage)
    if pipeline:
        record.values["hs_pipeline"] = pipeline.id


def backward_refusal(portal: PortalState, record: Record, values: Mapping[str, str]) -> str:
    """Return the message with which the portal refuses a backward stage, "" where it does not."""
    if portal.switches.backward_write != "error" or not is_backward(portal, record, values):
        return ""
    return f"{STAGE} can only be moved forward; clear it first to set {values[STAGE]}"


def is_backward(portal: PortalState, record: Record, values: Mapping[str, str]) -> bool:
    """Return whether values hold a stage that HubSpot only takes after a clear."""
    if record.object_type not in {CONTACTS, COMPANIES} or STAGE not in values:
        return False
    order = portal.schema.stage_order(record.object_type)
    return stage_history.is_backward(order, _effective_stage(portal, record), values[STAGE])


def _effective_stage(portal: PortalState, record: Record) -> str:
    """Return the present stage; for `clear_delay_seconds` after a clear, the old one."""
    current_stage, delay_seconds = (
        record.values.get(STAGE, ""),
        portal.switches.clear_delay_seconds,
    )
    if current_stage or not delay_seconds:
        return current_stage
    versions = record.history(STAGE)
    was_cleared = len(versions) > 1 and not versions[-1].value
    if was_cleared and portal.clock.ms() - versions[-1].at < delay_seconds * 1000:
        return versions[-2].value
    return ""


def write(portal: PortalState, record: Record, values: Mapping[str, str], stamp: Stamp) -> None:
    """Store values in any direction, with everything that HubSpot changes along with them."""
    for name, value in values.items():
        if value != _current_value(portal, record, name):
            _store_value(portal, record, name, value, stamp)
    portal.touch(record)


def write_as_api(
    portal: PortalState, record: Record, values: Mapping[str, str], stamp: Stamp
) -> bool:
    """Store values as the API does; return whether a backward stage was silently ignored.

    HubSpot answers such a write with 2xx and keeps the old stage ("Lifecycle stage" in its guide
    to the CRM API: a stage only moves forward unless it is cleared first); the switch
    `backward_write` has the other ways that were reported.
    """
    switches = portal.switches
    ignored = switches.backward_write != "allowed" and is_backward(portal, record, values)
    # The other values of the write are stored although its stage is ignored.
    stored_values = {
        name: value for name, value in values.items() if not (ignored and name == STAGE)
    }
    # Whether a write without any change moves the modification date is not known.
    identical = all(
        value == _current_value(portal, record, name) for name, value in stored_values.items()
    )
    bumps = bool(stored_values) and identical and switches.identical_write_bumps_modified
    if bumps or (ignored and switches.ignored_write_bumps_modified):
        record.modified = max(record.modified, stamp.at)
    write(portal, record, stored_values, stamp)
    return ignored


def _current_value(portal: PortalState, record: Record, name: str) -> str:
    if name == _COMPANY_PROPERTY:
        return calculated.primary_company_id(portal, record)
    return record.values.get(name, "")


def _store_value(portal: PortalState, record: Record, name: str, value: str, stamp: Stamp) -> None:
    if name == _COMPANY_PROPERTY:
        linking.set_primary_company(portal, record, value)
        return
    old = record.values.get(name, "")
    stamp = stamp._replace(at=record.put(name, value, stamp.at, stamp.source))
    if name == "email":
        portal.tables[record.object_type.name].index_email(record)
    elif name == STAGE:
        set_customer_date(portal, record, old, stamp)
        for reaction in portal.reactions:
            reaction.on_stage_changed(record, value)
    elif name == "dealstage":
        apply_deal_stage(portal, record, stamp)
    portal.send_property_event(record, name, value, stamp.source)


def set_customer_date(portal: PortalState, record: Record, old: str, stamp: Stamp) -> None:
    """Set the date on which a contact became a customer."""
    if record.object_type is not CONTACTS:
        return
    if record.values.get(STAGE) == "customer":
        record.put("closedate", iso(stamp.at), stamp.at, stamp.source)
    elif old == "customer" and portal.switches.backward_clears_closedate:
        record.put("closedate", "", stamp.at, stamp.source)


def apply_deal_stage(portal: PortalState, record: Record, stamp: Stamp) -> None:
    """Set what follows from a deal's new stage: its pipeline, and when it was closed."""
    deal_stage = portal.schema.deal_stage(record.values.get("dealstage", ""))
    if record.object_type is not DEALS or deal_stage is None:
        return
    pipeline, stage = deal_stage
    if record.values.get("pipeline") != pipeline.id:
        record.put("pipeline", pipeline.id, stamp.at, stamp.source)
    if stage.closed and not record.values.get("closedate"):
        record.put("closedate", iso(stamp.at), stamp.at, stamp.source)
    for reaction in portal.reactions:
        reaction.on_deal_stage_entered(record, stage)
