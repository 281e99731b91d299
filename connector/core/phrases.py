"""Says in plain words what a comparison asks, in the portal's own labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.condition_terms import Term
from connector.core.condition_tests import Test
from connector.core.condition_tree import Op
from connector.core.values import Kind, Value
from connector.core.vocabulary import RULES
from connector.core.wording import show

_UTC: Final = ZoneInfo("UTC")
_SUBJECTS: Final = {
    "stage": "the lifecycle stage",
    "status": "the lead status",
    "domain": "the domain",
    "now": "the present time",
    "today": "today",
    "deals.count": "the number of deals",
    "deals.open": "the number of open deals",
    "deals.won": "the number of won deals",
    "deals.lost": "the number of lost deals",
    "deals.neither": "the number of deals closed as neither won nor lost",
    "deals.were_won": "the number of deals that were won once and no longer are",
    "deals.open_since": "the day since when the latest open deal is open",
    "deals.won_at": "the latest win",
    "deals.lost_at": "the latest loss",
    "contact.email_domain": "the e-mail domain",
    "contact.last_conversion": "the latest form",
    "contact.last_conversion_at": "the day of the latest form",
    "contact.conversions": "the number of forms filled in",
    "contact.score": "the score",
    "contact.subscription": "the subscription",
    "company.stage": "the stage of the primary company",
    "company.contacts": "the number of contacts of the primary company",
    "company.id": "the id of the primary company",
    "company.domain": "the domain of the primary company",
    "contacts.furthest": "the furthest stage of its contacts",
    "contacts.count": "the number of its contacts",
}
_COUNTED: Final = {
    "deals.open": ("a deal is open", "no deal is open"),
    "deals.won": ("a deal is won", "no deal is won"),
    "deals.lost": ("a deal is lost", "no deal is lost"),
    "deals.count": ("there is a deal", "there is no deal"),
    "deals.were_won": (
        "a deal was won once and no longer is",
        "no deal was won once that no longer is",
    ),
}
_TRUE: Final = {
    "conversion.counts": (
        "a form was filled in (after a loss only a later one counts)",
        "no form was filled in that counts",
    ),
    "conversion.since_loss": (
        "a form was filled in since the latest loss",
        "no form was filled in since the latest loss",
    ),
}
_VERBS: Final = {
    Op.EQUAL: ("is", "is not"),
    Op.UNEQUAL: ("is not", "is"),
    Op.LESS: ("is below", "is not below"),
    Op.AT_MOST: ("is at most", "is above"),
    Op.MORE: ("is above", "is not above"),
    Op.AT_LEAST: ("is at least", "is below"),
    Op.IN: ("is one of", "is none of"),
    Op.NOT_IN: ("is none of", "is one of"),
    Op.MATCHES: ("matches", "matches none of"),
    Op.NOT_MATCHES: ("matches none of", "matches"),
    Op.BLANK: ("is blank", "is not blank"),
    Op.NOT_BLANK: ("is not blank", "is blank"),
}
_ONE: Final = {Op.IN: Op.EQUAL, Op.NOT_IN: Op.UNEQUAL}
"""What a question for a list becomes where the list has one entry."""

_ORDERED: Final = {
    Kind.TIME: {
        Op.LESS: ("is before", "is not before"),
        Op.AT_MOST: ("is not after", "is after"),
        Op.MORE: ("is after", "is not after"),
        Op.AT_LEAST: ("is not before", "is before"),
    },
    Kind.STAGE: {
        Op.LESS: ("comes before", "does not come before"),
        Op.AT_MOST: ("comes no later than", "comes after"),
        Op.MORE: ("comes after", "does not come after"),
        Op.AT_LEAST: ("comes no earlier than", "comes before"),
    },
}
_SPACES: Final = {
    "contact": "the contact's {}",
    "company": "the company's {}",
    "deal": "a deal's {}",
    "open_deal": "an open deal's {}",
    "won_deal": "a won deal's {}",
    "lost_deal": "a lost deal's {}",
}


def asked(test: Test, names: Mapping[str, str], *, negated: bool = False) -> str:
    """Return what a comparison asks; `names` labels HubSpot properties by their dotted name."""
    left, right = test.terms[0], test.terms[1] if len(test.terms) > 1 else None
    key = left.fact.key if left.fact else ""
    if test.op is Op.TRUE:
        told = _TRUE.get(key, (f"{subject(left, names)} is yes", f"{subject(left, names)} is no"))
        return told[negated]
    if right is None:
        return f"{subject(left, names)} {_VERBS[test.op][negated]}"
    if key == RULES:
        return f"the rule {right.value} {'does not win' if negated else 'wins'} now"
    counted = _counted(key, test.op, right, negated=negated)
    return counted or _compared(test, left, right, names, negated=negated)


def _counted(key: str, op: Op, right: Term, *, negated: bool) -> str:
    """Return a count compared with nought in better words, "" for any other comparison."""
    if key not in _COUNTED or right.value != 0.0 or op not in {Op.MORE, Op.EQUAL}:
        return ""
    return _COUNTED[key][(op is Op.EQUAL) is not negated]


def _compared(
    test: Test, left: Term, right: Term, names: Mapping[str, str], *, negated: bool
) -> str:
    if right.clock and right.days:
        return f"{subject(left, names)} {_since(test.op, right.days, negated=negated)}"
    several = isinstance(right.value, tuple) and len(right.value) > 1
    op = test.op if several or left.kind is Kind.CHOICES else _ONE.get(test.op, test.op)
    verbs = _ORDERED.get(left.kind, {}).get(op) or _VERBS[op]
    value = subject(right, names) if right.get else _listed(left, right)
    below = ", or a domain below" if left.kind is Kind.DOMAIN and right.value else ""
    return f"{subject(left, names)} {verbs[negated]} {value}{below}"


def _since(op: Op, days: float, *, negated: bool) -> str:
    """Return how far a time is from the clock."""
    later = (op in {Op.MORE, Op.AT_LEAST}) is not negated
    if days < 0:
        return f"is {'less' if later else 'more'} than {-days:g} days ago"
    return f"is {'more' if later else 'less'} than {days:g} days ahead"


def _listed(left: Term, right: Term) -> str:
    """Return constants in the portal's labels, with `or` before the last."""
    labels = {one.value: one.label for one in left.fact.options} if left.fact else {}
    values = right.value if isinstance(right.value, tuple) else (right.value,)
    told = [_quoted(one, labels) for one in values]
    if not told:
        return "(nothing is named)"
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} or {told[-1]}"


def _quoted(value: Value, labels: Mapping[str, str]) -> str:
    shown = show(value, _UTC, labels)
    return f"“{shown}”" if isinstance(value, str) and "*" in value else shown


def subject(term: Term, names: Mapping[str, str]) -> str:
    """Return what a side of a comparison is about."""
    key = term.fact.key if term.fact else ""
    if key in _SUBJECTS:
        said = _SUBJECTS[key]
    else:
        space, _, name = key.partition(".")
        said = _SPACES.get(space, "{}").format(f"“{names.get(key, name)}”")
    return f"{said} {term.days:+g} days" if term.days else said
