"""Derive the facts: everything that is known of one record when it is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy, PropertyReader
from connector.core.conditions.values import (
    Value,
    Values,
    midnight,
    parse_domain,
    parse_number,
    parse_time,
)
from connector.core.deals import DateSource, Deal, DealState, read_deal
from connector.core.decide.churn_values import churn_values
from connector.core.decide.edit_values import (
    is_converted_since_status,
    present_version,
    stage_values,
    status_values,
)
from connector.core.leads import Lead, lead_values
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a decision about one record uses; blank is "".

    `deals` holds only the deals that count; `evidence_at` is the time of the newest evidence:
    when a deal entered its present stage, or the latest form conversion. `company` is a
    contact's primary company, or the company itself; `mark` the value of a former customer's mark.
    `status_version` is the version that set the present lead status, None where it is unknown;
    `has_stage_history` says whether the facts of the stage's history are known. `lead_since` is
    when the leading lead entered its stage: newer evidence for the lead status, not for the stage.
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
    status_version: Version | None = None
    has_stage_history: bool = True
    lead_since: datetime | None = None

    def newest_evidence(self, property_name: str) -> datetime | None:
        """Return the time of the newest evidence for a property, None where there is none."""
        times = [self.evidence_at, self.lead_since if property_name == STATUS else None]
        return max((time for time in times if time), default=None)


def read_policy_deal(
    policy: BoundPolicy, record: Record, history: Sequence[Version] = (), *, now: datetime
) -> Deal:
    """Return a deal as evidence; `history` holds what is known of its stages, in any order."""
    return read_deal(policy.deal_pipelines, record, history, now=now)


def needs_deal_history(policy: BoundPolicy, record: Record, deals: Sequence[Deal]) -> bool:
    """Return whether the stage history of a record's deals could change its decision.

    It could where the policy asks whether a deal was won once, in the record's stage and with
    no deal won now; and where a loss counts, with no deal open or won, and a lost deal of
    which the date is unknown.
    """
    object_policy = policy.object_policies[record.ref.object_type]
    counted_deals = [deal for deal in deals if deal.counts]
    states = {deal.state for deal in counted_deals}
    # No deal has a history, or a deal is won now: the history adds nothing.
    if not counted_deals or DealState.WON in states:
        return False
    # In this stage the policy asks whether a deal was won once.
    stage = record.value(STAGE)
    stage = object_policy.aliases.get(stage, stage)
    if object_policy.past_win_stages is None or stage in object_policy.past_win_stages:
        return True
    # A loss counts only without an open deal, and only an undated one needs its history.
    if not object_policy.uses_losses or DealState.OPEN in states:
        return False
    return any(deal.state is DealState.LOST and not deal.date_is_known for deal in counted_deals)


def deals_dated_by_close_date(facts: Facts, *, since: datetime) -> list[Ref]:
    """Return the deals whose close date alone makes them newer evidence than a moment.

    People type close dates, so the stage histories of these deals must be read before the deals
    count as newer than a person's edit of that moment.
    """
    return [
        deal.ref
        for deal in facts.deals
        if deal.date_source is DateSource.CLOSE_DATE
        and deal.entered_at is not None
        and deal.entered_at > since
    ]


def record_facts(
    policy: BoundPolicy,
    record: Record,
    deals: Sequence[Deal],
    *,
    company: Record | None = None,
    leads: Sequence[Lead] = (),
    now: datetime,
) -> Facts:
    """Return the facts about a contact or company, from its record and its linked deals and leads.

    `company` is a contact's primary company. The histories of stage and lead status are those in
    `record.history`, where they were read. Raise KeyError where a property that the policy names
    was not asked for: what is not known is not blank.
    """
    object_policy = policy.object_policies[record.ref.object_type]
    is_contact = record.ref.object_type is ObjectType.CONTACTS
    counted_deals = tuple(deal for deal in deals if deal.counts)
    values: dict[str, Value] = {**_clock_values(policy, now), **_deal_values(counted_deals)}
    values |= _contact_values(policy, record) if is_contact else _company_values(record)
    # From the histories: who set the lead status, and when the stages were entered.
    stage, status = record.value(STAGE), _lead_status(object_policy, record)
    status_version = present_version(record, STATUS) if status else None
    values |= status_values(status, status_version, imports=policy.policy.flag("hold.imports"))
    values |= stage_values(object_policy, record) | _conversion_values(policy, values)
    # Leads that nobody asked for are unknown, and not absent.
    values |= lead_values(policy.lead_stages, leads) if policy.uses_leads and is_contact else {}
    owners = (
        {ObjectType.CONTACTS: record, ObjectType.COMPANIES: company}
        if is_contact
        else {ObjectType.COMPANIES: record}
    )
    values |= churn_values(policy, owners, counted_deals)
    mark_property = policy.mark_properties.get(record.ref.object_type)
    records = {"contact": record, "company": company} if is_contact else {"company": record}
    for reader in object_policy.readers:
        values[reader.key] = _read_property(reader, records, counted_deals)
    company_record = company if is_contact else record
    values |= {"stage": stage or None, "status": status or None}
    values["company.id"] = company_record.ref.id if company_record else None
    return Facts(
        record=record.ref,
        stage=stage,
        status=status,
        values=values,
        deals=counted_deals,
        now=now,
        evidence_at=_evidence_at(counted_deals, values.get("contact.last_conversion_at")),
        mark=record.value(mark_property) if mark_property else "",
        company=company_record.ref if company_record else None,
        status_version=status_version,
        has_stage_history=not stage or present_version(record, STAGE) is not None,
        lead_since=_time_or_none(values.get("lead.since")),
    )


def _clock_values(policy: BoundPolicy, now: datetime) -> dict[str, Value]:
    return {"now": now, "today": midnight(now.astimezone(policy.zone), policy.zone)}


def _lead_status(object_policy: ObjectPolicy, record: Record) -> str:
    return record.value(STATUS) if object_policy.rows else record.properties.get(STATUS) or ""


def _contact_values(policy: BoundPolicy, record: Record) -> dict[str, Value]:
    get = record.properties.get
    email_domain = parse_domain(get("email"))
    excluded = _excluded_domain(policy, get("hs_additional_emails"))
    score, subscription = policy.score_property, policy.subscription_property
    return {
        "domain": email_domain if excluded is None else excluded,
        "contact.email_domain": email_domain,
        "contact.last_conversion": get("recent_conversion_event_name") or None,
        "contact.last_conversion_at": parse_time(get("recent_conversion_date")),
        "contact.first_conversion": get("first_conversion_event_name") or None,
        "contact.conversions": parse_number(get("num_conversion_events")),
        "contact.score": parse_number(record.properties[score]) if score else None,
        "contact.last_order": parse_time(record.properties[policy.last_order_property])
        if policy.last_order_property
        else None,
        "contact.subscription": (record.properties[subscription] or None) if subscription else None,
    }


def _excluded_domain(policy: BoundPolicy, addresses: str | None) -> str | None:
    """Return the domain of an additional e-mail address that the policy excludes, else None."""
    for address in (addresses or "").split(";"):
        domain = parent = parse_domain(address.strip()) or ""
        while parent:
            if parent in policy.excluded_domains:
                return domain
            parent = parent.partition(".")[2]
    return None


def _company_values(record: Record) -> dict[str, Value]:
    return {"domain": parse_domain(record.properties.get("domain"))}


def _deal_values(deals: Sequence[Deal]) -> dict[str, Value]:
    if not deals:
        return _NO_DEALS
    by_state: dict[DealState, list[Deal]] = {state: [] for state in DealState}
    for deal in deals:
        by_state[deal.state].append(deal)
    return {
        "deals.count": float(len(deals)),
        "deals.open": float(len(by_state[DealState.OPEN])),
        "deals.won": float(len(by_state[DealState.WON])),
        "deals.lost": float(len(by_state[DealState.LOST])),
        "deals.neither": float(len(by_state[DealState.NEITHER])),
        "deals.were_won": float(sum(deal.was_won for deal in deals) - len(by_state[DealState.WON])),
        **_latest_values("open", "open_since", by_state[DealState.OPEN]),
        **_latest_values("won", "won_at", by_state[DealState.WON]),
        **_latest_values("lost", "lost_at", by_state[DealState.LOST]),
    }


def _latest_values(state: str, since: str, deals: Sequence[Deal]) -> dict[str, Value]:
    """Return the deal that entered a state last, and when it did."""
    if not deals:
        return {f"deals.latest_{state}": None, f"deals.{since}": None}
    dated_deals = [deal for deal in deals if deal.entered_at]
    latest_deal = max(dated_deals, key=_entered_key) if dated_deals else deals[0]
    return {f"deals.latest_{state}": str(latest_deal.ref), f"deals.{since}": latest_deal.entered_at}


def _entered_key(deal: Deal) -> tuple[datetime | None, int]:
    return deal.entered_at, int(deal.ref.id)


_NO_DEALS: Final[dict[str, Value]] = {
    **{f"deals.{name}": 0.0 for name in ("count", "open", "won", "lost", "neither", "were_won")},
    **_latest_values("open", "open_since", ()),
    **_latest_values("won", "won_at", ()),
    **_latest_values("lost", "lost_at", ()),
}


def _conversion_values(policy: BoundPolicy, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return whether there is a form conversion that counts: after a loss only a later one."""
    converted_at, lost_at = values.get("contact.last_conversion_at"), values["deals.lost_at"]
    has_converted = bool(values.get("contact.conversions") or values.get("contact.last_conversion"))
    since_loss = (
        isinstance(converted_at, datetime)
        and isinstance(lost_at, datetime)
        and converted_at > lost_at
    )
    return {
        "conversion.since_loss": since_loss,
        "conversion.counts": has_converted and (since_loss or values["deals.lost"] == 0),
        "conversion.since_status": is_converted_since_status(values),
        "conversion.only_subscriptions": _has_only_subscriptions(policy, values),
    }


