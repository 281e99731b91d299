"""Decides: facts in, the stage and the lead status that a record should have out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.core.bound import BoundPolicy, Side
from connector.core.course import ROUNDS, Course
from connector.core.evidence import evidence
from connector.core.facts import Facts
from connector.core.model import STAGE, STATUS, Correction, Direction, Ref

MARKED: Final = "true"
"""What stands in the property that marks a former customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a record should be; `stage` and `status` are what results, "" for blank.

    `rules` holds every rule that won on the way; `rule` is the last that moved the stage, or
    the one that keeps it. An unsettled decision corrects nothing. `due_at` is when time
    alone may change it.
    """

    record: Ref
    stage: str
    status: str
    corrections: tuple[Correction, ...]
    rule: str
    reason: str
    settled: bool = True
    due_at: datetime | None = None
    rules: tuple[str, ...] = ()


def decide(policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()) -> Decision:
    """Return what a record should be; properties named in `pinned` stay as they are.

    Where the mark of a former customer cannot be written, the stage that it belongs to stays.
    """
    if policy.mark_property in pinned:
        pinned |= {STAGE}
    side = policy.sides[facts.record.object_type]
    alone = left_alone(side, facts)
    if alone:
        return _left(side, facts, *alone)
    course = Course(side, facts, pinned)
    if not course.settle():
        names = ", ".join(dict.fromkeys(course.won)) or "the lead status rows"
        reason = f"not settled within {ROUNDS} rounds: {names} move it to and fro"
        return _left(side, facts, "unsettled", reason, settled=False)
    rule, reason = course.told()
    return Decision(
        record=facts.record,
        stage=course.result,
        status=course.status,
        corrections=tuple(_corrections(policy, facts, course)),
        rule=rule,
        reason=reason,
        due_at=_due_at(side, facts),
        rules=tuple(course.won),
    )


def left_alone(side: Side, facts: Facts) -> tuple[str, str] | None:
    """Return the rule and reason that leave a record alone before any other, None if none does."""
    if side.scope and not side.scope.holds(facts.values):
        return "out-of-scope", "the record is outside of the policy's scope"
    if facts.stage and facts.stage not in side.named:
        label = side.labels.get(facts.stage, facts.stage)
        return "unknown-stage", f"the policy does not name the stage {label}"
    return None


def direction(side: Side, before: str, after: str) -> Direction:
    """Return where a change of the stage leads by the portal's own order.

    From blank everything is forward, leaving a parking place is backward, to blank is clear.
    """
    if not after:
        return Direction.CLEAR
    if not before:
        return Direction.FORWARD
    if before in side.parked or side.order.get(after, -1) < side.order.get(before, -1):
        return Direction.BACKWARD
    return Direction.FORWARD


def _left(side: Side, facts: Facts, rule: str, reason: str, *, settled: bool = True) -> Decision:
    return Decision(
        record=facts.record,
        stage=facts.stage,
        status=facts.status,
        corrections=(),
        rule=rule,
        reason=reason,
        settled=settled,
        due_at=_due_at(side, facts),
    )


def _due_at(side: Side, facts: Facts) -> datetime | None:
    moments = [at for flip in side.flips if (at := flip(facts.values))]
    return min(moments) if moments else None


def _corrections(policy: BoundPolicy, facts: Facts, course: Course) -> Iterator[Correction]:
    if course.result != facts.stage:
        yield from _mark_correction(policy, facts, course)
        yield _stage_correction(policy, facts, course)
    if course.row and course.status != facts.status:
        yield _status_correction(policy, facts, course)


def _mark_correction(policy: BoundPolicy, facts: Facts, course: Course) -> Iterator[Correction]:
    """Yield the mark of a former customer, where a rule that moved the stage asks for it."""
    found = next((each for each in course.moved if each[0].marks), None)
    if found and policy.mark_property and facts.mark != MARKED:
        rule, reason = found
        yield Correction(
            record=facts.record,
            property_name=policy.mark_property,
            before=facts.mark,
            after=MARKED,
            direction=Direction.SET,
            rule=rule.name,
            reason=reason,
            evidence=evidence(policy, facts, (*rule.when.facts, *rule.told)),
        )


def _stage_correction(policy: BoundPolicy, facts: Facts, course: Course) -> Correction:
    rule, reason = course.told()
    named = [fact for mover, _ in course.moved for fact in (*mover.when.facts, *mover.told)]
    return Correction(
        record=facts.record,
        property_name=STAGE,
        before=facts.stage,
        after=course.result,
        direction=direction(policy.sides[facts.record.object_type], facts.stage, course.result),
        rule=rule,
        reason=reason,
        evidence=evidence(policy, facts, named),
    )


def _status_correction(policy: BoundPolicy, facts: Facts, course: Course) -> Correction:
    name, reason, named = course.row or ("", "", ())
    return Correction(
        record=facts.record,
        property_name=STATUS,
        before=facts.status,
        after=course.status,
        direction=Direction.SET if course.status else Direction.CLEAR,
        rule=name,
        reason=reason,
        evidence=evidence(policy, facts, named),
    )
