"""Report who is a customer now, by the last deal that was won."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connector.context import DecisionContext
from connector.core.binding.bound_policy import ObjectPolicy
from connector.core.deals import Deal, DealState
from connector.core.decide.decision import MARKED
from connector.core.decide.facts import Facts
from connector.plan.gather import gather
from connector.reports.offline import all_refs
from connector.reports.table import Cell, Report

_CUSTOMER: Final = "customer"
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
COLUMNS: Final = (
    "record",
    "company",
    "stage",
    "won_deals",
    "last_won_deal",
    "last_won_at",
    "amount",
    "former_customer",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A record in the stage customer or further, or with a deal that is won.

    `former` is None where the policy has no mark for former customers.
    """

    facts: Facts
    won: tuple[Deal, ...]
    former: bool | None

    @property
    def last_won(self) -> Deal | None:
        """Return the deal that was won last, None where none is won."""
        return max(self.won, key=lambda deal: (_won_at(deal), int(deal.ref.id)), default=None)


def customers_report(context: DecisionContext) -> Report:
    """Return the customers in the mirror: the latest won deal first, those without a deal last."""
    customers = sorted(_find_customers(context), key=_sort_key)
    return Report(
        name="customers",
        title="Customers by last won deal",
        columns=COLUMNS,
        rows=[_row(customer) for customer in customers],
    )


def _find_customers(context: DecisionContext) -> Iterator[Customer]:
    for refs in all_refs(context):
        for facts in gather(context, refs):
            object_policy = context.policy.object_policies[facts.record.object_type]
            won = tuple(deal for deal in facts.deals if deal.state is DealState.WON)
            if won or _is_customer(object_policy, facts.stage):
                has_mark = bool(context.policy.mark_property) and bool(object_policy.rows)
                former = facts.mark == MARKED if has_mark else None
                yield Customer(facts=facts, won=won, former=former)


def _is_customer(object_policy: ObjectPolicy, stage: str) -> bool:
    """Whether a stage is customer, or comes after it and is no parking place."""
    customer_position = object_policy.path.get(_CUSTOMER)
    return customer_position is not None and object_policy.path.get(stage, -1) >= customer_position


def _won_at(deal: Deal) -> datetime:
    return deal.won_at or _LONG_AGO


def _sort_key(customer: Customer) -> tuple[float, int, int]:
    last_deal = customer.last_won
    won_seconds = (_won_at(last_deal) - _LONG_AGO).total_seconds() if last_deal else -1.0
    ref = customer.facts.record
    return (-won_seconds, tuple(type(ref.object_type)).index(ref.object_type), int(ref.id))


def _row(customer: Customer) -> tuple[Cell, ...]:
    last_deal, facts = customer.last_won, customer.facts
    company = facts.company if facts.company != facts.record else None
    return (
        str(facts.record),
        str(company) if company else None,
        facts.stage or None,
        len(customer.won),
        str(last_deal.ref) if last_deal else None,
        last_deal.won_at.date().isoformat() if last_deal and last_deal.won_at else None,
        (last_deal.properties.get("amount") or None) if last_deal else None,
        customer.former,
    )
