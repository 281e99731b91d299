"""Approve or reject the plan that waits, whole, by rule, or one record: what a person decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from connector.context import DecisionContext, RunContext, chunks
from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.corrections.operator_action import OperatorAction, Verb, overlaps
from connector.core.model import Correction, Ref
from connector.errors import UserError
from connector.operations.apply_plan import AppliedPlan, Selection, apply_records_locked
from connector.operations.ended_actions import log_ended
from state import due_times, holds, operator_actions, plans
from state.db.pages import read_pages
from state.db.transaction import Transaction
from state.plans import PlanHead

REVIEWS: Final = frozenset({Verb.APPROVE, Verb.REJECT})
"""What a person decides of a plan."""
_PAGE = 1000
_PAST = {Verb.APPROVE: "approved", Verb.REJECT: "rejected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPart:
    """A part of the plan that waits: all of it, a rule's records, or one record.

    `digest` is the digest of the plan that the person looked at.
    """

    digest: str
    rule: str = ""
    record: Ref | None = None

    def includes(self, corrections: tuple[Correction, ...]) -> bool:
        """Return whether a record with these corrections belongs to the part."""
        if self.record:
            return corrections[0].record == self.record
        return not self.rule or any(correction.rule == self.rule for correction in corrections)


def read_part(
    context: DecisionContext, part: PlanPart, plan_id: str
) -> Iterator[tuple[Correction, ...]]:
    """Yield the corrections of each record that belongs to a part of a plan."""
    rows = read_pages(
        context.reading,
        lambda session, place: plans.read_corrections(session, plan_id, after=place, limit=_PAGE),
        start=0,
        key_of=lambda row: row[0],
    )
    for page in rows:
        for _, corrections in page:
            if part.includes(corrections):
                yield corrections


def waiting_plan(session: Transaction, part: PlanPart) -> PlanHead:
    """Return the plan that waits; UserError where it is not the one that was looked at."""
    head = plans.latest(session)
    if head is None:
        raise UserError("No plan waits: there is nothing to approve or to reject.")
    if head.digest != part.digest:
        earlier = next(
            (
                action
                for action in operator_actions.read(session, limit=100)
                if action.plan_digest == part.digest and action.verb in REVIEWS
            ),
            None,
        )
        history = f" {_sentence(earlier)}" if earlier else ""
        raise UserError(
            f"The plan has changed since you looked at it.{history} Nothing was done: look at the "
            "plan as it is now."
        )
    return head


def approve(context: DecisionContext, part: PlanPart, user: str) -> OperatorAction:
    """Store an approval, which the daemon carries out; UserError where it cannot be given.

    The approval holds for just these corrections. What of them is decided otherwise by then is
    not written, as with `connector apply PLAN`.
    """
    return _add_review(context, part, Verb.APPROVE, user)


def reject(context: DecisionContext, part: PlanPart, user: str) -> OperatorAction:
    """Hold what a part of the plan wants to change, until newer evidence or a release.

    Of a rule only its own corrections are held; the rest of the record is decided again. Many
    corrections are held in many transactions, so that others write in between; where this process
    ends meanwhile, the daemon carries out the rest.
    """
    action = _add_review(context, part, Verb.REJECT, user)
    finished_at, outcome = context.api.now(), carry_out_rejection(context, action)
    with context.begin() as session:
        operator_actions.finish(session, action.position, at=finished_at, outcome=outcome)
    log_ended(context, action)
    return replace(action, finished_at=finished_at, outcome=outcome)


def carry_out_rejection(context: DecisionContext, action: OperatorAction) -> str:
    """Hold what was rejected; doing it again changes nothing. Return the outcome, in words.

    Raise UserError where the plan is stored no more.
    """
    part, head = _part_of(action), _reviewed_plan(context, action)
    count = 0
    for batch in chunks(_corrections(context, part, head), _PAGE):
        with context.begin() as session:
            holds.add(session, [_rejection(correction, action) for correction in batch])
            due_times.mark_due(session, {correction.record for correction in batch}, at=action.at)
        count += len(batch)
    return f"{count:,} corrections are held"


def carry_out_approval(context: RunContext, action: OperatorAction) -> AppliedPlan:
    """Apply what was approved and still holds; the caller holds the writer's lock.

    Raise UserError where the plan is stored no more, or was made by another policy.
    """
    part, head = _part_of(action), _reviewed_plan(context, action)
    if head.policy_digest != context.policy.digest:
        raise UserError("The policy changed since the plan was made: review the new plan.")
    # Read twice, page by page: which rules are whole, and what is applied.
    selection = Selection(unfinished_rules=_unfinished_rules(context, part, head))
    return apply_records_locked(context, read_part(context, part, head.plan_id), selection)


def _part_of(action: OperatorAction) -> PlanPart:
    record = Ref.parse(action.record) if action.record else None
    return PlanPart(digest=action.plan_digest, rule=action.rule, record=record)


def _reviewed_plan(context: DecisionContext, action: OperatorAction) -> PlanHead:
    with context.reading() as session:
        head = plans.get(session, action.plan_id)
    if head is None:
        raise UserError("The plan was replaced before this could be done: review the new one.")
    return head


def _unfinished_rules(context: DecisionContext, part: PlanPart, head: PlanHead) -> frozenset[str]:
    """Return the rules of which the plan has more corrections than were approved.

    Such a rule was not reviewed as a whole, so it must not go on by itself in this portal.
    """
    approved = Counter(
        correction.rule
        for corrections in read_part(context, part, head.plan_id)
        for correction in corrections
    )
    return frozenset(
        rule
        for rule, counts in head.summary.by_rule.items()
        if sum(counts.values()) > approved[rule]
    )


def _add_review(context: DecisionContext, part: PlanPart, verb: Verb, user: str) -> OperatorAction:
    """Store what a person decided about a part; UserError where it has no correction."""
    with context.reading() as session:
        head = waiting_plan(session, part)
    if not any(True for _ in _corrections(context, part, head)):
        raise UserError("The plan that waits has no such correction: nothing was done.")
    with context.begin() as session:
        head = waiting_plan(session, part)
        action = _new_action(context, part, head, verb, user)
        _refuse_second_review(session, action, head)
        return operator_actions.add(session, action)


def _corrections(context: DecisionContext, part: PlanPart, head: PlanHead) -> Iterator[Correction]:
    """Yield the corrections that a part means: of a rule only its own."""
    for record_corrections in read_part(context, part, head.plan_id):
        for correction in record_corrections:
            if not part.rule or correction.rule == part.rule:
                yield correction


def _new_action(
    context: DecisionContext, part: PlanPart, head: PlanHead, verb: Verb, user: str
) -> OperatorAction:
    return OperatorAction(
        at=context.api.now(),
        user=user,
        verb=verb,
        rule=part.rule,
        record=str(part.record or ""),
        plan_id=head.plan_id,
        plan_digest=head.digest,
    )


def _refuse_second_review(session: Transaction, action: OperatorAction, head: PlanHead) -> None:
    """Raise UserError where somebody reviewed the same corrections since the plan was made."""
    for earlier in operator_actions.read(session, limit=100):
        is_open = earlier.finished_at is None or earlier.finished_at >= head.created_at
        if earlier.verb in REVIEWS and is_open and overlaps(earlier, action):
            raise UserError(f"{_sentence(earlier)} Nothing more was done.")


def _sentence(action: OperatorAction) -> str:
    """Return what somebody did with a plan, as a sentence."""
    return f"{action.user} {_PAST[action.verb]} {action.target} at {action.at:%Y-%m-%d %H:%M} UTC."


def _rejection(correction: Correction, action: OperatorAction) -> Hold:
    return Hold(
        scope=HoldScope.RECORD,
        target=str(correction.record),
        property_name=correction.property_name,
        reason=f"rejected: {correction.rule} wanted {correction.after or 'blank'}",
        by=action.user,
        since=action.at,
        origin=HoldOrigin.REJECTED,
    )
