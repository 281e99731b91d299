"""Gather what decisions rest on: mirror and ledger → facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.core.circle import NOBODY, Pinned
from connector.core.facts import Facts, deal, facts, needs_history
from connector.core.model import Association, ObjectType, Record, Ref, Version
from connector.desk import Desk
from connector.following import followed
from state import associations, ledger, mirror

_DEAL_STAGE = "dealstage"
_PRIMARY_COMPANY = "associatedcompanyid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """What the mirror holds about some records: theirs, their deals, and what links them."""

    records: Mapping[Ref, Record]
    links: Mapping[Ref, tuple[Association, ...]]
    deals: Mapping[Ref, Record]
    ends: Mapping[Ref, tuple[Association, ...]]
    histories: Mapping[Ref, tuple[Version, ...]]
    companies: Mapping[Ref, Record]


def gather(desk: Desk, refs: Sequence[Ref], pinned: Pinned = NOBODY) -> list[Facts]:
    """Return the facts of these records, reading deal histories only where they matter.

    In a circle nobody follows others any further than they come while theirs is `pinned`.
    """
    found = _alone(desk, refs)
    if desk.policy.in_circles:
        return followed(desk, found, lambda others: _alone(desk, others), pinned)
    return found


def _alone(desk: Desk, refs: Sequence[Ref]) -> list[Facts]:
    """Return the facts of these records without what their company or contacts should be."""
    found = _mirrored(desk, refs)
    counted = {ref: _counted(found, ref, desk.policy.labels) for ref in found.records}
    histories = {**found.histories, **_missing_histories(desk, found, counted)}
    now = desk.door.now()
    return [
        facts(
            desk.policy,
            record,
            [deal(desk.policy, one, histories.get(one.ref, ())) for one in counted[ref]],
            company=found.companies.get(_company(record)),
            now=now,
        )
        for ref, record in found.records.items()
    ]


def _mirrored(desk: Desk, refs: Sequence[Ref]) -> Mirrored:
    with desk.store.reading() as session:
        records = mirror.get(session, desk.portal_id, refs)
        links = associations.deals_of(session, desk.portal_id, refs)
        deals = sorted({one.target for each in links.values() for one in each})
        return Mirrored(
            records={ref: one for ref, one in records.items() if not one.archived},
            links=links,
            deals=mirror.get(session, desk.portal_id, deals),
            ends=associations.of_deals(session, desk.portal_id, deals),
            histories=ledger.versions(session, desk.portal_id, deals, _DEAL_STAGE),
            companies=mirror.get(session, desk.portal_id, _companies(records.values())),
        )


def _companies(records: Iterable[Record]) -> list[Ref]:
    return sorted({_company(record) for record in records if record.ref != _company(record)})


def _company(record: Record) -> Ref:
    """Return a contact's primary company, the record itself where it has none."""
    number = record.properties.get(_PRIMARY_COMPANY) or ""
    return Ref(ObjectType.COMPANIES, number) if number.isdecimal() else record.ref


def _counted(found: Mirrored, ref: Ref, labels: frozenset[str]) -> list[Record]:
    """Return the deals that count for a record.

    For a contact these are the deals whose association has one of `labels`, or all where there
    are none. For a company these are the deals whose primary company it is; a deal without a
    primary company counts for each of its companies.
    """
    if ref.object_type is ObjectType.COMPANIES:
        return [one for one, link in _linked(found, ref) if _is_its_own(found, link)]
    return [one for one, link in _linked(found, ref) if not labels or labels & link.labels]


def _linked(found: Mirrored, ref: Ref) -> Iterator[tuple[Record, Association]]:
    """Yield the mirrored deals of a record that are not archived, with what links them."""
    for link in found.links.get(ref, ()):
        one = found.deals.get(link.target)
        if one and not one.archived:
            yield one, link


def _is_its_own(found: Mirrored, link: Association) -> bool:
    if link.is_primary:
        return True
    ends = found.ends.get(link.target, ())
    return not any(end.is_primary for end in ends if end.target.object_type is ObjectType.COMPANIES)


def _missing_histories(
    desk: Desk, found: Mirrored, counted: Mapping[Ref, Sequence[Record]]
) -> dict[Ref, tuple[Version, ...]]:
    """Read the stage history of deals where it matters and is not known up to their last change."""
    wanted: set[Ref] = set()
    for ref, records in counted.items():
        deals = [deal(desk.policy, one, found.histories.get(one.ref, ())) for one in records]
        if needs_history(desk.policy, found.records[ref], deals):
            wanted |= {one.ref for one in records}
    with desk.store.reading() as session:
        known = ledger.read_since(session, desk.portal_id, wanted)
    unread = sorted(
        ref for ref in wanted if ref not in known or known[ref] < found.deals[ref].modified_at
    )
    return _read_histories(desk, unread) if unread else {}


def _read_histories(desk: Desk, refs: Sequence[Ref]) -> dict[Ref, tuple[Version, ...]]:
    """Read deal histories from HubSpot and keep them, together with what the mirror saw."""
    at = desk.door.now()
    read = desk.door.read(refs, (_DEAL_STAGE,), history=(_DEAL_STAGE,))
    if desk.offline:
        return {}
    histories = {ref: record.history.get(_DEAL_STAGE, ()) for ref, record in read.items()}
    with desk.store.begin() as session:
        ledger.observe_all(session, desk.portal_id, _DEAL_STAGE, histories)
        ledger.mark_read(session, desk.portal_id, refs, at=at)
        return ledger.versions(session, desk.portal_id, refs, _DEAL_STAGE)
