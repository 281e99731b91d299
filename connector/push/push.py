"""Push a plan to HubSpot: within the limits, batch by batch, backward moves with care."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Final

import structlog

from connector.context import RunContext, chunks
from connector.core.corrections.moves import Move
from connector.core.model import Correction, ObjectType, Outcome, Ref
from connector.hubspot.http.daily_budget import uninterruptible
from connector.plan.fresh_reads import read_fresh
from connector.plan.native_company_sync import (
    NativeSync,
    contacts_synced_natively,
    evaluate_probe,
    native_sync_state,
    needs_permission,
    read_stages,
)
from connector.plan.storing import raise_storage_failure
from connector.push.disk_room import release_room, require_room
from connector.push.enforce_limits import FailureMonitor, check_limits
from connector.push.evidence import changed_evidence
from connector.push.move_batch import finish_unserved, push_batch
from connector.push.pause import refuse_if_paused
from connector.push.present_stage import takes_present_stage
from connector.push.restore_edits import CorrectionResult
from connector.push.review_only import must_stop
from connector.push.stuck_moves import read_stuck_moves
from state import plans
from state.db.pages import read_pages
from state.plans import PlanHead

BATCH_SIZE: Final = 100
"""The most records that one batch update takes (HubSpot's guide to the CRM object APIs)."""
_PROVEN_FOR_BATCHES: Final = 11
"""Backward moves that held, one alone and ten together, before a hundred go together."""
_MAX_BLANK: Final = 3
"""Records of one type that a run leaves without a stage before it clears no further one."""
_MAX_REFUSED_CLEARS: Final = 10
"""Clears of one type that are refused, more than held, before a run sends no further one."""
_log = structlog.get_logger()


def push(
    context: RunContext, plan: PlanHead, *, waiting_rules: frozenset[str] = frozenset()
) -> Counter[Outcome]:
    """Apply a plan that lies complete in the store; return how its corrections ended.

    Records that `waiting_rules` concern are left out; the figures of `plan` are without them.
    Raise OverLimit, or Paused, before anything is sent; RunStopped where what was sent does not
    hold; TemporaryError or UserError where HubSpot takes nothing: what is open then is finished
    by the next start, before anything else. A record that HubSpot does not take is set aside,
    and everything else goes on. A run of the daemon ends between two batches where somebody lets
    it only review. The day's share of requests may end between two batches, and
    never within one.
    """
    check_limits(context, plan)
    if plan.summary.corrections:
        require_room(context)
    # What earlier plans of the run rested on says nothing of this one.
    context.state.evidence_check = None
    context.state.changed_records.clear()
    context.state.changed_links.clear()
    monitor = FailureMonitor(context, sum(plan.summary.records_to_correct.values()))
    outcomes: Counter[Outcome] = Counter()
    for moves in _batches(context, plan.plan_id, monitor.canary_size, waiting_rules):
        refuse_if_paused(context.store, context.portal_id)
        if must_stop(context):
            _log.info("push.ended", message="somebody lets the daemon only review")
            break
        context.store.require_same_file()
        context.api.check_budget()
        with uninterruptible():
            results = push_moves(context, moves)
        outcomes.update(result.outcome for result in results)
        context.progress("apply", outcomes.total(), plan.summary.corrections)
        monitor.check_results(results)
    with uninterruptible():
        results = finish_unserved(context)
    outcomes.update(result.outcome for result in results)
    monitor.check_results(results)
    raise_storage_failure(context)
    release_room(context)
    return outcomes


def _batches(
    context: RunContext, plan_id: str, first: int, waiting_rules: frozenset[str]
) -> Iterator[Sequence[Move]]:
    """Stream the plan as batches of moves of one object type, the first few of them alone."""
    moves = (
        _new_move(context, corrections, plan_id)
        for corrections in plan_corrections(context, plan_id)
        if waiting_rules.isdisjoint(correction.rule for correction in corrections)
    )
    parts = (islice(moves, first), moves) if first else (moves,)
    for part in parts:
        for _, group in groupby(part, key=lambda move: move.record.object_type):
            yield from chunks(group, BATCH_SIZE)


def push_moves(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Push a batch of at most 100 moves of one type; some companies go one by one, or wait.

    HubSpot's own company sync, a setting that no API shows, carries a company's stage on to its
    contacts. While it is not known whether it is on, each company with contacts behind it goes
    alone, and its contacts are read again. Where it is on, such companies wait for the
    operator's permission; where it is off, all go together.
    """
    contacts_behind = contacts_synced_natively(
        context, [move.stage_correction for move in moves if move.stage_correction]
    )
    together = [move for move in moves if move.record not in contacts_behind]
    probes = [move for move in moves if move.record in contacts_behind]
    results: tuple[CorrectionResult, ...] = ()
    # What is not known yet is learnt by the first few companies; then the others follow.
    while probes and native_sync_state(context) is NativeSync.UNKNOWN:
        results += _probe(context, probes[0], contacts_behind[probes[0].record])
        probes = probes[1:]
    if probes and needs_permission(context):
        for move in probes:
            _log.warning(
                "company.waits",
                record=str(move.record),
                contacts=len(contacts_behind[move.record]),
            )
    else:
        together += probes
    return results + push_stepwise(context, together)


def _probe(
    context: RunContext, move: Move, contacts: Sequence[Ref]
) -> tuple[CorrectionResult, ...]:
    """Push one company alone, and look whether HubSpot carried its contacts along."""
    stages_before = read_stages(context, contacts)
    results = push_stepwise(context, [move])
    if any(result.outcome is Outcome.APPLIED for result in results):
        evaluate_probe(context, move, stages_before)
    return results


def push_stepwise(context: RunContext, moves: Sequence[Move]) -> tuple[CorrectionResult, ...]:
    """Push at most 100 moves of one type, the backward ones with care.

    A portal may refuse every set of a stage (since 2026-09 HubSpot enforces conditional
    required properties on API writes), which shows only once a record stands blank. So the
    first backward move of a run and type goes alone; when its set has held, ten go together,
    and then a hundred. What this leaves out stays due. Forward moves go with the last step.
    """
    backward = [move for move in moves if move.clears_first]
    forward = [move for move in moves if not move.clears_first]
    if backward and len(moves) > 1:
        # The steps share one reading of their records, and of what these rest on.
        read_fresh(context, [move.record for move in moves])
        changed_evidence(context, moves)
    results: tuple[CorrectionResult, ...] = ()
    while backward:
        size = _backward_allowed(context, backward[0])
        if not size:
            _log.warning(
                "moves.waiting",
                portal=context.portal_id,
                object_type=str(backward[0].record.object_type),
                count=len(backward),
                message="no stage is cleared while HubSpot does not take the stages of records "
                "that were cleared before, or refuses the clears: `connector recover --list` and "
                "`connector audit` show which; the moves stay due",
            )
            break
        step, backward = backward[:size], backward[size:]
        if not backward:
            step, forward = [*step, *forward], []
        results += push_batch(context, step)
    return results + push_batch(context, forward)


def _backward_allowed(context: RunContext, next_move: Move) -> int:
    """Return how many backward moves of this type may go together now, 0 for none.

    Comes in: the next move, which may be sent once more with the stage that its record has. It
    rests on what the run has seen so far, since no API says whether HubSpot takes a set. Raises
    what writing raises.
    """
    kind, state = next_move.record.object_type, context.state
    # HubSpot refuses the clears: no record is harmed, yet no further one is tried in this run.
    if state.refused_clears[kind] >= max(_MAX_REFUSED_CLEARS, state.proven_moves[kind] + 1):
        return 0
    # Records of this run stand blank, and HubSpot takes no stage for them.
    if state.blank_moves[kind] >= _MAX_BLANK:
        return 0
    proven = state.proven_moves[kind]
    # A record stands blank: HubSpot may refuse every set, so it is asked before another clear.
    if state.blank_moves[kind] or (not proven and _has_stuck_moves(context, kind)):
        takes_stages = takes_present_stage(context, next_move)
        if takes_stages is None:
            return 1  # this move is stale, and HubSpot was not asked
        if not takes_stages:
            return 0
    if not proven:
        return 1
    return 10 if proven < _PROVEN_FOR_BATCHES else BATCH_SIZE


def _has_stuck_moves(context: RunContext, kind: ObjectType) -> bool:
    with context.reading() as session:
        return any(ref.object_type is kind for ref in read_stuck_moves(session))


def plan_corrections(context: RunContext, plan_id: str) -> Iterator[tuple[Correction, ...]]:
    """Yield the corrections of each record; a plan need not fit in memory."""
    pages = read_pages(
        context.reading,
        lambda session, place: plans.read_corrections(session, plan_id, after=place),
        start=0,
        key_of=lambda row: row[0],
    )
    for page in pages:
        yield from (corrections for _, corrections in page)


def _new_move(context: RunContext, corrections: tuple[Correction, ...], plan_id: str) -> Move:
    return Move(
        record=corrections[0].record,
        corrections=corrections,
        run=context.run,
        plan=plan_id,
        policy=context.policy.name,
        promised_at=context.api.now(),
    )
