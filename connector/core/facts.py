"""What is known of one record when it is decided: the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.core.bound import BoundPolicy, Reader, Side
from connector.core.deals import Deal, DealState, read_deal
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref, Version
from connector.core.values import Value, Values, domain, midnight, moment, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a decision rests on; blank is "".

    `deals` holds only deals that count; `evidence_at` is the time of the newest evidence:
    when a deal entered its present stage, or the latest form conversion. `company` is a
    contact's primary company, or the company itself; `mark` the value of a former customer's mark.
    """

    record: Ref
    stage: str
    status: str
    values: Values
    deals: tuple[Deal, ...]
    now: datetime
    evidence_at: datetime | None
    mark: str = ""
    company: Ref | None = None


def deal(policy: BoundPolicy, record: Record, history: Sequence[Version] = ()) -> Deal:
    """Return a deal as evidence; `history` holds what is known of its stages, in any order."""
    return read_deal(policy.book, record, history)


def needs_history(policy: BoundPolicy, record: Record, deals: Sequence[Deal]) -> bool:
    """Whether the stage history of a record's deals could change its decision.

    It could where the policy asks whether a deal was won once, in the record's stage and with
    no deal won now; and where a loss counts, with no deal open or won, and a lost deal of
    which nobody knows when it entered its stage.
    """
    side = policy.sides[record.ref.object_type]
    counted = [one for one in deals if one.counts]
    states = {one.state for one in counted}
    if not counted or DealState.WON in states:
        return False
    stage = record.value(STAGE)
    stage = side.aliases.get(stage, stage)
    if side.needs_won is None or stage in side.needs_won:
        return True
    if not side.needs_loss or DealState.OPEN in states:
        return False
    return any(one.state is DealState.LOST and not one.dated for one in counted)


def facts(
    policy: BoundPolicy,
    record: Record,
    deals: Sequence[Deal],
    *,
    company: Record | None = None,
    now: datetime,
) -> Facts:
    """Return the facts about a contact or company, from its record and its linked deals.

    `company` is a contact's primary company. Raise KeyError where a property that the policy
    names was not asked for: what is not known is not blank.
    """
    side = policy.sides[record.ref.object_type]
    is_contact = record.ref.object_type is ObjectType.CONTACTS
    counted = tuple(one for one in deals if one.counts)
    today = midnight(now.astimezone(policy.zone), policy.zone)
    values: dict[str, Value] = {"now": now, "today": today, **_deal_values(counted)}
    values |= _contact_values(policy, record) if is_contact else _company_values(record)
    values |= _conversion(values)
    spaces = {"contact": record, "company": company} if is_contact else {"company": record}
    for reader in side.readers:
        values[reader.key] = _read(reader, spaces, counted)
    stage, status = record.value(STAGE), _status(side, record)
    values["stage"], values["status"] = stage or None, status or None
    firm = company if is_contact else record
    values["company.id"] = firm.ref.id if firm else None
    return Facts(
        record=record.ref,
        stage=stage,
        status=status,
        values=values,
        deals=counted,
        now=now,
        evidence_at=_evidence_at(counted, values.get("contact.last_conversion_at")),
        mark=record.value(policy.mark_property) if is_contact and policy.mark_property else "",
        company=firm.ref if firm else None,
    )


def _status(side: Side, record: Record) -> str:
    return record.value(STATUS) if side.rows else record.properties.get(STATUS) or ""


def _contact_values(policy: BoundPolicy, record: Record) -> dict[str, Value]:
    get = record.properties.get
    host = domain(get("email"))
    score, subscription = policy.score_property, policy.subscription_property
    return {
        "domain": host,
        "contact.email_domain": host,
        "contact.last_conversion": get("recent_conversion_event_name") or None,
        "contact.last_conversion_at": moment(get("recent_conversion_date")),
        "contact.conversions": number(get("num_conversion_events")),
        "contact.score": number(record.properties[score]) if score else None,
        "contact.subscription": (record.properties[subscription] or None) if subscription else None,
    }


def _company_values(record: Record) -> dict[str, Value]:
    return {"domain": domain(record.properties.get("domain"))}


def _deal_values(deals: Sequence[Deal]) -> dict[str, Value]:
    if not deals:
        return _NO_DEALS
    by_state: dict[DealState, list[Deal]] = {one: [] for one in DealState}
    for one in deals:
        by_state[one.state].append(one)
    return {
        "deals.count": float(len(deals)),
        "deals.open": float(len(by_state[DealState.OPEN])),
        "deals.won": float(len(by_state[DealState.WON])),
        "deals.lost": float(len(by_state[DealState.LOST])),
        "deals.neither": float(len(by_state[DealState.NEITHER])),
        "deals.were_won": float(sum(one.was_won for one in deals) - len(by_state[DealState.WON])),
        **_latest_values("open", "open_since", by_state[DealState.OPEN]),
        **_latest_values("won", "won_at", by_state[DealState.WON]),
        **_latest_values("lost", "lost_at", by_state[DealState.LOST]),
    }


def _latest_values(state: str, since: str, deals: Sequence[Deal]) -> dict[str, Value]:
    """Return which deal entered a state last, and when."""
    if not deals:
        return {f"deals.latest_{state}": None, f"deals.{since}": None}
    dated = [one for one in deals if one.entered_at]
    last = max(dated, key=_entered) if dated else deals[0]
    return {f"deals.latest_{state}": str(last.ref), f"deals.{since}": last.entered_at}


def _entered(one: Deal) -> tuple[datetime | None, int]:
    return one.entered_at, int(one.ref.id)


_NO_DEALS: Final[dict[str, Value]] = {
    **{f"deals.{one}": 0.0 for one in ("count", "open", "won", "lost", "neither", "were_won")},
    **_latest_values("open", "open_since", ()),
    **_latest_values("won", "won_at", ()),
    **_latest_values("lost", "lost_at", ()),
}


def _conversion(values: Mapping[str, Value]) -> dict[str, Value]:
    """Return whether there is a form conversion that counts: after a loss only a later one."""
    at, lost_at = values.get("contact.last_conversion_at"), values["deals.lost_at"]
    any_ = bool(values.get("contact.conversions") or values.get("contact.last_conversion"))
    later = isinstance(at, datetime) and isinstance(lost_at, datetime) and at > lost_at
    return {
        "conversion.since_loss": later,
        "conversion.counts": any_ and (later or values["deals.lost"] == 0),
    }


_STATES: Final = {
    "open_deal": DealState.OPEN,
    "won_deal": DealState.WON,
    "lost_deal": DealState.LOST,
}


def _read(reader: Reader, spaces: Mapping[str, Record | None], deals: Iterable[Deal]) -> Value:
    """Return a property's value, or one for each deal in the namespace's state."""
    name = reader.property_name
    if reader.space in {"contact", "company"}:
        record = spaces.get(reader.space)
        return reader.parse(record.properties[name]) if record else None
    state = _STATES.get(reader.space)
    found = (one for one in deals if state is None or one.state is state)
    return tuple(reader.parse(one.properties[name]) for one in found)


def _evidence_at(deals: Iterable[Deal], converted_at: Value) -> datetime | None:
    """Return the time of the newest evidence, None where there is none."""
    times = [*(one.entered_at for one in deals), converted_at]
    return max((one for one in times if isinstance(one, datetime)), default=None)
