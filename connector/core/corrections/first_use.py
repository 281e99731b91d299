"""Limit first use: a rule that is new in a portal corrects few records until its review."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from math import floor


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRule:
    """A rule that waits for a first review: how many records a plan corrects by it.

    `corrected` is how many records it corrected without a review within the last 24 hours.
    """

    name: str
    records: int
    corrected: int = 0


def rules_to_review(
    limit: float,
    records: Mapping[str, int],
    corrected: Mapping[str, int],
    introduced: Container[str],
) -> tuple[NewRule, ...]:
    """Return the new rules that would correct more records without a review than `limit`.

    `records` counts the records of a plan by rule, `corrected` those of the last 24 hours.

    >>> rules_to_review(10, {"won": 8, "blank": 300, "lost": 90}, {"won": 3}, {"lost"})
    (NewRule(name='won', records=8, corrected=3), NewRule(name='blank', records=300, corrected=0))
    """
    return tuple(
        NewRule(name=name, records=count, corrected=corrected.get(name, 0))
        for name, count in records.items()
        if name not in introduced and count + corrected.get(name, 0) > limit
    )


def first_use_text(new_rules: Sequence[NewRule], limit: float) -> str:
    """Return which rules wait, how many records each wants, and what to type.

    >>> first_use_text([NewRule(name="blank", records=300)], 10)[:91]
    '1 rule is new here and wants to correct more than 10 records (limits.first_use): blank (300'
    """
    is_single = len(new_rules) == 1
    heading = (
        "1 rule is new here and wants"
        if is_single
        else f"{len(new_rules)} rules are new here and each of them wants"
    )
    names = ", ".join(_rule_text(rule) for rule in new_rules)
    return (
        f"{heading} to correct more than {floor(limit):,} records (limits.first_use): {names}. "
        "These records wait for a first review, and everything else went on. Review them with "
        "`connector plan --out plan.json`; `connector apply plan.json` then applies the plan and "
        f"lets the {'rule' if is_single else 'rules'} go on by "
        f"{'itself' if is_single else 'themselves'} (`connector apply plan.json --rule "
        f"{new_rules[0].name}` a part of it)."
    )


def _rule_text(rule: NewRule) -> str:
    already = f", {rule.corrected:,} corrected within 24 hours" if rule.corrected else ""
    return f"{rule.name} ({rule.records:,} records{already})"
