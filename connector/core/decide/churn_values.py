"""Derive the facts about customers that have left, from evidence newer than their last win."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.conditions.values import Value
from connector.core.deals import Deal, DealState
from connector.core.model import ObjectType, Record


def churn_values(
    policy: BoundPolicy, records: Mapping[ObjectType, Record | None], deals: Sequence[Deal]
) -> dict[str, Value]:
    """Return when a contract ended, when a renewal was lost, and whether the subscription ended.

    `records` are the contact and its company, or the company alone. A time that is not newer than
    the last win is left out, because a customer who bought again has not left. An ended
    subscription has no time: where a win is newer than the contract's end, it does not count.
    """
    won_at = _latest(deal.entered_at for deal in deals if deal.state is DealState.WON)
    lost_at = _latest(
        deal.entered_at
        for deal in deals
        if deal.state is DealState.LOST and deal.pipeline in policy.churn_pipelines
    )
    ended_at = _latest(_contract_ends(policy, records, deals))
    bought_again = ended_at is not None and won_at is not None and ended_at <= won_at
    return {
        "churn.lost_at": _if_newer(lost_at, won_at),
        "churn.ended_at": _if_newer(ended_at, won_at),
        "churn.by_subscription": not bought_again and _has_ended_subscription(policy, records),
    }


def _contract_ends(
    policy: BoundPolicy, records: Mapping[ObjectType, Record | None], deals: Sequence[Deal]
) -> Iterator[datetime | None]:
    """Yield when contracts end: those of won deals, or those of the contact or the company."""
    reader = policy.contract_end
    if reader is None:
        return
    owners = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
    holders = (
        [deal.properties for deal in deals if deal.state is DealState.WON]
        if reader.namespace == "deal"
        else [
            record.properties
            for object_type, record in records.items()
            if record and object_type is owners[reader.namespace]
        ]
    )
    for properties in holders:
        ended_at = reader.parse(properties.get(reader.property_name))
        yield ended_at if isinstance(ended_at, datetime) else None


def _has_ended_subscription(
    policy: BoundPolicy, records: Mapping[ObjectType, Record | None]
) -> bool:
    name = policy.subscription_property
    states = [record.properties.get(name) for record in records.values() if record and name]
    return any(state in policy.policy.texts("subscription.ended") for state in states)


def _latest(times: Iterator[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def _if_newer(time: datetime | None, won_at: datetime | None) -> datetime | None:
    return time if time is not None and (won_at is None or time > won_at) else None
