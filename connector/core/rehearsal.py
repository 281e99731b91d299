"""Tries a policy on made-up records, to find rules that move one to and fro."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import Final

from connector.core.bound import BoundPolicy, Side
from connector.core.condition_tests import Test
from connector.core.course import ROUNDS, Course
from connector.core.facts import Facts
from connector.core.mark import Problem
from connector.core.model import Ref
from connector.core.policy_form import Row, Rule
from connector.core.rules import left_alone
from connector.core.values import Kind, Value, midnight

_DAY: Final = timedelta(days=1)
_ALIKE: Final = 40  # how many values are tried in pairs; more would take seconds


def to_and_fro(policy: BoundPolicy, now: datetime) -> Iterator[Problem]:
    """Yield what does not settle: one problem for each set of rules that fight."""
    entries: dict[str, Rule | Row] = {one.name: one for one in policy.policy.rows}
    entries |= {one.name: one for one in policy.policy.rules}
    seen: set[frozenset[str]] = set()
    for side in policy.sides.values():
        for facts in made_up(policy, side, now):
            if left_alone(side, facts):
                continue
            course = Course(side, facts, frozenset())
            if course.settle():
                continue
            names = _fighting(course)
            if names not in seen:
                seen.add(names)
                yield _problem(side, facts, sorted(names), entries)


def _fighting(course: Course) -> frozenset[str]:
    """Return the rules that moved the stage last, or the row that set the lead status last."""
    if len(course.moved) == ROUNDS:
        return frozenset(rule.name for rule, _ in course.moved[-2:])
    return frozenset(name for name, *_ in filter(None, (course.row,)))


def _problem(side: Side, facts: Facts, names: list[str], entries: dict[str, Rule | Row]) -> Problem:
    own = [entries[one] for one in names if entries[one].own] or [entries[names[0]]]
    stage = side.labels.get(facts.stage, facts.stage) or "no stage"
    return Problem(
        own[0].mark,
        f"{' and '.join(names)} {'move' if len(names) > 1 else 'moves'} a record of "
        f"{side.object_type} to and fro (one in {stage}, for example): say when it no longer holds",
    )


def made_up(policy: BoundPolicy, side: Side, now: datetime) -> Iterator[Facts]:
    """Yield records in every stage, with every kind of deals, and values around the limits."""
    today = midnight(now.astimezone(policy.zone), policy.zone)
    for stage in ("", *side.order):
        for deals in _deals(now):
            for more in _variants(side, now):
                values: dict[str, Value] = {
                    **deals,
                    **more,
                    "now": now,
                    "today": today,
                    "stage": stage or None,
                    "status": None,
                }
                yield Facts(
                    record=Ref(side.object_type, "1"),
                    stage=stage,
                    status="",
                    values=values,
                    deals=(),
                    now=now,
                    evidence_at=None,
                )


def _deals(now: datetime) -> Iterator[dict[str, Value]]:
    """Yield what deals can prove: none, open, won, lost, reopened, lost after all."""
    kinds = ("open", "won", "lost", "neither", "were_won")
    for shape in (
        set[str](),
        {"open"},
        {"won"},
        {"lost"},
        {"open", "were_won"},
        {"lost", "were_won"},
    ):
        yield {
            "deals.count": float(len(shape - {"were_won"})),
            **{f"deals.{kind}": float(kind in shape) for kind in kinds},
            "deals.open_since": now - _DAY if "open" in shape else None,
            "deals.won_at": now - _DAY if "won" in shape else None,
            "deals.lost_at": now - _DAY if "lost" in shape else None,
            "conversion.counts": not shape,
            "conversion.since_loss": False,
        }


def _variants(side: Side, now: datetime) -> Iterator[dict[str, Value]]:
    """Yield values for the facts that conditions compare: each alone, and in pairs."""
    tests = chain.from_iterable(one.when.tests for one in (*side.rules, *side.rows))
    found = dict.fromkeys(pair for test in tests for pair in _values(test, now))
    yield {}
    yield from ({key: value} for key, value in found)
    if len(found) <= _ALIKE:
        pairs = combinations(found, 2)
        yield from ({a: x, b: y} for (a, x), (b, y) in pairs if a != b)


def _values(test: Test, now: datetime) -> Iterator[tuple[str, Value]]:
    """Yield values of a test's fact on both sides of what it is compared with."""
    left, right = test.terms[0], test.terms[-1]
    key = left.fact.key if left.fact else ""
    if not key or key in {"stage", "status", "rules"} or key.startswith("deals."):
        return
    if left.kind is Kind.YES_NO:
        yield key, True
    elif left.kind is Kind.TIME:
        edge = now + timedelta(days=right.days) if right.clock else now
        yield from ((key, edge - _DAY), (key, edge + _DAY))
    else:
        constants = right.value if isinstance(right.value, tuple) else (right.value,)
        yield from ((key, one) for each in constants for one in _around(each, many=left.many))


def _around(value: Value, *, many: bool) -> Iterator[Value]:
    if isinstance(value, float):
        near: tuple[Value, ...] = (value - 1, value, value + 1)
    else:
        near = (value.replace("*", ""),) if isinstance(value, str) else ()
    yield from ((one,) if many else one for one in near)
