"""Values that nobody writes: HubSpot calculates them from the record, its past and its links."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from connector.sandbox import stages
from connector.sandbox.kinds import COMPANIES, CONTACTS, DEALS, Kind
from connector.sandbox.record import Record, Source, Version, iso

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside
    from connector.sandbox.pipelines import Stage
    from connector.sandbox.schema import StageDate

Getter = Callable[[Record], str]
_CALCULATED: Final = Source("CALCULATED", "CalculatedPropertyComputer", "CALCULATED")


def getters(portal: Inside, kind: Kind) -> dict[str, Getter]:
    """Return how each calculated property of a kind is found; every other one is stored."""
    definitions = portal.schema.definitions(kind)
    constants = {name: _constant(one.constant, name) for name, one in definitions.items()}
    found = {name: getter for name, getter in constants.items() if definitions[name].constant}
    found |= _every(kind) | _of_kind(portal, kind)
    for name, date in portal.schema.stage_dates(kind).items():
        found[name] = _stage_date(portal, kind, date)
    return found


def history(portal: Inside, record: Record, name: str) -> list[Version]:
    """Return a property's versions, oldest first; of a deal's calculated flags too."""
    flag = _FLAGS.get(name) if record.kind is DEALS else None
    if flag is None:
        return record.history(name)
    versions: list[Version] = []
    for one in record.history("dealstage"):
        value = flag(portal, one.value)
        if not versions or versions[-1].value != value:
            source = _CALCULATED._replace(user_id=one.source.user_id)
            versions.append(Version(one.at, value, source))
    return versions


def _constant(value: str, name: str) -> Getter:
    return lambda record: record.values.get(name) or value


def _every(kind: Kind) -> dict[str, Getter]:
    return {
        kind.created: lambda record: iso(record.created),
        kind.modified: lambda record: iso(record.modified),
        "hs_object_id": lambda record: str(record.id),
        "hs_object_source": lambda record: record.source.type,
        "hs_object_source_id": lambda record: record.source.id,
        "hs_object_source_label": lambda record: record.source.label or record.source.type,
        "hs_merged_object_ids": lambda record: ";".join(str(one) for one, _ in record.merged),
        "hs_pipeline": lambda _: kind.pipeline,
    }


def _of_kind(portal: Inside, kind: Kind) -> dict[str, Getter]:
    makers = {CONTACTS.name: _contacts, COMPANIES.name: _companies, DEALS.name: _deals}
    maker = makers.get(kind.name)
    return maker(portal) if maker else {}


def _contacts(portal: Inside) -> dict[str, Getter]:
    return {
        "hs_email_domain": lambda record: record.values.get("email", "").rpartition("@")[2],
        "hs_full_name_or_email": _full_name,
        "hs_all_contact_vids": _vids,
        "hs_calculated_merged_vids": lambda record: ";".join(f"{a}:{b}" for a, b in record.merged),
        "hs_searchable_calculated_phone_number": _digits,
        "associatedcompanyid": lambda record: primary_company(portal, record),
        "num_associated_deals": lambda record: _count(portal, record, "deals") or "",
    }


def _companies(portal: Inside) -> dict[str, Getter]:
    return {
        "hs_task_label": lambda record: record.values.get("name", ""),
        "hs_annual_revenue_currency_code": lambda _: portal.currency,
        "hs_num_open_deals": lambda record: _open_deals(portal, record),
        "num_associated_contacts": lambda record: _count(portal, record, "contacts") or "0",
        "num_associated_deals": lambda record: _count(portal, record, "deals") or "",
    }


def _deals(portal: Inside) -> dict[str, Getter]:
    found: dict[str, Getter] = {
        "amount_in_home_currency": lambda record: record.values.get("amount", ""),
        "hs_createdate": lambda record: iso(record.created),
        "num_associated_contacts": lambda record: _count(portal, record, "contacts") or "0",
    }
    for name, flag in _FLAGS.items():
        found[name] = _flag(portal, flag)
    return found


def _flag(portal: Inside, flag: Callable[[Inside, str], str]) -> Getter:
    return lambda record: flag(portal, record.values.get("dealstage", ""))


def _stage_date(portal: Inside, kind: Kind, date: StageDate) -> Getter:
    if date.what == "legacy":
        return lambda record: _became(portal, record, date.stage)
    told = stages.FROM_HISTORY[date.what]
    return lambda record: told(record.history(kind.stage), date.stage)


def _became(portal: Inside, record: Record, stage: str) -> str:
    dates = stages.became(record.history("lifecyclestage"), portal.schema.order(record.kind))
    return iso(dates[stage]) if stage in dates else ""


def _full_name(record: Record) -> str:
    names = (record.values.get("firstname"), record.values.get("lastname"))
    return " ".join(filter(None, names)) or record.values.get("email", "")


def _vids(record: Record) -> str:
    return ";".join([str(record.id), *(str(one) for one, _ in record.merged if one != record.id)])


def _digits(record: Record) -> str:
    return "".join(filter(str.isdigit, record.values.get("phone", "")))


def primary_company(portal: Inside, record: Record) -> str:
    """Return the id of a record's primary company, "" without one."""
    links = portal.links.of(record.kind.name, record.id, "companies")
    return next((str(company) for company, link in links.items() if link.primary), "")


def _count(portal: Inside, record: Record, other: str) -> str:
    records = portal.tables[other].records
    links = portal.links.of(record.kind.name, record.id, other)
    live = sum(1 for one in links if one in records and records[one].archived_at is None)
    return str(live) if live else ""


def _open_deals(portal: Inside, record: Record) -> str:
    deals = portal.tables["deals"].records
    linked = (deals[one] for one in portal.links.of("companies", record.id, "deals"))
    stages_of = (_stage(portal, one.values.get("dealstage", "")) for one in linked)
    return str(sum(1 for stage in stages_of if stage and not stage.closed))


def _stage(portal: Inside, stage_id: str) -> Stage | None:
    found = portal.schema.deal_stage(stage_id)
    return found[1] if found else None


def _closed(portal: Inside, stage_id: str) -> str:
    stage = _stage(portal, stage_id)
    return "" if stage is None else str(bool(stage.closed)).lower()


def _won(portal: Inside, stage_id: str) -> str:
    stage = _stage(portal, stage_id)
    return str(stage is not None and stage.won).lower()


def _lost(portal: Inside, stage_id: str) -> str:
    stage = _stage(portal, stage_id)
    return str(stage is not None and stage.lost).lower()


def _won_count(portal: Inside, stage_id: str) -> str:
    return "1" if _won(portal, stage_id) == "true" else "0"


def _probability(portal: Inside, stage_id: str) -> str:
    stage = _stage(portal, stage_id)
    if stage is None or stage.probability is None:
        return ""
    return str(Decimal(stage.probability))  # HubSpot shows the double in full


_FLAGS: Final[dict[str, Callable[[Inside, str], str]]] = {
    "hs_is_closed": _closed,
    "hs_is_closed_won": _won,
    "hs_is_closed_lost": _lost,
    "hs_closed_won_count": _won_count,
    "hs_deal_stage_probability": _probability,
}
