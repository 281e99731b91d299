"""Decide the stage and the lead status that a record should have, from its facts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy
from connector.core.decide.evidence_text import evidence
from connector.core.decide.facts import Facts
from connector.core.decide.rounds import MAX_ROUNDS, Rounds
from connector.core.model import STAGE, STATUS, Correction, Direction, Ref

MARKED: Final = "true"
"""The value of the property that marks a former customer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a record should be; `stage` and `status` are the resulting values, "" for blank.

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
    converged: bool = True
    due_at: datetime | None = None
    rules: tuple[str, ...] = ()


def decide(policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()) -> Decision:
    """Return what a record should be; properties named in `pinned` stay as they are.

    Where the mark of a former customer is pinned, the stage change that needs it is left out.
    """
    if policy.mark_properties.get(facts.record.object_type) in pinned:
        pinned |= {STAGE}
    object_policy = policy.object_policies[facts.record.object_type]
    exemption = find_exemption(object_policy, facts)
    if exemption:
        return _leave_unchanged(object_policy, facts, *exemption)
    rounds = Rounds(object_policy, facts, pinned)
    if not rounds.run():
        names = ", ".join(dict.fromkeys(rounds.winning_rules)) or "the lead status rows"
        reason = f"not settled within {MAX_ROUNDS} rounds: {names} change it back and forth"
        return _leave_unchanged(object_policy, facts, "unsettled", reason, converged=False)
    rule, reason = rounds.rule_and_reason()
    return Decision(
        record=facts.record,
        stage=rounds.resulting_stage,
        status=rounds.status,
        corrections=tuple(_corrections(policy, facts, rounds)),
        rule=rule,
        reason=reason,
        due_at=_due_at(object_policy, facts),
        rules=tuple(rounds.winning_rules),
    )


def find_exemption(object_policy: ObjectPolicy, facts: Facts) -> tuple[str, str] | None:
    """Return the rule and reason that exempt a record from all rules, None if none does."""
    if object_policy.scope and not object_policy.scope.holds(facts.values):
        return "out-of-scope", "the record is outside of the policy's scope"
    if facts.stage and facts.stage not in object_policy.named_stages:
        label = object_policy.labels.get(facts.stage, facts.stage)
        return "unknown-stage", f"the policy does not name the stage {label}"
    return None


def stage_direction(object_policy: ObjectPolicy, before: str, after: str) -> Direction:
    """Return the direction of a stage change by the portal's own order.

    From blank everything is forward, from a parked stage backward, and to blank is a clear.
    """
    if not after:
        return Direction.CLEAR
    if not before:
        return Direction.FORWARD
    if before in object_policy.parked_stages or object_policy.order.get(
        after, -1
    ) < object_policy.order.get(before, -1):
        return Direction.BACKWARD
    return Direction.FORWARD


def _leave_unchanged(
    object_policy: ObjectPolicy, facts: Facts, rule: str, reason: str, *, converged: bool = True
) -> Decision:
    return Decision(
        record=facts.record,
        stage=facts.stage,
        status=facts.status,
        corrections=(),
        rule=rule,
        reason=reason,
        converged=converged,
        due_at=_due_at(object_policy, facts),
    )


def _due_at(object_policy: ObjectPolicy, facts: Facts) -> datetime | None:
    due_times = [
        due_at for due_time in object_policy.due_times if (due_at := due_time(facts.values))
    ]
    return min(due_times) if due_times else None


def _corrections(policy: BoundPolicy, facts: Facts, rounds: Rounds) -> Iterator[Correction]:
    if rounds.resulting_stage != facts.stage:
        yield from _mark_correction(policy, facts, rounds)
        yield _stage_correction(policy, facts, rounds)
    if rounds.status_change and rounds.status != facts.status:
        yield _status_correction(policy, facts, rounds)


def _mark_correction(policy: BoundPolicy, facts: Facts, rounds: Rounds) -> Iterator[Correction]:
    """Yield the mark of a former customer, where a rule that moved the stage asks for it."""
    marking_change = next(
        (change for change in rounds.stage_changes if change[0].marks_former_customer), None
    )
    mark_property = policy.mark_properties.get(facts.record.object_type)
    if marking_change and mark_property and facts.mark != MARKED:
        rule, reason = marking_change
        yield Correction(
            record=facts.record,
            property_name=mark_property,
            before=facts.mark,
            after=MARKED,
            direction=Direction.SET,
            rule=rule.name,
            reason=reason,
            evidence=evidence(policy, facts, (*rule.when.facts, *rule.reason_facts)),
        )


def _stage_correction(policy: BoundPolicy, facts: Facts, rounds: Rounds) -> Correction:
    rule, reason = rounds.rule_and_reason()
    named_facts = [
        fact
        for moving_rule, _ in rounds.stage_changes
        for fact in (*moving_rule.when.facts, *moving_rule.reason_facts)
    ]
    return Correction(
        record=facts.record,
        property_name=STAGE,
        before=facts.stage,
        after=rounds.resulting_stage,
        direction=stage_direction(
            policy.object_policies[facts.record.object_type], facts.stage, rounds.resulting_stage
        ),
        rule=rule,
        reason=reason,
        evidence=evidence(policy, facts, named_facts),
    )


def _status_correction(policy: BoundPolicy, facts: Facts, rounds: Rounds) -> Correction:
    name, reason, named_facts = rounds.status_change or ("", "", ())
    return Correction(
        record=facts.record,
        property_name=STATUS,
        before=facts.status,
        after=rounds.status,
        direction=Direction.SET if rounds.status else Direction.CLEAR,
        rule=name,
        reason=reason,
        evidence=evidence(policy, facts, named_facts),
    )