def _has_only_subscriptions(policy: BoundPolicy, values: Mapping[str, Value]) -> bool:
    """Return whether all form conversions are subscriptions, as far as the kept names can show it.

    HubSpot keeps the names of the first and the latest conversion, and their number. So more
    than two are never known to be subscriptions only.
    """
    latest, first = values.get("contact.last_conversion"), values.get("contact.first_conversion")
    count = values.get("contact.conversions")
    if not isinstance(latest, str) or not policy.subscription_forms.fits(latest):
        return False
    if isinstance(count, float) and count > 2:
        return False
    if count == 1.0:
        return True
    # Two conversions, or a count that HubSpot does not say: the first has to fit as well.
    if isinstance(first, str):
        return policy.subscription_forms.fits(first)
    return count != 2.0


_STATES_BY_NAMESPACE: Final = {
    "open_deal": DealState.OPEN,
    "won_deal": DealState.WON,
    "lost_deal": DealState.LOST,
}


def _read_property(
    reader: PropertyReader, records_by_namespace: Mapping[str, Record | None], deals: Iterable[Deal]
) -> Value:
    """Return a property's value, or one for each deal in the namespace's state."""
    name = reader.property_name
    if reader.namespace in {"contact", "company"}:
        record = records_by_namespace.get(reader.namespace)
        return reader.parse(record.properties[name]) if record else None
    state = _STATES_BY_NAMESPACE.get(reader.namespace)
    matching_deals = (deal for deal in deals if state is None or deal.state is state)
    return tuple(reader.parse(deal.properties[name]) for deal in matching_deals)


def _time_or_none(value: Value) -> datetime | None:
    return value if isinstance(value, datetime) else None


def _evidence_at(deals: Iterable[Deal], converted_at: Value) -> datetime | None:
    """Return the time of the newest evidence, None where there is none."""
    times = [*(deal.entered_at for deal in deals), converted_at]
    return max((time for time in times if isinstance(time, datetime)), default=None)
