"""Propose corrections: decide every due record, and lay the plan complete into the store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from connector.carrying import carried, waits
from connector.core.model import STAGE, STATUS, Correction, ObjectType, Ref
from connector.core.moves import key
from connector.core.plan import Tally, clears_first, ground
from connector.core.stage_dates import changed_dates
from connector.desk import Desk
from connector.following import widen
from connector.settling import Settled, settle
from state import checkpoints, mirror, mirror_parts, plans
from state.plans import PlanHead

# Companies first: HubSpot's own sync carries a company's stage on to its contacts.
ORDER = (ObjectType.COMPANIES, ObjectType.CONTACTS)
_CHUNK = 1000
_KEPT_PLANS = 10
# The `Date` of an answer tells whole seconds: a process that has just started may be that far
# behind the one that made a record due.
_BEHIND = timedelta(seconds=1)


def propose(desk: Desk, *, number: int = 1) -> PlanHead:
    """Decide what is due and return the plan's head; nothing is sent.

    A record without corrections is due again when time alone may change its decision; one
    with corrections stays due until a later decision finds nothing to correct.
    """
    now = desk.door.now()
    _wake_all(desk, now)
    head = PlanHead(
        plan_id=f"{desk.run}.{number}",
        run=desk.run,
        policy_name=desk.policy.name,
        policy_digest=desk.policy.digest,
        created_at=now,
    )
    with desk.store.begin() as session:
        plans.create(session, desk.portal_id, head)
        plans.prune(session, desk.portal_id, keep=_KEPT_PLANS)
        waiting = mirror.count_due(session, desk.portal_id, until=now)
        total = sum(waiting[kind] for kind in ORDER)
    tally = new_tally(desk)
    for refs in _due(desk, now):
        _lay_down(desk, head, settle(desk, refs), refs, tally)
        desk.tell("decide", tally.looked_at.total(), total)
    with desk.store.begin() as session:
        plans.close(
            session, desk.portal_id, head.plan_id, summary=tally.summary(), digest=tally.digest
        )
        done = plans.get(session, desk.portal_id, head.plan_id)
    return done or head


def new_tally(desk: Desk) -> Tally:
    """Return what counts a plan for this portal and policy."""
    rests_on = ground(desk.portal_id, desk.policy.digest)
    return Tally(ground=rests_on, changes=changed_dates(desk.portal))


def _wake_all(desk: Desk, now: datetime) -> None:
    """Make due what a changed ground concerns, and whoever is in a circle with what is due."""
    with desk.store.begin() as session:
        _wake(desk, session, now)
    if desk.policy.in_circles:
        widen(desk, now)


def _wake(desk: Desk, session: Session, now: datetime) -> None:
    """Make every record due when the policy, the stage list or a pipeline changed."""
    ground = _ground(desk)
    if checkpoints.get(session, desk.portal_id, "decided-on") != ground:
        mirror.mark_all_due(session, desk.portal_id, at=now)
        checkpoints.put(session, desk.portal_id, "decided-on", ground)


def _ground(desk: Desk) -> str:
    """Return a digest of what all decisions rest on besides the records themselves."""
    portal = desk.portal
    lists = [portal.options(kind, name) for kind in ORDER for name in (STAGE, STATUS)]
    text = repr((desk.policy.digest, lists, portal.pipelines, portal.account.time_zone))
    return hashlib.sha256(text.encode()).hexdigest()


def _due(desk: Desk, now: datetime) -> Iterator[Sequence[Ref]]:
    """Yield what is due, companies before contacts, each in the order of their ids."""
    for kind in ORDER:
        after_id = "0"
        while True:
            with desk.store.reading() as session:
                refs = mirror.due(
                    session,
                    desk.portal_id,
                    kind,
                    until=now + _BEHIND,
                    after_id=after_id,
                    limit=_CHUNK,
                )
            if not refs:
                break
            yield refs
            after_id = refs[-1].id


def _lay_down(
    desk: Desk, head: PlanHead, settled: Sequence[Settled], refs: Sequence[Ref], tally: Tally
) -> None:
    """Store one chunk of the plan, and when its other records are due again."""
    times: dict[Ref, datetime | None] = dict.fromkeys(refs)
    moves = []
    for one in settled:
        tally.look(one.decision.record)
        _count(one, tally)
        if one.decision.corrections:
            moves.append(one.decision.corrections)
        if one.decision.corrections or _has_another_try(desk, one):
            del times[one.decision.record]
        else:
            times[one.decision.record] = one.due_at
    # Together, so that a batch of a hundred needs one clear, or none.
    moves.sort(key=lambda corrections: not clears_first(corrections))
    for corrections in moves:
        tally.add(corrections)
    _count_companies(desk, moves, tally)
    with desk.store.begin() as session:
        plans.add(session, desk.portal_id, head.plan_id, moves)
        aside = [each for one in settled for each in one.aside]
        plans.add_asides(session, desk.portal_id, head.plan_id, aside)
        mirror.set_due(session, desk.portal_id, times)


def _count_companies(desk: Desk, moves: Sequence[tuple[Correction, ...]], tally: Tally) -> None:
    """Count the contacts of each company, and those that its own move would carry along."""
    contacts = [one[0].record for one in moves if one[0].record.object_type is ObjectType.CONTACTS]
    with desk.store.reading() as session:
        firms = mirror_parts.company_of(session, desk.portal_id, contacts)
    tally.companies.update(map(str, firms.values()))
    behind = carried(desk, [each for corrections in moves for each in corrections])
    if behind:
        tally.carried["companies"] += len(behind)
        tally.carried["contacts"] += sum(len(contacts) for contacts in behind.values())
        tally.carried["waiting"] += len(behind) if waits(desk) else 0


def _has_another_try(desk: Desk, one: Settled) -> bool:
    """Whether the next run tries again what failed in this one."""
    return any(key(each.correction) in desk.struck for each in one.aside)


def _count(one: Settled, tally: Tally) -> None:
    """Count why a record, or a correction of it, was left alone."""
    for each in one.aside:
        tally.leave(str(each.why))
    if not one.decision.settled:
        tally.leave("does not settle")
    elif not one.decision.corrections and not one.aside:
        tally.leave(one.decision.rule)
