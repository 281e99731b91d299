"""Tell who is a customer now, by the last deal that was won."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connector.core.bound import Side
from connector.core.deals import Deal, DealState
from connector.core.facts import Facts
from connector.core.rules import MARKED
from connector.desk import Desk
from connector.gather import gather
from connector.offline import everyone
from connector.reporting.report import Cell, Report

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
    def last(self) -> Deal | None:
        """Return the deal that was won last, None where none is won."""
        return max(self.won, key=lambda one: (_at(one), int(one.ref.id)), default=None)


def customers(desk: Desk) -> Report:
    """Return the customers that the mirror holds: whoever won last first, without a deal last."""
    found = sorted(_found(desk), key=_order)
    return Report(
        name="customers",
        title="Customers by last won deal",
        columns=COLUMNS,
        rows=[_row(one) for one in found],
    )


def _found(desk: Desk) -> Iterator[Customer]:
    for refs in everyone(desk):
        for facts in gather(desk, refs):
            side = desk.policy.sides[facts.record.object_type]
            won = tuple(one for one in facts.deals if one.state is DealState.WON)
            if won or _is_customer(side, facts.stage):
                marks = bool(desk.policy.mark_property) and bool(side.rows)
                former = facts.mark == MARKED if marks else None
                yield Customer(facts=facts, won=won, former=former)


def _is_customer(side: Side, stage: str) -> bool:
    """Whether a stage is customer, or comes after it and is no parking place."""
    edge = side.path.get(_CUSTOMER)
    return edge is not None and side.path.get(stage, -1) >= edge


def _at(deal: Deal) -> datetime:
    return deal.won_at or _LONG_AGO


def _order(one: Customer) -> tuple[float, int, int]:
    last = one.last
    days = (_at(last) - _LONG_AGO).total_seconds() if last else -1.0
    ref = one.facts.record
    return (-days, tuple(type(ref.object_type)).index(ref.object_type), int(ref.id))


def _row(one: Customer) -> tuple[Cell, ...]:
    last, facts = one.last, one.facts
    company = facts.company if facts.company != facts.record else None
    return (
        str(facts.record),
        str(company) if company else None,
        facts.stage or None,
        len(one.won),
        str(last.ref) if last else None,
        last.won_at.date().isoformat() if last and last.won_at else None,
        (last.properties.get("amount") or None) if last else None,
        one.former,
    )
