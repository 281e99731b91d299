"""Synchronise: pull, propose and push, until a fresh decision finds nothing to correct."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import structlog

from connector.core.model import Outcome
from connector.desk import Desk
from connector.errors import TemporaryError, UserError
from connector.propose import propose
from connector.proving import is_proven, verify_mirror
from connector.pull import Pulled, pull, require_mirror
from connector.push import push
from connector.recover import alarmed, recover
from connector.reminding import remind
from state import audit, runs
from state.plans import PlanHead

# A write may be answered by another writer, or ignored; what is then still wrong is decided
# again, but never for ever.
_ROUNDS = 3
MASS = 1000  # corrections in one plan that wait for a fresh proof that the mirror is complete

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What one run did: what it read, its first plan, and how its corrections ended."""

    run: str
    recovered: int
    pulled: Pulled | None
    plan: PlanHead
    outcomes: Counter[Outcome]
    tasks: int = 0


def sync(desk: Desk, *, full: bool = False) -> Synced:
    """Pull, then apply; one writer per portal at a time."""
    with desk.store.writer_lock(desk.portal_id, who="connector sync"), alarmed(desk):
        recovered = recover(desk)
        pulled = pull(desk, full=full)
        return _reminded(desk, _finish(desk, recovered, pulled))


def apply(desk: Desk) -> Synced:
    """Apply what the mirror says, without asking HubSpot for changes first."""
    require_mirror(desk)
    with desk.store.writer_lock(desk.portal_id, who="connector apply"), alarmed(desk):
        return _reminded(desk, _finish(desk, recover(desk), None))


def correct(desk: Desk) -> Synced:
    """Apply what is due; whoever calls holds the writer's lock, and has recovered."""
    return _finish(desk, 0, None)


def _reminded(desk: Desk, done: Synced) -> Synced:
    """Remind owners after the corrections; what stops that stops nothing else."""
    try:
        return replace(done, tasks=remind(desk))
    except (UserError, TemporaryError) as error:
        _log.warning("tasks.stopped", portal=desk.portal_id, message=str(error))
        return done


def _proven(desk: Desk, plan: PlanHead) -> PlanHead:
    """Let a mass change wait until the mirror is freshly proven, and decide it anew."""
    if plan.summary["corrections"] <= MASS or is_proven(desk):
        return plan
    proofs = verify_mirror(desk)
    if not all(one.agrees for one in proofs):
        wrong = ", ".join(str(one.kind) for one in proofs if not one.agrees)
        raise TemporaryError(
            f"{plan.summary['corrections']:,} corrections wait, since the mirror of {wrong} could "
            "not be proven complete: run `connector mirror verify` in a few minutes."
        )
    return propose(desk, number=2)


def _finish(desk: Desk, recovered: int, pulled: Pulled | None) -> Synced:
    """Decide and push in rounds; the first plan is the one that is shown."""
    with desk.store.begin() as session:
        runs.begin(session, desk.portal_id, desk.run, "sync", desk.door.now())
    first = plan = _proven(desk, propose(desk))
    outcomes: Counter[Outcome] = Counter()
    try:
        for number in range(3, _ROUNDS + 3):
            if not plan.summary["corrections"]:
                break
            outcomes += push(desk, plan)
            plan = propose(desk, number=number)
    finally:
        close_run(desk, {str(outcome): count for outcome, count in sorted(outcomes.items())})
    return Synced(run=desk.run, recovered=recovered, pulled=pulled, plan=first, outcomes=outcomes)


def close_run(desk: Desk, summary: dict[str, int]) -> None:
    """Note that a run has ended; log the head of the audit, so that a cut tail shows."""
    with desk.store.begin() as session:
        runs.finish(session, desk.portal_id, desk.run, desk.door.now(), summary)
        head = audit.head(session, desk.portal_id)
    _log.info(
        "run.finished",
        portal=desk.portal_id,
        run=desk.run,
        audit_lines=head.lines,
        audit_head=head.head,
        **summary,
    )
