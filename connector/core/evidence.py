"""Names the evidence of a correction: deals with their dates, forms, scores, properties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.bound import BoundPolicy
from connector.core.deals import Deal, DealState
from connector.core.facts import Facts
from connector.core.vocabulary import Fact
from connector.core.wording import date, show

_MOST_DEALS: Final = 5
_STATES: Final = {
    "deals.open": {DealState.OPEN},
    "deals.won": {DealState.WON},
    "deals.lost": {DealState.LOST},
    "deals.lost_at": {DealState.LOST},
    "deals.were_won": {DealState.OPEN, DealState.LOST, DealState.NEITHER},
}
_FORMS: Final = frozenset({"conversion.counts", "conversion.since_loss", "contact.last_conversion"})
_NAMED: Final = {"domain": "the domain", "contact.score": "the score"}


def evidence(policy: BoundPolicy, facts: Facts, named: Iterable[Fact]) -> tuple[str, ...]:
    """Return what was found in the facts that a rule names, as texts that stay the same.

    A deal reads `deals/9 was won 2026-03-01, open since 2026-04-02`, with the portal's days.
    """
    keys = [one.key for one in dict.fromkeys(named)]
    states = {state for key in keys for state in _STATES.get(key, ())}
    deals = [one for one in facts.deals if one.state in states]
    return (
        *_deals(deals, policy.zone),
        *(_forms(facts, policy.zone) if _FORMS & set(keys) else ()),
        *_values(policy, facts, named),
    )


def _deals(deals: list[Deal], zone: ZoneInfo) -> Iterator[str]:
    newest = sorted(deals, key=_newest, reverse=True)
    for one in sorted(newest[:_MOST_DEALS], key=lambda each: each.ref):
        yield _told(one, zone)
    if len(newest) > _MOST_DEALS:
        yield f"and {len(newest) - _MOST_DEALS} more deals"


def _newest(one: Deal) -> tuple[float, int]:
    return (one.entered_at.timestamp() if one.entered_at else 0.0, int(one.ref.id))


def _told(one: Deal, zone: ZoneInfo) -> str:
    """Return what happened to a deal, in the order of time."""
    won = f"was won {_day(one.won_at, zone)}, " if one.was_won and one.state is not _WON else ""
    return f"{one.ref} {won}{_WORDS[one.state]} {_day(one.entered_at, zone)}"


_WON: Final = DealState.WON
_WORDS: Final = {
    DealState.OPEN: "open since",
    DealState.WON: "was won",
    DealState.LOST: "was lost",
    DealState.NEITHER: "closed since",
}


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    return date(at, zone) if at else "at an unknown time"


def _forms(facts: Facts, zone: ZoneInfo) -> Iterator[str]:
    name = facts.values.get("contact.last_conversion")
    at = facts.values.get("contact.last_conversion_at")
    if isinstance(name, str):
        yield f"form {name!r}" + (f" on {date(at, zone)}" if isinstance(at, datetime) else "")


def _values(policy: BoundPolicy, facts: Facts, named: Iterable[Fact]) -> Iterator[str]:
    for fact in dict.fromkeys(named):
        value = facts.values.get(fact.key)
        if (fact.property_name or fact.key in _NAMED) and value not in {None, ()}:
            labels = {one.value: one.label for one in fact.options}
            name = _NAMED.get(fact.key, fact.key)
            yield f"{name} is {show(value, policy.zone, labels)}"
