"""Store records together with what they rest on, so that nothing is decided on half of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from connector.core.binding import needed_properties
from connector.core.model import Association, ObjectType, Record, Ref
from connector.desk import Desk
from connector.following import companies_of
from state import aliases, associations, checkpoints, fates, mirror

Links = Mapping[Ref, tuple[Association, ...]]
# The associations to read when a record of this type changed.
NEIGHBOURS: Mapping[ObjectType, tuple[ObjectType, ...]] = {
    ObjectType.DEALS: (ObjectType.COMPANIES, ObjectType.CONTACTS),
    ObjectType.COMPANIES: (ObjectType.DEALS,),
    ObjectType.CONTACTS: (ObjectType.DEALS,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records with the associations that were read for them, by the type they lead to."""

    records: Sequence[Record] = ()
    links: Sequence[tuple[ObjectType, Links]] = field(default_factory=tuple)


def complete(desk: Desk, kind: ObjectType, records: Sequence[Record]) -> Batch:
    """Read the associations of these records, and the deals behind them that nobody saw yet.

    A deal may be linked before the search index shows it; without it, its contact would be
    decided on half the evidence.
    """
    if not records:
        return Batch()
    links = linked(desk, kind, [record.ref for record in records])
    unseen = [] if kind is ObjectType.DEALS else _unseen(desk, links)
    if not unseen:
        return Batch(records=records, links=links)
    properties = needed_properties(desk.policy, desk.portal)[ObjectType.DEALS]
    deals = list(desk.door.read(unseen, properties).values())
    rest = complete(desk, ObjectType.DEALS, deals)
    return Batch(records=[*rest.records, *records], links=[*rest.links, *links])


def linked(desk: Desk, kind: ObjectType, refs: Sequence[Ref]) -> list[tuple[ObjectType, Links]]:
    """Read the associations of records of one type that decisions rest on."""
    return [(to, desk.door.associations(refs, to)) for to in NEIGHBOURS[kind]]


def _unseen(desk: Desk, links: Sequence[tuple[ObjectType, Links]]) -> list[Ref]:
    targets = {one.target for _, found in links for each in found.values() for one in each}
    with desk.store.begin() as session:
        return sorted(targets - mirror.known(session, desk.portal_id, targets))


def store(desk: Desk, batch: Batch, *, checkpoint: tuple[str, Any] | None = None) -> None:
    """Put a batch into the mirror, and make everything due that it concerns: one transaction."""
    now = desk.door.now()
    left = companies_of(desk, [one.ref for one in batch.records if desk.policy.in_circles])
    with desk.store.begin() as session:
        living = _follow_merges(desk, session, batch.records)
        news = _new_deals(desk, session, living)
        mirror.put(session, desk.portal_id, living, due_at=now)
        concerned = (
            _ends(desk, session, batch.links, news) | _staff(desk, session, batch.records) | left
        )
        mirror.mark_due(session, desk.portal_id, concerned, at=now)
        if checkpoint:
            checkpoints.put(session, desk.portal_id, *checkpoint)


def _follow_merges(desk: Desk, session: Session, records: Sequence[Record]) -> Sequence[Record]:
    """Carry over what was merged, and leave out rows of merged ids that the search still shows."""
    merged = {
        Ref(one.ref.object_type, old): one.ref
        for one in records
        for old in one.merged_ids
        if old != one.ref.id
    }
    fates.succeed(session, desk.portal_id, merged, at=desk.door.now())
    gone = aliases.survivors(session, desk.portal_id, [one.ref for one in records])
    return [one for one in records if one.ref not in gone]


def _new_deals(desk: Desk, session: Session, records: Sequence[Record]) -> set[Ref]:
    deals = [one for one in records if one.ref.object_type is ObjectType.DEALS]
    return {one.ref for one in mirror.changed(session, desk.portal_id, deals)}


def _ends(
    desk: Desk, session: Session, links: Sequence[tuple[ObjectType, Links]], news: Iterable[Ref]
) -> set[Ref]:
    """Store links; return the contacts and companies of each deal that is news, or linked anew.

    All of them: a deal that lost its primary company counts for its other ones. A deal that
    is as it was concerns nobody.
    """
    ends: set[Ref] = set()
    deals = set(news)
    for to, found in links:
        for pair in associations.replace_all(session, desk.portal_id, found, to):
            for one in pair:
                (deals if one.object_type is ObjectType.DEALS else ends).add(one)
    stored = associations.of_deals(session, desk.portal_id, deals)
    return ends | {one.target for each in stored.values() for one in each}


def _staff(desk: Desk, session: Session, records: Sequence[Record]) -> set[Ref]:
    """Return the contacts of companies, where a rule for contacts looks at their company."""
    readers = desk.policy.sides[ObjectType.CONTACTS].readers
    if not any(reader.space == "company" for reader in readers):
        return set()
    companies = [one.ref for one in records if one.ref.object_type is ObjectType.COMPANIES]
    staff = mirror.of_company(session, desk.portal_id, companies)
    return {contact for contacts in staff.values() for contact in contacts}
