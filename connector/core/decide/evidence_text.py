"""Put the evidence of a correction into words: deals, forms, scores, properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.conditions.value_text import format_date, format_value
from connector.core.conditions.vocabulary import LEAD_FACTS, Fact
from connector.core.deals import DateSource, Deal, DealState
from connector.core.decide.facts import Facts

_MAX_DEALS: Final = 5
_STATES_BY_FACT: Final = {
    "deals.open": {DealState.OPEN},
    "deals.won": {DealState.WON},
    "deals.lost": {DealState.LOST},
    "deals.lost_at": {DealState.LOST},
    "deals.were_won": {DealState.OPEN, DealState.LOST, DealState.NEITHER},
}
_FORM_FACTS: Final = frozenset(
    {
        "conversion.counts",
        "conversion.since_loss",
        "conversion.since_status",
        "conversion.only_subscriptions",
        "contact.last_conversion",
    }
)
_FACT_NAMES: Final = {"domain": "the domain", "contact.score": "the score"}


def evidence(policy: BoundPolicy, facts: Facts, named_facts: Iterable[Fact]) -> tuple[str, ...]:
    """Return the facts that a rule names as texts, the same for the same facts.

    A deal reads `deals/9 was won 2026-03-01, open since 2026-04-02`, with the portal's days.
    """
    keys = [fact.key for fact in dict.fromkeys(named_facts)]
    states = {state for key in keys for state in _STATES_BY_FACT.get(key, ())}
    deals = [deal for deal in facts.deals if deal.state in states]
    return (
        *_deal_texts(deals, policy.zone),
        *(_form_texts(facts, policy.zone) if _FORM_FACTS & set(keys) else ()),
        *(_lead_texts(facts, named_facts, policy.zone) if LEAD_FACTS & set(keys) else ()),
        *_value_texts(policy, facts, named_facts),
    )


def _deal_texts(deals: list[Deal], zone: ZoneInfo) -> Iterator[str]:
    newest = sorted(deals, key=_entered_key, reverse=True)
    for deal in sorted(newest[:_MAX_DEALS], key=lambda deal: deal.ref):
        yield _deal_text(deal, zone)
    if len(newest) > _MAX_DEALS:
        yield f"and {len(newest) - _MAX_DEALS} more deals"


def _entered_key(deal: Deal) -> tuple[float, int]:
    return (deal.entered_at.timestamp() if deal.entered_at else 0.0, int(deal.ref.id))


def _deal_text(deal: Deal, zone: ZoneInfo) -> str:
    """Return the events of a deal in words, in the order of time."""
    won = f"was won {_day(deal.won_at, zone)}, " if deal.was_won and deal.state is not _WON else ""
    words = _STATE_WORDS[deal.state]
    if (
        deal.date_source is DateSource.CREATION
        and deal.state is not DealState.OPEN
        and deal.entered_at
    ):
        words += " after"  # the creation is only the earliest moment that can be said
    return f"{deal.ref} {won}{words} {_day(deal.entered_at, zone)}"


_WON: Final = DealState.WON
_STATE_WORDS: Final = {
    DealState.OPEN: "open since",
    DealState.WON: "was won",
    DealState.LOST: "was lost",
    DealState.NEITHER: "closed since",
}


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    return format_date(at, zone) if at else "at an unknown time"


def _form_texts(facts: Facts, zone: ZoneInfo) -> Iterator[str]:
    name = facts.values.get("contact.last_conversion")
    converted_at = facts.values.get("contact.last_conversion_at")
    if isinstance(name, str):
        yield f"form {name!r}" + (
            f" on {format_date(converted_at, zone)}" if isinstance(converted_at, datetime) else ""
        )


def _lead_texts(facts: Facts, named_facts: Iterable[Fact], zone: ZoneInfo) -> Iterator[str]:
    """Yield the leading lead, with its stage by the portal's label where a fact names it."""
    lead, stage, since = (facts.values.get(f"lead.{name}") for name in ("latest", "stage", "since"))
    options = (
        option for fact in named_facts if fact.key == "lead.stage" for option in fact.options
    )
    labels = {option.value: option.label for option in options}
    if lead:
        yield f"{lead} is in {format_value(stage, zone, labels)} since {format_value(since, zone)}"


def _value_texts(policy: BoundPolicy, facts: Facts, named_facts: Iterable[Fact]) -> Iterator[str]:
    for fact in dict.fromkeys(named_facts):
        value = facts.values.get(fact.key)
        if (fact.property_name or fact.key in _FACT_NAMES) and value not in {None, ()}:
            labels = {option.value: option.label for option in fact.options}
            name = _FACT_NAMES.get(fact.key, fact.key)
            yield f"{name} is {format_value(value, policy.zone, labels)}"
