"""Put a comparison into plain words, in the portal's own labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.conditions.compile_comparison import ComparisonTest
from connector.core.conditions.operands import Term
from connector.core.conditions.tree import Op
from connector.core.conditions.value_text import format_value
from connector.core.conditions.values import Kind, Value
from connector.core.conditions.vocabulary import ENTERED_PREFIX, RULES_FACT

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
    "stage.since": "the day when the stage was entered",
    "stage.previous": "the stage before this one",
    "status.since": "the day when the lead status was set",
    "contact.first_conversion": "the first form",
    "contact.last_conversion": "the latest form",
    "contact.last_conversion_at": "the day of the latest form",
    "contact.conversions": "the number of forms filled in",
    "contact.score": "the score",
    "contact.subscription": "the subscription",
    "contact.last_order": "the day of the last order",
    "churn.ended_at": "the end of the contract, if newer than the last win,",
    "churn.lost_at": "the loss of a renewal, if newer than the last win,",
    "company.stage": "the stage of the primary company",
    "company.contacts": "the number of contacts of the primary company",
    "company.id": "the id of the primary company",
    "company.domain": "the domain of the primary company",
    "contacts.furthest": "the furthest stage of its contacts",
    "contacts.count": "the number of its contacts",
    "leads.open": "the number of open leads",
    "lead.latest": "the latest lead",
    "lead.stage": "the stage of the latest lead",
    "lead.since": "the day when the latest lead entered its stage",
    "lead.status": "the lead status that the stage of the latest lead means",
}
_COUNT_PHRASES: Final = {
    "deals.open": ("a deal is open", "no deal is open"),
    "deals.won": ("a deal is won", "no deal is won"),
    "deals.lost": ("a deal is lost", "no deal is lost"),
    "deals.count": ("there is a deal", "there is no deal"),
    "leads.open": ("a lead is open", "no lead is open"),
    "deals.were_won": (
        "a deal was won once and no longer is",
        "no deal was won once that no longer is",
    ),
}
_TRUE_PHRASES: Final = {
    "conversion.counts": (
        "a form was filled in (after a loss only a later one counts)",
        "no form was filled in that counts",
    ),
    "conversion.since_loss": (
        "a form was filled in since the latest loss",
        "no form was filled in since the latest loss",
    ),
    "conversion.since_status": (
        "a form was filled in since the lead status was set",
        "no form was filled in since the lead status was set",
    ),
    "conversion.only_subscriptions": (
        "all forms filled in only subscribe",
        "a form was filled in that does more than subscribe",
    ),
    "churn.by_subscription": ("the subscription has ended", "no subscription has ended"),
    "status.by_person": (
        "a person set the lead status",
        "no person set the lead status",
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
_SINGLE_VALUE_OPS: Final = {Op.IN: Op.EQUAL, Op.NOT_IN: Op.UNEQUAL}
"""The operator to use in place of a list's operator where the list has one entry."""

_ORDER_VERBS: Final = {
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
_NAMESPACE_PHRASES: Final = {
    "contact": "the contact's {}",
    "company": "the company's {}",
    "deal": "a deal's {}",
    "open_deal": "an open deal's {}",
    "won_deal": "a won deal's {}",
    "lost_deal": "a lost deal's {}",
}


def comparison_text(
    test: ComparisonTest, labels: Mapping[str, str], *, negated: bool = False
) -> str:
    """Return a comparison in words; `labels` are those of HubSpot properties by dotted name."""
    left, right = test.terms[0], test.terms[1] if len(test.terms) > 1 else None
    key = left.fact.key if left.fact else ""
    if test.op is Op.TRUE:
        phrases = _TRUE_PHRASES.get(
            key, (f"{subject_text(left, labels)} is yes", f"{subject_text(left, labels)} is no")
        )
        return phrases[negated]
    if right is None:
        return f"{subject_text(left, labels)} {_VERBS[test.op][negated]}"
    if key == RULES_FACT:
        return f"the rule {right.value} {'does not win' if negated else 'wins'} now"
    count_text = _count_text(key, test.op, right, negated=negated)
    return count_text or _value_comparison_text(test, left, right, labels, negated=negated)


def _count_text(key: str, op: Op, right: Term, *, negated: bool) -> str:
    """Return a count's comparison with zero in words, "" for any other comparison."""
    if key not in _COUNT_PHRASES or right.value != 0.0 or op not in {Op.MORE, Op.EQUAL}:
        return ""
    return _COUNT_PHRASES[key][(op is Op.EQUAL) is not negated]


def _value_comparison_text(
    test: ComparisonTest, left: Term, right: Term, labels: Mapping[str, str], *, negated: bool
) -> str:
    """Return a comparison with a value in words, by the kind of its right side."""
    if right.clock and right.days:
        return (
            f"{subject_text(left, labels)} "
            f"{_clock_distance_text(test.op, right.days, negated=negated)}"
        )
    has_several = isinstance(right.value, tuple) and len(right.value) > 1
    op = (
        test.op
        if has_several or left.kind is Kind.CHOICES
        else _SINGLE_VALUE_OPS.get(test.op, test.op)
    )
    verbs = _ORDER_VERBS.get(left.kind, {}).get(op) or _VERBS[op]
    value = subject_text(right, labels) if right.get else _constants_text(left, right)
    subdomain_note = ", or a domain below" if left.kind is Kind.DOMAIN and right.value else ""
    return f"{subject_text(left, labels)} {verbs[negated]} {value}{subdomain_note}"


def _clock_distance_text(op: Op, days: float, *, negated: bool) -> str:
    """Return how far a time is from the clock."""
    is_later = (op in {Op.MORE, Op.AT_LEAST}) is not negated
    if days < 0:
        return f"is {'less' if is_later else 'more'} than {-days:g} days ago"
    return f"is {'more' if is_later else 'less'} than {days:g} days ahead"


def _constants_text(left: Term, right: Term) -> str:
    """Return constants in the portal's labels, with `or` before the last."""
    labels = {option.value: option.label for option in left.fact.options} if left.fact else {}
    values = right.value if isinstance(right.value, tuple) else (right.value,)
    texts = [_quoted_value(value, labels) for value in values]
    if not texts:
        return "(nothing is named)"
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"


def _quoted_value(value: Value, labels: Mapping[str, str]) -> str:
    shown = format_value(value, _UTC, labels)
    return f"“{shown}”" if isinstance(value, str) and "*" in value else shown


def subject_text(term: Term, labels: Mapping[str, str]) -> str:
    """Return the subject of one side of a comparison, in words."""
    key = term.fact.key if term.fact else ""
    if term.is_setting:
        return f"the setting {term.setting}"
    if key in _SUBJECTS:
        text = _SUBJECTS[key]
    elif key.startswith(ENTERED_PREFIX):
        text = f"the day when the stage {key.removeprefix(ENTERED_PREFIX)} was last entered"
    else:
        namespace, _, name = key.partition(".")
        text = _NAMESPACE_PHRASES.get(namespace, "{}").format(f"“{labels.get(key, name)}”")
    return f"{text} {term.days:+g} days" if term.days else text
