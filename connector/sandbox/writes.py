"""Writing values: what is checked, what is stored, and what is silently ignored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict

from connector.sandbox import calculated, refusals, stages
from connector.sandbox.kinds import COMPANIES, CONTACTS, DEALS, Kind
from connector.sandbox.record import Record, Source, iso, millis, parse_time

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside
    from connector.sandbox.properties import Definition

STAGE: Final = "lifecyclestage"
_COMPANY: Final = "associatedcompanyid"  # a link to the primary company rather than a value


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


def stamp_of(portal: Inside, origin: Origin, *, otherwise: Source) -> Stamp:
    """Return the stamp that an origin names; `otherwise` is who it is where it names nobody."""
    at = origin.get("at")
    name = origin.get("source", otherwise.type)
    source_id = origin.get("source_id", otherwise.id if name == otherwise.type else "")
    user_id = origin.get("user_id", otherwise.user_id if name == otherwise.type else None)
    return Stamp(portal.clock.ms() if at is None else millis(at), _source(name, source_id, user_id))


@lru_cache(maxsize=4096)
def _source(name: str, source_id: str, user_id: int | None) -> Source:
    """Return one source object for equal sources: a million records share it."""
    return Source(name, source_id, name, user_id)


def checked(
    portal: Inside, kind: Kind, given: Mapping[str, Any], *, api: bool
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return values as HubSpot would store them, and what is wrong with the others.

    `api` refuses read-only properties and text where a number belongs.
    """
    definitions = portal.schema.definitions(kind)
    values: dict[str, str] = {}
    problems: list[dict[str, Any]] = []
    for name, value in given.items():
        definition = definitions.get(name)
        if definition is None:
            message = f'Property "{name}" does not exist'
            problems.append(refusals.problem(name, "PROPERTY_DOESNT_EXIST", message))
        elif value is None and not portal.switches.null_clears:
            continue
        else:
            text = _text(definition, value)
            values[name] = text
            problems += _wrong(portal, definition, text, api=api)
    return values, problems


def _text(definition: Definition, value: Any) -> str:
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


def _wrong(
    portal: Inside, definition: Definition, value: str, *, api: bool
) -> list[dict[str, Any]]:
    name = definition.name
    if api and definition.read_only:
        message = f'"{name}" is a read only property; its value cannot be set.'
        return [refusals.problem(name, "READ_ONLY_VALUE", message)]
    if not value:
        return []
    allowed = _allowed(portal, definition)
    if allowed and not set(value.split(";")) <= allowed:
        message = f"{value} was not one of the allowed options: [{', '.join(sorted(allowed))}]"
        error = "INVALID_OWNER_ID" if name == "hubspot_owner_id" else "INVALID_OPTION"
        return [refusals.problem(name, error, message)]
    return _wrong_type(definition, value) if api else []


def _wrong_type(definition: Definition, value: str) -> list[dict[str, Any]]:
    try:
        if definition.type == "number":
            float(value)
        elif definition.type in {"datetime", "date"}:
            parse_time(value)
    except ValueError:
        error = "INVALID_LONG" if definition.type == "number" else "INVALID_DATE"
        message = f"{value} was not a valid {definition.type}."
        return [refusals.problem(definition.name, error, message)]
    return []


def _allowed(portal: Inside, definition: Definition) -> frozenset[str]:
    if definition.name == "dealstage":
        return frozenset(portal.schema.deal_stages)
    if definition.name == "pipeline":
        return frozenset(portal.schema.pipelines)
    if definition.name == "hubspot_owner_id":
        return frozenset(owner.id for owner in portal.schema.owners)
    return definition.allowed if definition.type == "enumeration" else frozenset()


def backward_refusal(portal: Inside, record: Record, values: Mapping[str, str]) -> str:
    """Return why the portal refuses a backward stage aloud, "" where it does not."""
    if portal.switches.backward_write != "error" or not is_backward(portal, record, values):
        return ""
    return f"{STAGE} can only be moved forward; clear it first to set {values[STAGE]}"


def is_backward(portal: Inside, record: Record, values: Mapping[str, str]) -> bool:
    """Tell whether values hold a stage that only a clear would allow."""
    if record.kind not in {CONTACTS, COMPANIES} or STAGE not in values:
        return False
    order = portal.schema.order(record.kind)
    return stages.is_backward(order, _stage_that_counts(portal, record), values[STAGE])


def _stage_that_counts(portal: Inside, record: Record) -> str:
    """Return the present stage; right after a clear, the one from before it where so switched."""
    now, settles = record.values.get(STAGE, ""), portal.switches.clear_settles_seconds
    if now or not settles:
        return now
    versions = record.history(STAGE)
    cleared_before = len(versions) > 1 and not versions[-1].value
    if cleared_before and portal.clock.ms() - versions[-1].at < settles * 1000:
        return versions[-2].value
    return ""


def write(portal: Inside, record: Record, values: Mapping[str, str], stamp: Stamp) -> None:
    """Store values whatever they are, with everything that HubSpot does along with it."""
    for name, value in values.items():
        if value != _present(portal, record, name):
            _store(portal, record, name, value, stamp)
    portal.touch(record)


def write_forward(portal: Inside, record: Record, values: Mapping[str, str], stamp: Stamp) -> bool:
    """Store values as the API does; tell whether a backward stage was silently ignored."""
    switches = portal.switches
    ignored = switches.backward_write != "allowed" and is_backward(portal, record, values)
    kept = {name: one for name, one in values.items() if not (ignored and name == STAGE)}
    identical = all(one == _present(portal, record, name) for name, one in kept.items())
    bumps = bool(kept) and identical and switches.identical_write_bumps_modified
    if bumps or (ignored and switches.ignored_write_bumps_modified):
        record.modified = max(record.modified, stamp.at)
    write(portal, record, kept, stamp)
    return ignored


def _present(portal: Inside, record: Record, name: str) -> str:
    if name == _COMPANY:
        return calculated.primary_company(portal, record)
    return record.values.get(name, "")


def _store(portal: Inside, record: Record, name: str, value: str, stamp: Stamp) -> None:
    if name == _COMPANY:
        portal.set_primary_company(record, value)
        return
    old = record.values.get(name, "")
    stamp = stamp._replace(at=record.put(name, value, stamp.at, stamp.source))
    if name == "email":
        portal.tables[record.kind.name].learn_email(record)
    elif name == STAGE:
        stamp_customer(portal, record, old, stamp)
        portal.automations.stage_changed(record, value)
    elif name == "dealstage":
        enter_deal_stage(portal, record, stamp)
    portal.tell_property(record, name, value, stamp.source)


def stamp_customer(portal: Inside, record: Record, old: str, stamp: Stamp) -> None:
    """Set the date on which a contact became a customer."""
    if record.kind is not CONTACTS:
        return
    if record.values.get(STAGE) == "customer":
        record.put("closedate", iso(stamp.at), stamp.at, stamp.source)
    elif old == "customer" and portal.switches.backward_clears_closedate:
        record.put("closedate", "", stamp.at, stamp.source)


def enter_deal_stage(portal: Inside, record: Record, stamp: Stamp) -> None:
    """Set what follows from a deal's new stage: its pipeline, and when it was closed."""
    found = portal.schema.deal_stage(record.values.get("dealstage", ""))
    if record.kind is not DEALS or found is None:
        return
    line, stage = found
    if record.values.get("pipeline") != line.id:
        record.put("pipeline", line.id, stamp.at, stamp.source)
    if stage.closed and not record.values.get("closedate"):
        record.put("closedate", iso(stamp.at), stamp.at, stamp.source)
    portal.automations.deal_entered(record, stage)
