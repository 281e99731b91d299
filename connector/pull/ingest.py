"""Store records together with their associations, so that no decision lacks half of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.context import RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import Association, ObjectType, Record, Ref
from connector.plan.company_groups import companies_of
from connector.plan.quarantine_unreadable import note_unreadable, read_by_id, waiting_records
from state import (
    associations,
    cascade,
    checkpoints,
    due_times,
    merged_records,
    mirror,
    unreadable_records,
)
from state.db.transaction import Transaction
from state.unreadable_records import FailedReading

Links = Mapping[Ref, tuple[Association, ...]]
# The associations to read when a record of this type changed.
LINKED_TYPES: Mapping[ObjectType, tuple[ObjectType, ...]] = {
    ObjectType.DEALS: (ObjectType.COMPANIES, ObjectType.CONTACTS),
    ObjectType.COMPANIES: (ObjectType.DEALS,),
    ObjectType.CONTACTS: (ObjectType.DEALS,),
    ObjectType.LEADS: (ObjectType.CONTACTS,),
}
LINK_OWNERS = frozenset({ObjectType.DEALS, ObjectType.LEADS})
"""The types from whose side associations are read: whatever they are linked with follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records with the associations that were read for them, by the type they lead to.

    `complete` are the records whose associations are in the mirror once the batch is stored.
    """

    records: Sequence[Record] = ()
    links: Sequence[tuple[ObjectType, Links]] = field(default_factory=tuple)
    complete: Sequence[Ref] = ()


def read_batch(context: RunContext, kind: ObjectType, records: Sequence[Record]) -> Batch:
    """Read the associations of these records, and the deals among them that the mirror lacks.

    A deal may be linked before the search index shows it; without it, its contact would be
    decided on half the evidence.
    """
    if not records:
        return Batch()
    links = read_links(context, kind, [record.ref for record in records])
    # A record whose associations cannot be read is left as the mirror has it.
    complete = {record.ref for record in records}.intersection(*(refs for _, refs in links))
    records = [record for record in records if record.ref in complete]
    unknown_deals = [] if kind in LINK_OWNERS else _unknown_targets(context, links)
    if not unknown_deals:
        return Batch(records=records, links=links, complete=sorted(complete))
    properties = needed_properties(context.policy, context.portal)[ObjectType.DEALS]
    deals = list(read_by_id(context, unknown_deals, properties).records.values())
    deal_batch = read_batch(context, ObjectType.DEALS, deals)
    return Batch(
        records=[*deal_batch.records, *records],
        links=[*deal_batch.links, *links],
        complete=[*deal_batch.complete, *sorted(complete)],
    )


def read_links(
    context: RunContext, kind: ObjectType, refs: Sequence[Ref]
) -> list[tuple[ObjectType, Links]]:
    """Read the associations of records of one type that decisions depend on.

    A record whose associations cannot be read is set aside, and absent from every mapping.
    """
    # Records that failed before wait for their next try.
    waiting = waiting_records(context, refs, FailedReading.ASSOCIATIONS)
    asked = [ref for ref in refs if ref not in waiting]
    if not asked:
        return [(to, {}) for to in LINKED_TYPES[kind]]
    results = {to: context.api.associations(asked, to) for to in LINKED_TYPES[kind]}
    # A record that is unreadable towards one type is left out towards all of them.
    unreadable = {
        ref: reason for result in results.values() for ref, reason in result.unreadable.items()
    }
    note_unreadable(context, unreadable, FailedReading.ASSOCIATIONS)
    return [
        (to, {ref: links for ref, links in result.links.items() if ref not in unreadable})
        for to, result in results.items()
    ]


def _unknown_targets(context: RunContext, links: Sequence[tuple[ObjectType, Links]]) -> list[Ref]:
    targets = {
        link.target
        for _, links_by_ref in links
        for record_links in links_by_ref.values()
        for link in record_links
    }
    with context.reading() as session:
        return sorted(targets - mirror.known_refs(session, targets))


def ingest(context: RunContext, batch: Batch, *, checkpoint: tuple[str, Any] | None = None) -> None:
    """Put a batch into the mirror, and make every record due that it concerns: one transaction.

    Due are new and changed records, the contacts and companies of changed deals, the contacts of
    changed leads, whatever a changed association names, the contacts of changed companies where a
    rule reads company facts, and both the old and the new company of a contact. `checkpoint` is
    stored in the same transaction.
    """
    now = context.api.now()
    former_companies = companies_of(
        context, [record.ref for record in batch.records if context.policy.uses_company_groups]
    )
    with context.begin() as session:
        unmerged = _follow_merges(context, session, batch.records)
        changed = mirror.put(session, unmerged, due_at=now)
        changed_deals = [
            record.ref for record in changed if record.ref.object_type is ObjectType.DEALS
        ]
        changed_leads = [
            record.ref for record in changed if record.ref.object_type is ObjectType.LEADS
        ]
        affected = (
            _store_links(context, session, batch.links, changed_deals)
            | _contacts_of_companies(context, session, batch.records)
            | _contacts_of_leads(session, changed_leads)
            | former_companies
        )
        due_times.mark_due(session, affected, at=now)
        _release_readable(session, batch, at=now)
        if checkpoint:
            checkpoints.put(session, *checkpoint)


def _release_readable(session: Transaction, batch: Batch, *, at: datetime) -> None:
    """Forget that records were unreadable which are stored now, and decide them again."""
    set_aside = unreadable_records.read(session, batch.complete)
    unreadable_records.release(
        session,
        [entry.record for entry in set_aside],
        readings={FailedReading.PAGE, FailedReading.ASSOCIATIONS},
    )
    due_times.mark_due(session, [entry.record for entry in set_aside], at=at)


def _follow_merges(
    context: RunContext, session: Transaction, records: Sequence[Record]
) -> Sequence[Record]:
    """Move what is remembered of merged records to their survivors; return the other records.

    The search index shows a merged record for a while: such a row is left out.
    """
    merged = {
        Ref(record.ref.object_type, merged_id): record.ref
        for record in records
        for merged_id in record.merged_ids
        if merged_id != record.ref.id
    }
    cascade.follow_merge(session, merged, at=context.api.now())
    merged_refs = merged_records.read_survivors(session, [record.ref for record in records])
    return [record for record in records if record.ref not in merged_refs]


def _store_links(
    context: RunContext,
    session: Transaction,
    links: Sequence[tuple[ObjectType, Links]],
    changed_deals: Iterable[Ref],
) -> set[Ref]:
    """Store associations; return the contacts and companies of changed and newly linked deals.

    All of them, since a deal that lost its primary company counts for its other companies.
    A deal that did not change makes nothing due.
    """
    affected: set[Ref] = set()
    deals = set(changed_deals)
    for to, links_by_ref in links:
        for pair in associations.replace_all(session, links_by_ref, to):
            for ref in pair:
                (deals if ref.object_type is ObjectType.DEALS else affected).add(ref)
    deal_links = _complete_deal_links(links)
    deal_links |= associations.read_of_deals(session, deals - deal_links.keys())
    return affected | {link.target for deal in deals for link in deal_links[deal]}


def _complete_deal_links(
    links: Sequence[tuple[ObjectType, Links]],
) -> dict[Ref, tuple[Association, ...]]:
    """Return the associations of the deals whose associations to every type are among these."""
    by_type = dict(links)
    if not set(LINKED_TYPES[ObjectType.DEALS]) <= by_type.keys():
        return {}
    companies, contacts = by_type[ObjectType.COMPANIES], by_type[ObjectType.CONTACTS]
    return {
        ref: (*companies[ref], *contacts[ref])
        for ref in companies.keys() & contacts.keys()
        if ref.object_type is ObjectType.DEALS
    }


def _contacts_of_leads(session: Transaction, leads: Sequence[Ref]) -> set[Ref]:
    links_by_lead = associations.read(session, leads, ObjectType.CONTACTS) if leads else {}
    return {link.target for links in links_by_lead.values() for link in links}


def _contacts_of_companies(
    context: RunContext, session: Transaction, records: Sequence[Record]
) -> set[Ref]:
    """Return the contacts of companies, where a rule for contacts reads company facts."""
    readers = context.policy.object_policies[ObjectType.CONTACTS].readers
    if not any(reader.namespace == "company" for reader in readers):
        return set()
    companies = [record.ref for record in records if record.ref.object_type is ObjectType.COMPANIES]
    contacts_by_company = mirror.contacts_of_companies(session, companies)
    return {contact for contacts in contacts_by_company.values() for contact in contacts}
