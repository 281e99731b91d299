"""Say what a change by others in HubSpot means for the people who wait for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy
from connector.core.deals import DealState
from connector.core.decide.facts import read_policy_deal
from connector.core.history.observed_change import ObservedChange
from connector.core.model import DEAL_STAGE, STAGE, ObjectType, Record, Ref

CUSTOMER: Final = "customer"


class NewsKind(StrEnum):
    """What happened; the values are the kinds of messages and the types of events."""

    PROPERTY = "property-changed"
    READY = "ready-for-sales"
    DEAL_WON = "deal.won"
    CUSTOMER_DEAL = "customer.new_deal"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A change that others made, and what it means.

    `deal` is the new deal of a customer, None for every other kind.
    """

    kind: NewsKind
    change: ObservedChange
    record: Ref
    deal: Ref | None = None


def is_customer_stage(object_policy: ObjectPolicy, stage: str) -> bool:
    """Return whether a stage is customer, or comes after it and is no parking place."""
    customer_position = object_policy.path.get(CUSTOMER)
    return customer_position is not None and object_policy.path.get(stage, -1) >= customer_position


def news_of(
    policy: BoundPolicy,
    change: ObservedChange,
    *,
    deal: Record | None,
    linked_records: Iterable[Record],
    sales_stages: frozenset[str],
) -> Iterator[News]:
    """Yield what a change means.

    `deal` is the mirrored deal where the change is of one, and `linked_records` are the contacts
    and companies that it is linked with. A deal of a pipeline that does not count is no news.
    """
    # Of a contact or company: it became ready for sales, or a watched property changed.
    if change.property_name != DEAL_STAGE:
        is_ready = (
            change.record.object_type is ObjectType.CONTACTS
            and change.property_name == STAGE
            and change.after in sales_stages
        )
        kind = NewsKind.READY if is_ready else NewsKind.PROPERTY
        yield News(kind=kind, change=change, record=change.record)
        return
    if deal is None or not read_policy_deal(policy, deal, now=change.at).counts:
        return
    state, former_state = (_state(policy, deal, stage) for stage in (change.after, change.before))
    # A won deal that moves between two won stages was told before.
    if state is DealState.WON and former_state is not DealState.WON:
        yield News(kind=NewsKind.DEAL_WON, change=change, record=change.record)
    # A deal that begins open, not one that is opened again.
    if state is DealState.OPEN and not change.before:
        yield from (
            News(kind=NewsKind.CUSTOMER_DEAL, change=change, record=record.ref, deal=change.record)
            for record in linked_records
            if _is_customer(policy.object_policies, record)
        )


def _state(policy: BoundPolicy, deal: Record, stage: str) -> DealState | None:
    """Return the state of a stage in the deal's pipeline; None for no stage and an unknown one."""
    return policy.deal_pipelines.state(deal.properties.get("pipeline") or "", stage)


def _is_customer(object_policies: Mapping[ObjectType, ObjectPolicy], record: Record) -> bool:
    stage = record.properties.get(STAGE) or ""
    return is_customer_stage(object_policies[record.ref.object_type], stage)
