"""Find the contacts that are overlooked, in the mirror and the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.core.model import STAGE, ObjectType, Ref
from connector.core.overlooked import Overlooked, Terms, entered, overlooked, terms_of
from connector.core.rules import left_alone
from connector.desk import Desk
from connector.gather import gather
from connector.offline import everyone
from state import ledger, mirror


def all_overlooked(desk: Desk) -> Iterator[Overlooked]:
    """Yield the overlooked contacts in the order of their ids; none outside of the scope."""
    terms = terms_of(desk.policy, desk.portal)
    looked_at = 0
    for refs in everyone(desk, (ObjectType.CONTACTS,)):
        looked_at += len(refs)
        desk.tell("look for overlooked contacts", looked_at, None)
        found = _waiting(desk, terms, refs)
        outside = _outside(desk, [one.record for one in found])
        yield from (one for one in found if one.record not in outside)


def _waiting(desk: Desk, terms: Terms, refs: Sequence[Ref]) -> list[Overlooked]:
    now = desk.door.now()
    with desk.store.reading() as session:
        records = mirror.get(session, desk.portal_id, refs)
        there = [one for one in records.values() if one.value(STAGE) in terms.stages]
        names = [one.ref for one in there]
        versions = ledger.versions(session, desk.portal_id, names, STAGE)
    told = (
        overlooked(terms, one, entered(one, versions[one.ref], seen=ledger.MIRROR), now)
        for one in there
    )
    return [one for one in told if one is not None]


def _outside(desk: Desk, refs: Sequence[Ref]) -> frozenset[Ref]:
    """Return the records that the policy leaves alone; only a scope leaves any in these stages."""
    side = desk.policy.sides[ObjectType.CONTACTS]
    if side.scope is None or not refs:
        return frozenset()
    return frozenset(one.record for one in gather(desk, refs) if left_alone(side, one))
