"""Propose corrections: decide every due record, and store the complete plan."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from connector.context import RunContext
from connector.core.corrections.moves import correction_key
from connector.core.corrections.plan import PlanCounter, clears_first, digest_prefix
from connector.core.corrections.stage_dates import changed_dates_finder
from connector.core.explain.unwanted_corrections import UnwantedCounter
from connector.core.model import STAGE, STATUS, Correction, ObjectType, Ref
from connector.plan.company_groups import mark_groups_due
from connector.plan.decide_and_hold import decide_and_hold
from connector.plan.hold_back import Decided
from connector.plan.native_company_sync import contacts_synced_natively, needs_permission
from state import checkpoints, due_times, introduced_rules, mirror_queries, plans
from state.db.pages import read_pages
from state.db.transaction import Transaction
from state.plans import PlanHead

# Companies first: HubSpot's own sync carries a company's stage on to its contacts.
ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS)
_CHUNK = 1000
_PLANS_KEPT = 10
# The `Date` of an answer tells whole seconds: a process that has just started may be that far
# behind the one that made a record due.
_CLOCK_LAG = timedelta(seconds=1)


def propose(context: RunContext, *, number: int = 1) -> PlanHead:
    """Decide what is due and return the plan's head; nothing is sent.

    A record without corrections is due again when time alone may change its decision; one
    with corrections stays due until a later decision finds nothing to correct.
    """
    now = context.api.now()
    _mark_affected_due(context, now)
    head = PlanHead(
        plan_id=f"{context.run}.{number}",
        run=context.run,
        policy_name=context.policy.name,
        policy_digest=context.policy.digest,
        created_at=now,
    )
    with context.begin() as session:
        # Before the new plan: a clock that was set back makes it look older than the others.
        plans.prune(session, keep=_PLANS_KEPT - 1)
        plans.create(session, head)
        due_counts = due_times.count_due(session, until=now)
        total = sum(due_counts[kind] for kind in ORDER)
        introduced = introduced_rules.read(session)
    tally = new_tally(context)
    pipelines = {pipeline.id: pipeline.label for pipeline in context.portal.pipelines}
    unwanted = UnwantedCounter(context.policy, pipelines, introduced)
    for refs in _due_refs(context, now):
        decisions = decide_and_hold(context, refs)
        for decided in decisions:
            unwanted.add(decided.facts, decided.decision)
        _store_chunk(context, head, decisions, refs, tally)
        context.progress("decide", tally.decided_records.total(), total)
    summary = replace(tally.summary(), unwanted=unwanted.groups())
    with context.begin() as session:
        plans.close(session, head.plan_id, summary=summary, digest=tally.digest)
        closed_head = plans.get(session, head.plan_id)
    return closed_head or head


def new_tally(context: RunContext) -> PlanCounter:
    """Return what counts a plan for this portal and policy."""
    basis = digest_prefix(context.portal_id, context.policy.digest)
    return PlanCounter(digest_prefix=basis, changed_dates=changed_dates_finder(context.portal))


def _mark_affected_due(context: RunContext, now: datetime) -> None:
    """Make the records due that a changed policy or portal affects, and their company groups."""
    with context.begin() as session:
        _mark_all_due_if_changed(context, session, now)
    if context.policy.uses_company_groups:
        mark_groups_due(context, now)


def _mark_all_due_if_changed(context: RunContext, session: Transaction, now: datetime) -> None:
    """Make every record due when the policy, the stage list or a pipeline changed."""
    digest = _evidence_digest(context)
    if checkpoints.get(session, "decided-on") != digest:
        due_times.mark_all_due(session, at=now)
        checkpoints.put(session, "decided-on", digest)


def _evidence_digest(context: RunContext) -> str:
    """Return a digest of everything that decisions depend on besides the records themselves."""
    portal = context.portal
    option_lists = [portal.options(kind, name) for kind in ORDER for name in (STAGE, STATUS)]
    text = repr((context.policy.digest, option_lists, portal.pipelines, portal.account.time_zone))
    return hashlib.sha256(text.encode()).hexdigest()


def _due_refs(context: RunContext, now: datetime) -> Iterator[Sequence[Ref]]:
    """Yield what is due, companies before contacts, each in the order of their ids."""
    for kind in ORDER:
        read_page = partial(_read_due_page, kind=kind, until=now + _CLOCK_LAG)
        yield from read_pages(context.reading, read_page, start="0", key_of=lambda ref: ref.id)


def _read_due_page(
    session: Transaction, after_id: str, *, kind: ObjectType, until: datetime
) -> Sequence[Ref]:
    return due_times.due_refs(session, kind, until=until, after_id=after_id, limit=_CHUNK)


def _store_chunk(
    context: RunContext,
    head: PlanHead,
    decisions: Sequence[Decided],
    refs: Sequence[Ref],
    tally: PlanCounter,
) -> None:
    """Store one chunk of the plan, and when its other records are due again."""
    next_times: dict[Ref, datetime | None] = dict.fromkeys(refs)
    moves = []
    for decided in decisions:
        tally.count_decided(decided.decision.record)
        _count_left_alone(decided, tally)
        if decided.decision.corrections:
            moves.append(decided.decision.corrections)
        if decided.decision.corrections or _is_retried_next_run(context, decided):
            del next_times[decided.decision.record]
        else:
            next_times[decided.decision.record] = decided.due_at
    # Together, so that a batch of a hundred needs one clear, or none.
    moves.sort(key=lambda corrections: not clears_first(corrections))
    for corrections in moves:
        tally.add(corrections)
    _count_companies(context, moves, tally)
    with context.begin() as session:
        plans.add(session, head.plan_id, moves)
        held_back = [entry for decided in decisions for entry in decided.held_back]
        plans.add_held_back(session, head.plan_id, held_back)
        due_times.set_due(session, next_times)


def _count_companies(
    context: RunContext, moves: Sequence[tuple[Correction, ...]], tally: PlanCounter
) -> None:
    """Count the contacts of each company, and those that its own move would carry along."""
    contacts = [
        corrections[0].record
        for corrections in moves
        if corrections[0].record.object_type is ObjectType.CONTACTS
    ]
    with context.reading() as session:
        companies = mirror_queries.read_companies(session, contacts)
    tally.company_contacts.update(map(str, companies.values()))
    contacts_behind = contacts_synced_natively(
        context, [correction for corrections in moves for correction in corrections]
    )
    if contacts_behind:
        tally.native_sync_contacts["companies"] += len(contacts_behind)
        tally.native_sync_contacts["contacts"] += sum(
            len(contacts) for contacts in contacts_behind.values()
        )
        waiting = contacts_behind if needs_permission(context) else {}
        tally.native_sync_contacts["waiting"] += len(waiting)
        for company, contacts_of_company in waiting.items():
            tally.name_waiting(company, contacts_of_company)


def _is_retried_next_run(context: RunContext, decided: Decided) -> bool:
    """Return whether the next run tries again what failed in this one."""
    return any(
        correction_key(entry.correction) in context.state.failed_in_run
        for entry in decided.held_back
    )


def _count_left_alone(decided: Decided, tally: PlanCounter) -> None:
    """Count why a record, or a correction of it, was left alone."""
    for entry in decided.held_back:
        tally.count_left_alone(str(entry.cause))
    if not decided.decision.converged:
        tally.count_left_alone("does not settle")
    elif not decided.decision.corrections and not decided.held_back:
        tally.count_left_alone(decided.decision.rule)
