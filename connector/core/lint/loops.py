"""Try a policy on made-up records, to find rules that move a record back and forth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy
from connector.core.conditions.compile_comparison import ComparisonTest
from connector.core.conditions.values import Kind, Value, midnight
from connector.core.decide.decision import find_exemption
from connector.core.decide.facts import Facts
from connector.core.decide.rounds import MAX_ROUNDS, Rounds
from connector.core.model import Ref
from connector.core.policy.rule import Row, Rule
from connector.core.problem import Problem

_DAY: Final = timedelta(days=1)
_MAX_PAIRED_VALUES: Final = 40  # how many values are tried in pairs; more would take seconds


def find_loops(policy: BoundPolicy, now: datetime) -> Iterator[Problem]:
    """Yield one problem for each set of rules that move a record without end."""
    entries: dict[str, Rule | Row] = {row.name: row for row in policy.policy.rows}
    entries |= {rule.name: rule for rule in policy.policy.rules}
    seen: set[frozenset[str]] = set()
    for object_policy in policy.object_policies.values():
        for facts in sample_facts(policy, object_policy, now):
            if find_exemption(object_policy, facts):
                continue
            rounds = Rounds(object_policy, facts, frozenset())
            if rounds.run():
                continue
            names = _looping_rules(rounds)
            if names not in seen:
                seen.add(names)
                yield _loop_problem(object_policy, facts, sorted(names), entries)


def _looping_rules(rounds: Rounds) -> frozenset[str]:
    """Return the rules that moved the stage last, or the row that set the lead status last."""
    if len(rounds.stage_changes) == MAX_ROUNDS:
        return frozenset(rule.name for rule, _ in rounds.stage_changes[-2:])
    return frozenset(name for name, *_ in filter(None, (rounds.status_change,)))


def _loop_problem(
    object_policy: ObjectPolicy, facts: Facts, names: list[str], entries: dict[str, Rule | Row]
) -> Problem:
    own_entries = [entries[name] for name in names if entries[name].own] or [entries[names[0]]]
    stage = object_policy.labels.get(facts.stage, facts.stage) or "no stage"
    return Problem(
        own_entries[0].place,
        f"{' and '.join(names)} {'change' if len(names) > 1 else 'changes'} a record of "
        f"{object_policy.object_type} back and forth (one in {stage}, for example): say when it no "
        "longer holds",
    )


def sample_facts(
    policy: BoundPolicy, object_policy: ObjectPolicy, now: datetime
) -> Iterator[Facts]:
    """Yield facts in every stage, with every kind of deals, and values around the limits."""
    today = midnight(now.astimezone(policy.zone), policy.zone)
    for stage in ("", *object_policy.order):
        for deals in _deal_variants(now):
            for extra_values in _value_variants(object_policy, now):
                values: dict[str, Value] = {
                    **deals,
                    **extra_values,
                    "now": now,
                    "today": today,
                    "stage": stage or None,
                    "status": None,
                }
                yield Facts(
                    record=Ref(object_policy.object_type, "1"),
                    stage=stage,
                    status="",
                    values=values,
                    deals=(),
                    now=now,
                    evidence_at=None,
                )


def _deal_variants(now: datetime) -> Iterator[dict[str, Value]]:
    """Yield every kind of deal evidence: none, open, won, lost, reopened, lost after a win."""
    states = ("open", "won", "lost", "neither", "were_won")
    for present in (
        set[str](),
        {"open"},
        {"won"},
        {"lost"},
        {"open", "were_won"},
        {"lost", "were_won"},
    ):
        yield {
            "deals.count": float(len(present - {"were_won"})),
            **{f"deals.{state}": float(state in present) for state in states},
            "deals.open_since": now - _DAY if "open" in present else None,
            "deals.won_at": now - _DAY if "won" in present else None,
            "deals.lost_at": now - _DAY if "lost" in present else None,
            "conversion.counts": not present,
            "conversion.since_loss": False,
        }


def _value_variants(object_policy: ObjectPolicy, now: datetime) -> Iterator[dict[str, Value]]:
    """Yield values for the facts that conditions compare: each alone, and in pairs."""
    tests = chain.from_iterable(
        entry.when.tests for entry in (*object_policy.rules, *object_policy.rows)
    )
    fact_values = dict.fromkeys(pair for test in tests for pair in _test_values(test, now))
    yield {}
    yield from ({key: value} for key, value in fact_values)
    if len(fact_values) <= _MAX_PAIRED_VALUES:
        pairs = combinations(fact_values, 2)
        yield from ({a: x, b: y} for (a, x), (b, y) in pairs if a != b)


def _test_values(test: ComparisonTest, now: datetime) -> Iterator[tuple[str, Value]]:
    """Yield values of a test's fact on both sides of what it is compared with."""
    left, right = test.terms[0], test.terms[-1]
    key = left.fact.key if left.fact else ""
    # Stages, statuses and deals have variants of their own.
    if not key or key in {"stage", "status", "rules"} or key.startswith("deals."):
        return
    if left.kind is Kind.YES_NO:
        yield key, True
    elif left.kind is Kind.TIME:
        # A day on either side of the moment at which the comparison changes.
        edge = now + timedelta(days=right.days) if right.clock else now
        yield from ((key, edge - _DAY), (key, edge + _DAY))
    else:
        # Values at, below and above each constant.
        constants = right.value if isinstance(right.value, tuple) else (right.value,)
        yield from (
            (key, value)
            for constant in constants
            for value in _nearby_values(constant, many=left.per_deal)
        )


def _nearby_values(value: Value, *, many: bool) -> Iterator[Value]:
    if isinstance(value, float):
        nearby: tuple[Value, ...] = (value - 1, value, value + 1)
    else:
        nearby = (value.replace("*", ""),) if isinstance(value, str) else ()
    yield from ((item,) if many else item for item in nearby)
