"""Push a plan without the records whose rules are new in this portal and want too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

from connector.context import RunContext, chunks
from connector.core.corrections.first_use import NewRule, first_use_text, rules_to_review
from connector.core.corrections.limits import DAY
from connector.core.corrections.plan import PlanCounter
from connector.core.model import Correction, ObjectType, Outcome
from connector.errors import UserError
from connector.push.pause import refuse_if_paused
from connector.push.push import plan_corrections, push
from state import audit_counts, introduced_rules, mirror_queries, outbox, runs
from state.plans import PlanHead

_CHUNK: Final = 1000
REVIEWED_RUN: Final = "apply plan"
"""The kind of a run that applies a reviewed plan."""


class FirstUse(UserError):
    """Rules that are new in this portal wait for a first review."""


def push_with_first_use(context: RunContext, plan: PlanHead) -> Counter[Outcome]:
    """Push what may go of a plan; return how its corrections ended.

    A permitted run introduces the rules of its plan and sends all of it. Otherwise the records of
    each new rule that wants more than `limits.first_use` wait and stay due; the rules are named
    in `context.state.rules_to_review`, and nothing of the waiting records counts for a limit.
    """
    if context.permitted:
        introduce_rules(context, plan.summary.by_rule)
        return push(context, plan)
    waiting = _find_rules_to_review(context, plan)
    context.state.rules_to_review = waiting
    if not waiting:
        return push(context, plan)
    names = frozenset(rule.name for rule in waiting)
    return push(context, _plan_without(context, plan, names), waiting_rules=names)


def introduce_rules(context: RunContext, rules: Collection[str]) -> None:
    """Let rules go on by themselves in this portal; raise Paused where nothing may be written."""
    refuse_if_paused(context.store, context.portal_id)
    with context.begin() as session:
        introduced_rules.add(session, rules, run=context.run, at=context.api.now())


def require_reviewed_rules(context: RunContext) -> None:
    """Raise FirstUse where rules of this run wait for a first review."""
    waiting = context.state.rules_to_review
    if waiting:
        limit = context.policy.policy.number("limits.first_use")
        raise FirstUse(f"Portal {context.portal_id}: {first_use_text(waiting, limit)}")


def _find_rules_to_review(context: RunContext, plan: PlanHead) -> tuple[NewRule, ...]:
    """Return the new rules that want more than they may correct unasked within a day."""
    now = context.api.now()
    with context.reading() as session:
        introduced = introduced_rules.read(session)
        if introduced.issuperset(plan.summary.by_rule):
            return ()
        since = now - timedelta(hours=DAY)
        # What a reviewed plan sent was seen by a person; such a run may have begun a day before.
        reviewed = runs.read(session, since=since - timedelta(hours=DAY), kind=REVIEWED_RUN)
        reviewed_ids = {run.run for run in reviewed}
        corrected = Counter(
            audit_counts.count_records_by_rule(session, since=since, except_runs=reviewed_ids)
        )
        # What was sent and has not ended yet has no audit line.
        for move in outbox.open_moves(session):
            if move.run not in reviewed_ids:
                corrected.update({correction.rule for correction in move.corrections})
    records: Counter[str] = Counter()
    for corrections in plan_corrections(context, plan.plan_id):
        records.update({correction.rule for correction in corrections})
    limit = context.policy.policy.number("limits.first_use")
    return rules_to_review(limit, records, corrected, introduced)


def _plan_without(context: RunContext, plan: PlanHead, rules: frozenset[str]) -> PlanHead:
    """Return the plan with the figures of the records that none of these rules concerns."""
    tally = PlanCounter()
    for moves in chunks(_moves_without(context, plan, rules), _CHUNK):
        for corrections in moves:
            tally.add(corrections)
        contacts = [
            corrections[0].record
            for corrections in moves
            if corrections[0].record.object_type is ObjectType.CONTACTS
        ]
        with context.reading() as session:
            companies = mirror_queries.read_companies(session, contacts)
        tally.company_contacts.update(map(str, companies.values()))
    return replace(plan, summary=tally.summary())


def _moves_without(
    context: RunContext, plan: PlanHead, rules: frozenset[str]
) -> Iterator[tuple[Correction, ...]]:
    for corrections in plan_corrections(context, plan.plan_id):
        if rules.isdisjoint(correction.rule for correction in corrections):
            yield corrections
