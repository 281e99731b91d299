"""Calculated properties: HubSpot derives them from a record, its history and its links."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from connector.sandbox.portal import stage_history
from connector.sandbox.portal.definitions import StageDate
from connector.sandbox.portal.object_types import (
    COMPANIES,
    CONTACTS,
    DEALS,
    LEADS,
    ObjectType,
)
from connector.sandbox.portal.pipelines import Stage
from connector.sandbox.portal.record import Record, Source, Version, iso
from connector.sandbox.portal.state import PortalState

Getter = Callable[[Record], str]
_CALCULATED: Final = Source("CALCULATED", "CalculatedPropertyComputer", "CALCULATED")


def read(portal: PortalState, record: Record, name: str) -> str:
    """Return the value of a property, stored or calculated, "" for blank."""
    getter = getters(portal, record.object_type).get(name)
    return getter(record) if getter else record.values.get(name, "")


def getters(portal: PortalState, object_type: ObjectType) -> dict[str, Getter]:
    """Return a function for each calculated property of an object type; all others are stored."""
    switches = portal.switches
    key = (
        object_type.name,
        portal.schema.version,
        switches.legacy_stage_dates,
        switches.stage_property_suffix,
    )
    if key not in portal.getter_cache:
        portal.getter_cache[key] = _build_getters(portal, object_type)
    return portal.getter_cache[key]


def _build_getters(portal: PortalState, object_type: ObjectType) -> dict[str, Getter]:
    definitions = portal.schema.definitions(object_type)
    constant_getters = {
        name: _constant_getter(definition.constant, name)
        for name, definition in definitions.items()
    }
    getters_by_name = {
        name: getter for name, getter in constant_getters.items() if definitions[name].constant
    }
    getters_by_name |= _common_getters(object_type) | _type_getters(portal, object_type)
    for name, stage_date in portal.schema.stage_dates(object_type).items():
        getters_by_name[name] = _stage_date_getter(portal, object_type, stage_date)
    return getters_by_name


def history(portal: PortalState, record: Record, name: str) -> list[Version]:
    """Return a property's versions, oldest first; of some calculated ones too.

    Those are a deal's flags, and what says when links came about.
    """
    links = portal.link_versions.get((record.object_type.name, record.id, name))
    if links is not None:
        return links
    flag = _DEAL_FLAGS.get(name) if record.object_type is DEALS else None
    if flag is None:
        return record.history(name)
    versions: list[Version] = []
    for version in record.history("dealstage"):
        value = flag(portal, version.value)
        if not versions or versions[-1].value != value:
            source = _CALCULATED._replace(user_id=version.source.user_id)
            versions.append(Version(version.at, value, source))
    return versions


def _constant_getter(value: str, name: str) -> Getter:
    return lambda record: record.values.get(name) or value


def _common_getters(object_type: ObjectType) -> dict[str, Getter]:
    # The pipeline of a lead is stored; that of the others follows from their type.
    pipeline = {} if object_type is LEADS else {"hs_pipeline": lambda _: object_type.pipeline_id}
    return {
        **pipeline,
        object_type.created_property: lambda record: iso(record.created),
        object_type.modified_property: lambda record: iso(record.modified),
        "hs_object_id": lambda record: str(record.id),
        "hs_object_source": lambda record: record.source.type,
        "hs_object_source_id": lambda record: record.source.id,
        "hs_object_source_label": lambda record: record.source.label or record.source.type,
        "hs_merged_object_ids": lambda record: ";".join(
            str(merged_id) for merged_id, _ in record.merged
        ),
    }


def _type_getters(portal: PortalState, object_type: ObjectType) -> dict[str, Getter]:
    factories = {
        CONTACTS.name: _contact_getters,
        COMPANIES.name: _company_getters,
        DEALS.name: _deal_getters,
    }
    factory = factories.get(object_type.name)
    return factory(portal) if factory else {}


def _contact_getters(portal: PortalState) -> dict[str, Getter]:
    return {
        "hs_email_domain": lambda record: record.values.get("email", "").rpartition("@")[2],
        "hs_full_name_or_email": _full_name,
        "hs_all_contact_vids": _vids,
        "hs_calculated_merged_vids": lambda record: ";".join(
            f"{merged_id}:{merged_at}" for merged_id, merged_at in record.merged
        ),
        "hs_searchable_calculated_phone_number": _phone_digits,
        "associatedcompanyid": lambda record: primary_company_id(portal, record),
        "num_associated_deals": lambda record: _linked_count(portal, record, "deals") or "",
    }


def _company_getters(portal: PortalState) -> dict[str, Getter]:
    return {
        "hs_task_label": lambda record: record.values.get("name", ""),
        "hs_annual_revenue_currency_code": lambda _: portal.currency,
        "hs_num_open_deals": lambda record: _open_deal_count(portal, record),
        "num_associated_contacts": lambda record: _linked_count(portal, record, "contacts") or "0",
        "num_associated_deals": lambda record: _linked_count(portal, record, "deals") or "",
    }


def _deal_getters(portal: PortalState) -> dict[str, Getter]:
    getters_by_name: dict[str, Getter] = {
        "amount_in_home_currency": lambda record: record.values.get("amount", ""),
        "hs_createdate": lambda record: iso(record.created),
        "num_associated_contacts": lambda record: _linked_count(portal, record, "contacts") or "0",
    }
    for name, flag in _DEAL_FLAGS.items():
        getters_by_name[name] = _flag_getter(portal, flag)
    return getters_by_name


def _flag_getter(portal: PortalState, flag: Callable[[PortalState, str], str]) -> Getter:
    return lambda record: flag(portal, record.values.get("dealstage", ""))


def _stage_date_getter(
    portal: PortalState, object_type: ObjectType, stage_date: StageDate
) -> Getter:
    if stage_date.measure == "legacy":
        return lambda record: _became_date(portal, record, stage_date.stage)
    calculate = stage_history.MEASURES[stage_date.measure]
    return lambda record: calculate(record.history(object_type.stage_property), stage_date.stage)


def _became_date(portal: PortalState, record: Record, stage: str) -> str:
    dates = stage_history.became_dates(
        record.history("lifecyclestage"), portal.schema.stage_order(record.object_type)
    )
    return iso(dates[stage]) if stage in dates else ""


def _full_name(record: Record) -> str:
    names = (record.values.get("firstname"), record.values.get("lastname"))
    return " ".join(filter(None, names)) or record.values.get("email", "")


def _vids(record: Record) -> str:
    return ";".join(
        [
            str(record.id),
            *(str(merged_id) for merged_id, _ in record.merged if merged_id != record.id),
        ]
    )


def _phone_digits(record: Record) -> str:
    return "".join(filter(str.isdigit, record.values.get("phone", "")))


def primary_company_id(portal: PortalState, record: Record) -> str:
    """Return the id of a record's primary company, "" without one."""
    links = portal.links.of(record.object_type.name, record.id, "companies")
    return next((str(company_id) for company_id, link in links.items() if link.primary), "")


