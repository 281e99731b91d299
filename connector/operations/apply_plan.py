"""Apply the corrections of a reviewed plan that still hold, and name those that do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.context import RunContext, chunks
from connector.core.model import Correction, Outcome
from connector.operations.sync import close_run
from connector.plan.decide_and_hold import Decided, decide_and_hold
from connector.plan.plan_file import PlanFile
from connector.plan.propose import new_tally
from connector.pull.poll import pull
from connector.push.push import push
from connector.push.recover import log_open_moves_on_error, recover
from state import plans, runs
from state.plans import PlanHead

_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedCorrection:
    """A correction of a reviewed plan that no longer holds, and why."""

    correction: Correction
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPlan:
    """How a reviewed plan was applied."""

    run: str
    plan: PlanHead
    outcomes: Counter[Outcome]
    skipped: tuple[SkippedCorrection, ...]


def apply_plan(context: RunContext, plan: PlanFile) -> AppliedPlan:
    """Apply the corrections of a plan file that still hold; its review exempts it from limits."""
    context = replace(context, permitted=True)
    with (
        context.store.writer_lock(context.portal_id, holder_name="connector apply"),
        log_open_moves_on_error(context),
    ):
        recover(context)
        pull(context)
        with context.begin() as session:
            runs.begin(session, context.run, "apply plan", context.api.now())
        head, skipped = _store_plan(context, plan)
        outcomes: Counter[Outcome] = Counter()
        try:
            outcomes = push(context, head)
        finally:
            close_run(context, {str(outcome): count for outcome, count in sorted(outcomes.items())})
    return AppliedPlan(run=context.run, plan=head, outcomes=outcomes, skipped=tuple(skipped))


def _store_plan(context: RunContext, plan: PlanFile) -> tuple[PlanHead, list[SkippedCorrection]]:
    """Store the corrections that still hold as a new plan; return those that do not."""
    head = PlanHead(
        plan_id=f"{context.run}.1",
        run=context.run,
        policy_name=context.policy.name,
        policy_digest=context.policy.digest,
        created_at=context.api.now(),
    )
    with context.begin() as session:
        plans.create(session, head)
    tally = new_tally(context)
    skipped: list[SkippedCorrection] = []
    for refs in chunks(plan.moves, _CHUNK):
        decided_by_ref = {
            decided.decision.record: decided for decided in decide_and_hold(context, refs)
        }
        valid_moves = [
            _still_valid(plan.moves[ref], decided_by_ref.get(ref), skipped) for ref in refs
        ]
        kept_moves = [move for move in valid_moves if move]
        for move in kept_moves:
            tally.add(move)
        with context.begin() as session:
            plans.add(session, head.plan_id, kept_moves)
    summary, digest = tally.summary(), tally.digest
    with context.begin() as session:
        plans.close(session, head.plan_id, summary=summary, digest=digest)
    return replace(head, summary=summary, digest=digest), skipped


def _still_valid(
    wanted: Sequence[Correction], decided: Decided | None, skipped: list[SkippedCorrection]
) -> tuple[Correction, ...]:
    """Return the corrections that are still decided as they were reviewed."""
    current = decided.decision.corrections if decided else ()
    current_keys = {
        (correction.property_name, correction.before, correction.after) for correction in current
    }
    held_back = (
        {entry.correction.property_name: entry for entry in decided.held_back} if decided else {}
    )
    valid = []
    for correction in wanted:
        if (correction.property_name, correction.before, correction.after) in current_keys:
            valid.append(correction)
            continue
        reason = "changed since it was planned: decided anew by the next run"
        if correction.property_name in held_back:
            reason = (
                f"{held_back[correction.property_name].cause}: "
                f"{held_back[correction.property_name].reason}"
            )
        elif decided is None:
            reason = "archived, deleted or merged since"
        skipped.append(SkippedCorrection(correction=correction, reason=reason))
    return tuple(valid)
