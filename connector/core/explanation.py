"""Explains a decision: every rule in order, each comparison with the value it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connector.core.bound import BoundEntry, BoundPolicy, Side
from connector.core.compiling import Compiled
from connector.core.facts import Facts
from connector.core.rules import Decision, decide, left_alone
from connector.core.values import Values
from connector.core.vocabulary import RULES


class Verdict(StrEnum):
    """What became of a rule."""

    WON = "won"
    FAILED = "failed"
    LATER = "not reached"
    SLEEPS = "sleeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One comparison of a rule: its text, the value that was found, and whether it held."""

    text: str
    found: str
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule as it was tried; `note` is its reason if it won, or why it sleeps."""

    rule: str
    verdict: Verdict
    condition: str = ""
    comparisons: tuple[Told, ...] = ()
    leads_to: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a record should be what it should be.

    `stage_steps` are the rules as they find the record now, `status_steps` the lead status
    rows for the stage that results; both end with what sleeps.
    """

    decision: Decision
    stage_steps: tuple[Step, ...]
    status_steps: tuple[Step, ...]


def explain(
    policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()
) -> Explanation:
    """Return the decision together with every rule in order, and what each comparison found."""
    side = policy.sides[facts.record.object_type]
    decision = decide(policy, facts, pinned=pinned)
    stage = side.aliases.get(facts.stage, facts.stage)
    result = side.aliases.get(decision.stage, decision.stage)
    now = {**facts.values, "stage": stage or None}
    then = {**now, "stage": result or None, RULES: decision.rules}
    alone = left_alone(side, facts)
    first = (_alone_step(side, facts, *alone),) if alone else ()
    return Explanation(
        decision=decision,
        stage_steps=(
            *first,
            *_steps(side.rules, now, stage, side.labels, open_=not alone),
            *_sleeping(side),
        ),
        status_steps=tuple(
            _steps(side.rows, then, result, side.status_labels, open_=bool(result) and not alone)
        ),
    )


def _alone_step(side: Side, facts: Facts, rule: str, note: str) -> Step:
    """Return the step of what leaves a record alone before any rule."""
    told = side.scope if rule == "out-of-scope" else None
    return Step(
        rule=rule,
        verdict=Verdict.WON,
        condition=told.text if told else "",
        comparisons=_told(told, facts.values) if told else (),
        leads_to="keep",
        note=note,
    )


def _steps(
    entries: Sequence[BoundEntry],
    values: Values,
    stage: str,
    labels: Mapping[str, str],
    *,
    open_: bool,
) -> Iterator[Step]:
    """Yield each entry as it is tried, until one wins; `open_` is False if none is reached."""
    for entry in entries:
        held = open_ and entry.when.holds(values)
        verdict = Verdict.FAILED if open_ else Verdict.LATER
        target = entry.leads_to(stage, values)
        yield Step(
            rule=entry.name,
            verdict=Verdict.WON if held else verdict,
            condition=entry.when.text,
            comparisons=_told(entry.when, values),
            leads_to="keep" if target is None else labels.get(target, target) or "clear",
            note=entry.reason(values) if held else "",
        )
        open_ = open_ and not held


def _told(condition: Compiled, values: Values) -> tuple[Told, ...]:
    return tuple(
        Told(text=one.text, found=one.found(values), held=one.holds(values))
        for one in condition.tests
    )


def _sleeping(side: Side) -> Iterator[Step]:
    for one in side.sleepers:
        yield Step(rule=one.name, verdict=Verdict.SLEEPS, note=one.why)