def _linked_count(portal: PortalState, record: Record, other_type: str) -> str:
    records = portal.tables[other_type].records
    links = portal.links.of(record.object_type.name, record.id, other_type)
    live_count = sum(
        1 for linked_id in links if linked_id in records and records[linked_id].archived_at is None
    )
    return str(live_count) if live_count else ""


def _open_deal_count(portal: PortalState, record: Record) -> str:
    deals = portal.tables["deals"].records
    linked_deals = (deals[deal_id] for deal_id in portal.links.of("companies", record.id, "deals"))
    deal_stages = (_deal_stage(portal, deal.values.get("dealstage", "")) for deal in linked_deals)
    return str(sum(1 for stage in deal_stages if stage and not stage.closed))


def _deal_stage(portal: PortalState, stage_id: str) -> Stage | None:
    deal_stage = portal.schema.deal_stage(stage_id)
    return deal_stage[1] if deal_stage else None


def _closed_flag(portal: PortalState, stage_id: str) -> str:
    stage = _deal_stage(portal, stage_id)
    return "" if stage is None else str(bool(stage.closed)).lower()


def _won_flag(portal: PortalState, stage_id: str) -> str:
    stage = _deal_stage(portal, stage_id)
    return str(stage is not None and stage.won).lower()


def _lost_flag(portal: PortalState, stage_id: str) -> str:
    stage = _deal_stage(portal, stage_id)
    return str(stage is not None and stage.lost).lower()


def _won_count(portal: PortalState, stage_id: str) -> str:
    return "1" if _won_flag(portal, stage_id) == "true" else "0"


def _probability(portal: PortalState, stage_id: str) -> str:
    stage = _deal_stage(portal, stage_id)
    if stage is None or stage.probability is None:
        return ""
    return str(Decimal(stage.probability))  # HubSpot shows the double in full


_DEAL_FLAGS: Final[dict[str, Callable[[PortalState, str], str]]] = {
    "hs_is_closed": _closed_flag,
    "hs_is_closed_won": _won_flag,
    "hs_is_closed_lost": _lost_flag,
    "hs_closed_won_count": _won_count,
    "hs_deal_stage_probability": _probability,
}
