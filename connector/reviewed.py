"""Apply a reviewed plan: what still holds of it, and nothing else; name what does not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from connector.core.model import Correction, Outcome
from connector.desk import Desk, chunks
from connector.planfile import PlanFile
from connector.propose import new_tally
from connector.pull import pull
from connector.push import push
from connector.recover import alarmed, recover
from connector.settling import Settled, settle
from connector.sync import close_run
from state import plans, runs
from state.plans import PlanHead

_CHUNK = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A correction of a reviewed plan that no longer holds, and why."""

    correction: Correction
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """How a reviewed plan was applied."""

    run: str
    plan: PlanHead
    outcomes: Counter[Outcome]
    skipped: tuple[Skipped, ...]


def apply_plan(desk: Desk, plan: PlanFile) -> Reviewed:
    """Apply what still holds of a plan file; the file is the permission, so no limit stops it."""
    desk = replace(desk, permitted=True)
    with desk.store.writer_lock(desk.portal_id, who="connector apply"), alarmed(desk):
        recover(desk)
        pull(desk)
        with desk.store.begin() as session:
            runs.begin(session, desk.portal_id, desk.run, "apply plan", desk.door.now())
        head, skipped = _lay_down(desk, plan)
        outcomes: Counter[Outcome] = Counter()
        try:
            outcomes = push(desk, head)
        finally:
            close_run(desk, {str(one): count for one, count in sorted(outcomes.items())})
    return Reviewed(run=desk.run, plan=head, outcomes=outcomes, skipped=tuple(skipped))


def _lay_down(desk: Desk, plan: PlanFile) -> tuple[PlanHead, list[Skipped]]:
    """Store what still holds as a plan of its own; return the rest."""
    head = PlanHead(
        plan_id=f"{desk.run}.1",
        run=desk.run,
        policy_name=desk.policy.name,
        policy_digest=desk.policy.digest,
        created_at=desk.door.now(),
    )
    with desk.store.begin() as session:
        plans.create(session, desk.portal_id, head)
    tally = new_tally(desk)
    skipped: list[Skipped] = []
    for refs in chunks(plan.moves, _CHUNK):
        settled = {one.decision.record: one for one in settle(desk, refs)}
        moves = [_still(plan.moves[ref], settled.get(ref), skipped) for ref in refs]
        kept = [one for one in moves if one]
        for one in kept:
            tally.add(one)
        with desk.store.begin() as session:
            plans.add(session, desk.portal_id, head.plan_id, kept)
    summary, digest = tally.summary(), tally.digest
    with desk.store.begin() as session:
        plans.close(session, desk.portal_id, head.plan_id, summary=summary, digest=digest)
    return replace(head, summary=summary, digest=digest), skipped


def _still(
    wanted: Sequence[Correction], settled: Settled | None, skipped: list[Skipped]
) -> tuple[Correction, ...]:
    """Return the corrections that are still decided as they were reviewed."""
    asked = settled.decision.corrections if settled else ()
    fresh = {(one.property_name, one.before, one.after) for one in asked}
    aside = {one.correction.property_name: one for one in settled.aside} if settled else {}
    kept = []
    for one in wanted:
        if (one.property_name, one.before, one.after) in fresh:
            kept.append(one)
            continue
        why = "changed since it was planned: decided anew by the next run"
        if one.property_name in aside:
            why = f"{aside[one.property_name].why}: {aside[one.property_name].reason}"
        elif settled is None:
            why = "archived, deleted or merged since"
        skipped.append(Skipped(correction=one, why=why))
    return tuple(kept)
