"""Synchronise: pull, propose and push, until a fresh decision finds nothing to correct."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import structlog

from connector.core.model import Outcome
from connector.desk import Desk
from connector.propose import propose
from connector.pull import Pulled, pull, require_mirror
from connector.push import push
from connector.recover import recover
from state import runs
from state.plans import PlanHead

# A write may be answered by another writer, or ignored; what is then still wrong is decided
# again, but never for ever.
_ROUNDS = 3

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What one run did: what it read, its first plan, and how its corrections ended."""

    run: str
    recovered: int
    pulled: Pulled | None
    plan: PlanHead
    outcomes: Counter[Outcome]


def sync(desk: Desk, *, full: bool = False) -> Synced:
    """Pull, then apply; one writer per portal at a time."""
    with desk.store.writer_lock(desk.portal_id, who="connector sync"):
        recovered = recover(desk)
        pulled = pull(desk, full=full)
        return _finish(desk, recovered, pulled)


def apply(desk: Desk) -> Synced:
    """Apply what the mirror says, without asking HubSpot for changes first."""
    require_mirror(desk)
    with desk.store.writer_lock(desk.portal_id, who="connector apply"):
        return _finish(desk, recover(desk), None)


def _finish(desk: Desk, recovered: int, pulled: Pulled | None) -> Synced:
    """Decide and push in rounds; the first plan is the one that is shown."""
    with desk.store.begin() as session:
        runs.begin(session, desk.portal_id, desk.run, "sync", desk.door.now())
    first = plan = propose(desk)
    outcomes: Counter[Outcome] = Counter()
    for number in range(2, _ROUNDS + 2):
        if not plan.summary["corrections"]:
            break
        outcomes += push(desk, plan)
        plan = propose(desk, number=number)
    summary = {str(outcome): count for outcome, count in sorted(outcomes.items())}
    with desk.store.begin() as session:
        runs.finish(session, desk.portal_id, desk.run, desk.door.now(), summary)
    _log.info("run.finished", portal=desk.portal_id, run=desk.run, **summary)
    return Synced(run=desk.run, recovered=recovered, pulled=pulled, plan=first, outcomes=outcomes)
