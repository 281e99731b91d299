"""Report who is a customer now, by the last deal that was won."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connector.context import DecisionContext
from connector.core.binding.settings import bound_values, portal_names
from connector.core.deals import Deal, DealState
from connector.core.decide.decision import MARKED
from connector.core.decide.facts import Facts
from connector.core.follow_up.news import CUSTOMER, is_customer_stage
from connector.core.model import ObjectType
from connector.core.policy.setting_names import unbound_values
from connector.plan.gather import gather
from connector.reports.offline import ORDER, refs_in_stages
from connector.reports.table import Cell, Report

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

    Own staff and partners (`exclude.domains`) are no customers, nor are records in a parking
    place or in the policy's own stage for churned customers.

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
    """Yield the contacts and companies that are customers, by a won deal or by their stage."""
    domains = _excluded_domains(context)
    churned = {kind: _churned_stages(context, kind) for kind in context.policy.object_policies}
    for facts in _possible_customers(context):
        kind = facts.record.object_type
        object_policy = context.policy.object_policies[kind]
        if facts.stage in object_policy.parked_stages | churned[kind] or _is_below(
            facts.values.get("domain"), domains
        ):
            continue
        # A won deal makes a customer before the stage says so, and the stage after an import.
        won = tuple(deal for deal in facts.deals if deal.state is DealState.WON)
        if won or is_customer_stage(object_policy, facts.stage):
            has_mark = kind in context.policy.mark_properties
            former = facts.mark == MARKED if has_mark else None
            yield Customer(facts=facts, won=won, former=former)


def _possible_customers(context: DecisionContext) -> Iterator[Facts]:
    """Yield the facts of the companies, then contacts, that have a deal or a customer's stage."""
    for kind in ORDER:
        object_policy = context.policy.object_policies[kind]
        stages = [stage for stage in object_policy.path if is_customer_stage(object_policy, stage)]
        for refs in refs_in_stages(context, kind, stages, or_with_deals=True):
            yield from gather(context, refs)


def _excluded_domains(context: DecisionContext) -> frozenset[str]:
    domains = unbound_values(context.policy.policy.settings)["exclude.domains"]
    return frozenset(map(str, domains)) if isinstance(domains, tuple) else frozenset()


def _churned_stages(context: DecisionContext, kind: ObjectType) -> frozenset[str]:
    """Return the stages that the policy keeps for former customers alone."""
    values = bound_values(context.policy.policy.settings, portal_names(context.portal, kind))
    stages = {values["after_lost.customer_stage"], values["churn.stage"]}
    return frozenset(map(str, stages - {None, values["after_lost.stage"], CUSTOMER}))


def _is_below(domain: object, domains: frozenset[str]) -> bool:
    """Return whether a domain is one of these or below one of them."""
    return isinstance(domain, str) and any(
        domain == parent or domain.endswith(f".{parent}") for parent in domains
    )


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
