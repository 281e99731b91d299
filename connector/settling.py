"""Settle what is to be done about records: decide them, and leave aside what must not be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from connector.core.circle import Pinned, rests_on_others
from connector.core.facts import Facts
from connector.core.holds import (
    Aside,
    Hold,
    Scope,
    Why,
    in_force,
    longest,
    names_of,
    of_person,
)
from connector.core.model import STAGE, Correction, Outcome, Record, Ref
from connector.core.moves import key
from connector.core.rules import Decision, decide
from connector.core.writers import named
from connector.desk import Desk
from connector.following import circles_of
from connector.gather import gather
from connector.readings import NAMES, marks_of, read_fresh
from state import holds, mirror, strikes, writings

_BY = "the connector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is to be done about one record: its decision, and what is left aside of it."""

    facts: Facts
    decision: Decision
    aside: tuple[Aside, ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """Return when time alone may change it: a hold's end counts as well."""
        times = [self.decision.due_at, *(one.until for one in self.aside)]
        return min((one for one in times if one is not None), default=None)

    @property
    def pinned(self) -> frozenset[str]:
        """Return the properties that stay as they are."""
        return frozenset(one.correction.property_name for one in self.aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What speaks against corrections: holds by what they are of, and quarantined keys."""

    held: Mapping[tuple[Scope, str], Sequence[Hold]]
    quarantined: Mapping[str, str]
    readings: Mapping[Ref, Record]
    mirrored: Mapping[Ref, Record]


def settle(desk: Desk, refs: Sequence[Ref]) -> list[Settled]:
    """Decide records; those with corrections are read afresh, with who set what and when.

    A record that has changed since it was mirrored is decided by what was read. Who follows
    others is decided again where they are held: nobody follows to where they will not come.
    """
    pinned: dict[Ref, frozenset[str]] = {}
    settled = _settle(desk, refs, pinned)
    while followers := [one.decision.record for one in settled if _follows(desk, one.decision)]:
        around = circles_of(desk, followers)
        others = _settle(desk, sorted(around - set(refs)), pinned)
        found = {one.decision.record: one.pinned for one in (*settled, *others) if one.pinned}
        if found.items() <= pinned.items():
            break
        pinned |= {ref: names | pinned.get(ref, frozenset()) for ref, names in found.items()}
        settled = _settle(desk, refs, pinned)
    return settled


def _follows(desk: Desk, decision: Decision) -> bool:
    side = desk.policy.sides[decision.record.object_type]
    return bool(decision.corrections) and rests_on_others(side, decision)


def _settle(desk: Desk, refs: Sequence[Ref], around: Pinned) -> list[Settled]:
    """Settle records while those `around` them stay as they are."""
    found = [(one, decide(desk.policy, one)) for one in gather(desk, refs, around)]
    suspects = [one.record for one, decision in found if decision.corrections]
    if not suspects:
        return [Settled(facts=facts, decision=decision) for facts, decision in found]
    readings = read_fresh(desk, suspects)
    gone = {ref for ref in suspects if ref not in readings or readings[ref].ref != ref}
    changed = _take_in(desk, readings, gone)
    fresh = {one.record: one for one in gather(desk, changed, around)}
    decided = [
        (fresh[one.record], decide(desk.policy, fresh[one.record]))
        if one.record in fresh
        else (one, decision)
        for one, decision in found
        if one.record not in gone
    ]
    corrections = [one for _, decision in decided for one in decision.corrections]
    ground = _ground(desk, corrections, readings)
    return [_settled(desk, facts, decision, ground) for facts, decision in decided]


def _take_in(desk: Desk, readings: Mapping[Ref, Record], gone: Set[Ref]) -> list[Ref]:
    """Put into the mirror what has changed since, or is gone; return which records changed."""
    with desk.store.reading() as session:
        mirrored = mirror.get(session, desk.portal_id, readings)
    changed = [
        ref
        for ref, record in readings.items()
        if ref not in gone
        and any(
            (mirrored[ref].properties.get(name) or "") != record.value(name)
            for name in (*NAMES[ref.object_type], *marks_of(desk, ref.object_type))
            if name in mirrored[ref].properties
        )
    ]
    if changed or gone:
        now = desk.door.now()
        with desk.store.begin() as session:
            mirror.patch(session, desk.portal_id, [readings[ref] for ref in changed], due_at=now)
            mirror.archive(session, desk.portal_id, gone, at=now)
    return changed


def _ground(
    desk: Desk, corrections: Sequence[Correction], readings: Mapping[Ref, Record]
) -> _Ground:
    """Gather what speaks against these corrections; count what was reverted since it held."""
    now = desk.door.now()
    with desk.store.begin() as session:
        _count_reverts(desk, session, corrections, readings)
        found: dict[tuple[Scope, str], list[Hold]] = {}
        for one in holds.listed(session, desk.portal_id, now=now):
            found.setdefault((one.scope, one.of), []).append(one)
        notes = {one.key: one.note for one in strikes.listed(session, desk.portal_id)}
        return _Ground(
            held=found,
            quarantined=notes,
            readings=readings,
            mirrored=mirror.get(session, desk.portal_id, {one.record for one in corrections}),
        )


def _count_reverts(
    desk: Desk,
    session: Session,
    corrections: Sequence[Correction],
    readings: Mapping[Ref, Record],
) -> None:
    """Count a correction that held once, and is asked for again on the same evidence."""
    again = writings.undone(session, desk.portal_id, corrections)
    reverted = [one for one in corrections if key(one) in again]
    for one in reverted:
        strikes.strike(
            session,
            desk.portal_id,
            one,
            outcome=Outcome.REVERTED,
            note=_reverter(one, readings.get(one.record)),
            at=desk.door.now(),
        )
    writings.forget(session, desk.portal_id, reverted)


def _reverter(one: Correction, record: Record | None) -> str:
    """Tell who set back what we had written."""
    history = record.history.get(one.property_name, ()) if record else ()
    if not history:
        return f"somebody set it back to {one.before or 'blank'}"
    last = history[0]
    return f"{named(last)} set it back to {last.value or 'blank'} on {last.at:%Y-%m-%d %H:%M}"


def _settled(desk: Desk, facts: Facts, decision: Decision, ground: _Ground) -> Settled:
    """Decide again without what must not be sent, until nothing of that is left.

    The stage goes first: a lead status is set aside only for the stage that really results.
    """
    aside: tuple[Aside, ...] = ()
    while True:
        found = tuple(
            each for one in decision.corrections if (each := _aside(desk, one, facts, ground))
        )
        if not found:
            return Settled(facts=facts, decision=decision, aside=aside)
        aside += tuple(one for one in found if one.correction.property_name == STAGE) or found
        pinned = frozenset(one.correction.property_name for one in aside)
        decision = decide(desk.policy, facts, pinned=pinned)


def _aside(desk: Desk, one: Correction, facts: Facts, ground: _Ground) -> Aside | None:
    """Return why a correction must not be sent, None where nothing speaks against it."""
    hold = _hold(desk, one, facts, ground)
    if hold is not None:
        reason = hold.reason
        return Aside(correction=one, why=Why.HELD, reason=reason, by=hold.by, until=hold.until)
    name = key(one)
    if name in ground.quarantined:
        reason = f"failed twice: {ground.quarantined[name]}"
        return Aside(correction=one, why=Why.QUARANTINED, reason=reason, by=_BY)
    if name in desk.struck:
        reason = "failed in this run; tried once more by the next one"
        return Aside(correction=one, why=Why.QUARANTINED, reason=reason, by=_BY)
    return None


def _hold(desk: Desk, one: Correction, facts: Facts, ground: _Ground) -> Hold | None:
    """Return the hold on this property that lasts longest."""
    found: list[Hold] = []
    reading = ground.readings.get(one.record)
    if reading and (edit := of_person(one.property_name, reading, desk.hold_terms)):
        found.append(edit)
    mirrored = ground.mirrored.get(one.record)
    for scope in names_of(mirrored) if mirrored else ():
        found += [
            each
            for each in ground.held.get(scope, ())
            if each.property_name in {"", one.property_name}
        ]
    now, newest = facts.now, facts.evidence_at
    return longest(each for each in found if in_force(each, now=now, evidence_at=newest))
