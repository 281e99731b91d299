"""Finds own rules that hold a record back from where its deals would lead it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from connector.core.bound import BoundPolicy, BoundRule, Side
from connector.core.course import Course
from connector.core.mark import Problem
from connector.core.policy_form import Rule, Way
from connector.core.rehearsal import made_up
from connector.core.rules import left_alone

_BY_DEALS: Final = ("won", "open-deal")


def overtaken(policy: BoundPolicy, now: datetime) -> Iterator[Problem]:
    """Yield each own forward rule that wins for good where `won` or `open-deal` leads further.

    Own rules come before the preset's unless they say otherwise, and the first that holds wins.
    A rule that only keeps the stage is an exception on purpose.
    """
    own = {one.name: one for one in policy.policy.rules if one.own and one.way is Way.FORWARD}
    for side in policy.sides.values():
        yield from _on(policy, side, own, now) if _suspects(side, own) else ()


def _suspects(side: Side, own: dict[str, Rule]) -> list[BoundRule]:
    """Return the own rules that stand before one that goes by deals, and lead somewhere."""
    names = [one.name for one in side.rules]
    last = max((names.index(one) for one in _BY_DEALS if one in names), default=0)
    return [one for one in side.rules[:last] if one.name in own and (one.otherwise or one.to)]


def _on(policy: BoundPolicy, side: Side, own: dict[str, Rule], now: datetime) -> Iterator[Problem]:
    left = {one.name for one in _suspects(side, own)}
    for facts in made_up(policy, side, now):
        if not left:
            return
        if left_alone(side, facts):
            continue
        course = Course(side, facts, frozenset())
        winner = _at_rest(course)
        behind = _behind(side, course, winner) if winner and winner.name in left else ""
        if winner and behind:
            left.discard(winner.name)
            yield _problem(side, course, own[winner.name], behind)


def _at_rest(course: Course) -> BoundRule | None:
    """Return the rule that keeps a record where the rules have led it, None if none does."""
    return course.winner if course.settle() else None


def _behind(side: Side, course: Course, winner: BoundRule) -> str:
    """Return the rule by deals that holds as well and would lead further, "" if none does."""
    later = side.rules[side.rules.index(winner) + 1 :]
    for one in later:
        if one.name in _BY_DEALS and one.when.holds(course.values):
            return one.name if course.target(one) != course.stage else ""
    return ""


def _problem(side: Side, course: Course, rule: Rule, behind: str) -> Problem:
    stage = side.labels.get(course.stage, course.stage)
    cure = "from_parked: yes" if course.stage in side.parked else "before: handover"
    return Problem(
        rule.mark,
        f"the rule {rule.name} comes before {behind} and wins wherever both hold: it keeps a "
        f"record in {stage} whatever its deals say; write `{cure}` in it, or ask for "
        "`deals.count == 0`",
    )
