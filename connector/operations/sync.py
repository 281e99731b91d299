"""Synchronise: pull, propose and push, until a fresh decision finds nothing to correct."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import structlog

from connector.context import RunContext
from connector.core.corrections.first_use import NewRule
from connector.core.model import Outcome, Ref
from connector.errors import TemporaryError, UserError
from connector.operations.follow_up_tasks import create_due_tasks
from connector.plan.propose import propose
from connector.pull.poll import PullResult, pull, require_mirror
from connector.pull.verify_mirror import is_proven, verify_mirror
from connector.push.first_use import push_with_first_use
from connector.push.recover_open_moves import log_open_moves_on_error, recover
from state import audit, outbox, runs
from state.plans import PlanHead

# Another writer may change what we wrote, and HubSpot may ignore a write: what is still wrong
# is decided again, in so many rounds at most.
_MAX_ROUNDS = 3
MASS_CORRECTIONS = 1000
"""Corrections in one plan that wait until the mirror was freshly verified."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What one run did: what it read, its first plan, and how its corrections ended.

    `rules_to_review` are the rules whose records wait for a first review. `open_moves` are the
    records that may stand without a stage, since HubSpot takes none.
    """

    run: str
    recovered: int
    pulled: PullResult | None
    plan: PlanHead
    outcomes: Counter[Outcome]
    tasks: int = 0
    rules_to_review: tuple[NewRule, ...] = ()
    open_moves: tuple[Ref, ...] = ()


def sync(context: RunContext, *, full: bool = False) -> SyncResult:
    """Pull, then apply; one writer per portal at a time."""
    with (
        context.store.writer_lock(context.portal_id, holder_name="connector sync"),
        log_open_moves_on_error(context),
    ):
        recovered = recover(context)
        pulled = pull(context, full=full)
        return _with_tasks(context, _run_rounds(context, recovered, pulled))


def apply(context: RunContext) -> SyncResult:
    """Apply what the mirror says, without a pull before."""
    require_mirror(context)
    with (
        context.store.writer_lock(context.portal_id, holder_name="connector apply"),
        log_open_moves_on_error(context),
    ):
        return _with_tasks(context, _run_rounds(context, recover(context), None))


def apply_due(context: RunContext) -> SyncResult:
    """Apply what is due; the caller holds the writer's lock and has recovered open moves."""
    return _run_rounds(context, 0, None)


def _with_tasks(context: RunContext, result: SyncResult) -> SyncResult:
    """Create follow-up tasks after the corrections; a failure there is logged, not raised."""
    try:
        return replace(result, tasks=create_due_tasks(context))
    except (UserError, TemporaryError) as error:
        _log.warning("tasks.stopped", portal=context.portal_id, message=str(error))
        return result


def _verified_plan(context: RunContext, plan: PlanHead) -> PlanHead:
    """Return the plan; a mass change only once the mirror was freshly verified, decided again."""
    if plan.summary.corrections <= MASS_CORRECTIONS or is_proven(context):
        return plan
    proofs = verify_mirror(context)
    if not all(proof.agrees for proof in proofs):
        unverified = ", ".join(str(proof.kind) for proof in proofs if not proof.agrees)
        raise TemporaryError(
            f"{plan.summary.corrections:,} corrections wait, since the mirror of {unverified} "
            "could not be verified as complete: run `connector mirror verify` in a few minutes."
        )
    return propose(context, number=2)


def _run_rounds(context: RunContext, recovered: int, pulled: PullResult | None) -> SyncResult:
    """Decide and push in rounds; the first plan is the one that is shown."""
    with context.begin() as session:
        runs.begin(session, context.run, "sync", context.api.now())
    first = plan = _verified_plan(context, propose(context))
    outcomes: Counter[Outcome] = Counter()
    try:
        for number in range(3, _MAX_ROUNDS + 3):
            if not plan.summary.corrections:
                break
            sent = push_with_first_use(context, plan)
            outcomes += sent
            if not sent:
                break  # all that is left waits for a person
            plan = propose(context, number=number)
    finally:
        close_run(context, {str(outcome): count for outcome, count in sorted(outcomes.items())})
    with context.reading() as session:
        open_moves = tuple(move.record for move in outbox.open_moves(session))
    return SyncResult(
        run=context.run,
        recovered=recovered,
        pulled=pulled,
        plan=first,
        outcomes=outcomes,
        rules_to_review=context.state.rules_to_review,
        open_moves=open_moves,
    )


def close_run(context: RunContext, summary: dict[str, int]) -> None:
    """Store the end of a run, and log the head of the audit, so that a cut tail can be noticed."""
    with context.begin() as session:
        runs.finish(session, context.run, context.api.now(), summary)
        head = audit.head(session)
    _log.info(
        "run.finished",
        portal=context.portal_id,
        run=context.run,
        audit_lines=head.line_count,
        audit_head=head.last_hash,
        **summary,
    )
