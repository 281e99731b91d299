"""Gather the facts of records from the mirror and the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.context import DecisionContext, RunContext
from connector.core.decide.company_group import NONE_PINNED, PinnedProperties
from connector.core.decide.facts import Facts, needs_deal_history, read_policy_deal, record_facts
from connector.core.decide.history_needs import needs_edit_history
from connector.core.leads import Lead, read_lead
from connector.core.model import (
    DEAL_STAGE,
    LEAD_STAGE,
    STAGE,
    STATUS,
    Association,
    ObjectType,
    Record,
    Ref,
    Version,
)
from connector.plan.company_groups import add_company_group_facts
from connector.plan.fresh_reads import TRACKED_PROPERTIES, read_fresh
from connector.plan.quarantine_unreadable import note_unreadable, unreadable_refs
from state import associations, ledger, mirror
from state.db.transaction import Transaction
from state.unreadable_records import FailedReading

_PRIMARY_COMPANY = "associatedcompanyid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorData:
    """What the mirror holds about some records: themselves, their deals and their links."""

    records: Mapping[Ref, Record]
    links: Mapping[Ref, tuple[Association, ...]]
    deals: Mapping[Ref, Record]
    deal_links: Mapping[Ref, tuple[Association, ...]]
    histories: Mapping[Ref, tuple[Version, ...]]
    companies: Mapping[Ref, Record]
    leads: Mapping[Ref, Record]
    lead_links: Mapping[Ref, tuple[Association, ...]]


def gather(
    context: DecisionContext, refs: Sequence[Ref], pinned: PinnedProperties = NONE_PINNED
) -> list[Facts]:
    """Return the facts of these records, reading deal histories only where they matter.

    In a company group, a record whose stage is `pinned` is followed to the stage that it keeps.
    """
    own_facts = _own_facts(context, refs)
    if context.policy.uses_company_groups:
        return add_company_group_facts(
            context, own_facts, lambda members: _own_facts(context, members), pinned
        )
    return own_facts


def _own_facts(context: DecisionContext, refs: Sequence[Ref]) -> list[Facts]:
    """Return the facts of these records without what their company or contacts should be.

    Records that are set aside have none: they are decided once they can be read again.
    """
    set_aside = unreadable_refs(context, refs)
    mirror_data = _read_mirror(context, [ref for ref in refs if ref not in set_aside])
    # A lead that cannot be read is not the same as no lead: its contact is left alone.
    without_lead = _contacts_with_unreadable_leads(context, mirror_data)
    counted_deals = {
        ref: _counted_deals(mirror_data, ref, context.policy.labels) for ref in mirror_data.records
    }
    read_histories, unreadable_deals = _read_missing_histories(context, mirror_data, counted_deals)
    histories = {**mirror_data.histories, **read_histories}
    now = context.api.now()
    facts_by_ref = {
        ref: _record_facts(context, mirror_data, record, counted_deals[ref], histories, now)
        for ref, record in mirror_data.records.items()
        # Without the history of its deal, a record would be decided on half the evidence.
        if unreadable_deals.isdisjoint(deal_record.ref for deal_record in counted_deals[ref])
        and ref not in without_lead
    }
    edited_records, unreadable = _read_edit_histories(context, mirror_data, facts_by_ref)
    # Without its own history, it is not known whether a person set what would be written over.
    facts_by_ref = {ref: facts for ref, facts in facts_by_ref.items() if ref not in unreadable}
    for ref, record in edited_records.items():
        facts_by_ref[ref] = _record_facts(
            context, mirror_data, record, counted_deals[ref], histories, now
        )
    return list(facts_by_ref.values())


def _record_facts(
    context: DecisionContext,
    mirror_data: MirrorData,
    record: Record,
    deals: Sequence[Record],
    histories: Mapping[Ref, Sequence[Version]],
    now: datetime,
) -> Facts:
    return record_facts(
        context.policy,
        record,
        [
            read_policy_deal(context.policy, deal, histories.get(deal.ref, ()), now=now)
            for deal in deals
        ],
        company=mirror_data.companies.get(_company_of(record)),
        leads=_leads_of(context, mirror_data, record.ref, histories),
        now=now,
    )


def _leads_of(
    context: DecisionContext,
    mirror_data: MirrorData,
    ref: Ref,
    histories: Mapping[Ref, Sequence[Version]],
) -> list[Lead]:
    """Return the leads of a contact that are not archived."""
    linked = (mirror_data.leads[link.target] for link in mirror_data.lead_links.get(ref, ()))
    return [
        read_lead(context.policy.lead_stages, record, histories.get(record.ref, ()))
        for record in linked
        if not record.archived
    ]


def _contacts_with_unreadable_leads(
    context: DecisionContext, mirror_data: MirrorData
) -> frozenset[Ref]:
    """Return the contacts with a lead that is set aside, or that the mirror lacks."""
    linked = {link.target for links in mirror_data.lead_links.values() for link in links}
    unreadable = unreadable_refs(context, sorted(linked)) if linked else frozenset()
    unreadable |= linked - mirror_data.leads.keys()
    return frozenset(
        ref
        for ref, links in mirror_data.lead_links.items()
        if not unreadable.isdisjoint(link.target for link in links)
    )


def _read_edit_histories(
    context: DecisionContext, mirror_data: MirrorData, facts_by_ref: Mapping[Ref, Facts]
) -> tuple[dict[Ref, Record], frozenset[Ref]]:
    """Return the records whose edits matter and are not in the ledger, with their histories.

    Return also those whose history cannot be read, which are set aside. The other properties stay
    as they are mirrored: what changed since comes with the next poll.
    """
    needed = [
        ref for ref, facts in facts_by_ref.items() if needs_edit_history(context.policy, facts)
    ]
    if not needed:
        return {}, frozenset()
    readings: Mapping[Ref, Record] = {}
    unreadable: frozenset[Ref] = frozenset()
    if isinstance(context, RunContext):
        result = read_fresh(context, needed)  # the check before a write uses the same reading
        readings, unreadable = result.records, frozenset(result.unreadable)
    else:
        for kind, names in TRACKED_PROPERTIES.items():
            kind_refs = [ref for ref in needed if ref.object_type is kind]
            if kind_refs:
                readings = {**readings, **context.api.read(kind_refs, names, history=names)}
    edited_records = {
        ref: replace(mirror_data.records[ref], history=reading.history)
        for ref, reading in readings.items()
        if reading.ref == ref
    }
    return edited_records, unreadable


def _read_mirror(context: DecisionContext, refs: Sequence[Ref]) -> MirrorData:
    with context.reading() as session:
        records = _with_known_edits(context, session, mirror.get(session, refs))
        links = associations.read_to_deals(session, refs)
        deals = sorted({link.target for record_links in links.values() for link in record_links})
        contacts = [ref for ref in refs if ref.object_type is ObjectType.CONTACTS]
        lead_links = (
            associations.read(session, contacts, ObjectType.LEADS)
            if context.policy.uses_leads
            else {}
        )
        leads = sorted(
            {link.target for record_links in lead_links.values() for link in record_links}
        )
        return MirrorData(
            records={ref: record for ref, record in records.items() if not record.archived},
            links=links,
            deals=mirror.get(session, deals),
            deal_links=associations.read_of_deals(session, deals),
            histories={
                **ledger.read_versions(session, deals, DEAL_STAGE),
                **ledger.read_versions(session, leads, LEAD_STAGE),
            },
            leads=mirror.get(session, leads),
            lead_links=lead_links,
            companies=mirror.get(session, _company_refs(records.values())),
        )


def _with_known_edits(
    context: DecisionContext, session: Transaction, records: Mapping[Ref, Record]
) -> dict[Ref, Record]:
    """Return records with the ledger's histories of stage and lead status, where rules use them."""
    # The ledger is read only for records whose decision can depend on it.
    policies = context.policy.object_policies
    by_stage = [
        ref for ref in records if policies[ref.object_type].stage_history_stages != frozenset()
    ]
    by_status = [
        ref
        for ref, record in records.items()
        if policies[ref.object_type].uses_status_author and record.properties.get(STATUS)
    ]
    versions = {
        STAGE: ledger.read_versions(session, by_stage, STAGE) if by_stage else {},
        STATUS: ledger.read_versions(session, by_status, STATUS) if by_status else {},
    }
    return {
        ref: replace(
            record, history={name: known[ref] for name, known in versions.items() if ref in known}
        )
        for ref, record in records.items()
    }


def _company_refs(records: Iterable[Record]) -> list[Ref]:
    return sorted({_company_of(record) for record in records if record.ref != _company_of(record)})


def _company_of(record: Record) -> Ref:
    """Return a contact's primary company, the record itself where it has none."""
    company_id = record.properties.get(_PRIMARY_COMPANY) or ""
    return Ref(ObjectType.COMPANIES, company_id) if company_id.isdecimal() else record.ref


def _counted_deals(mirror_data: MirrorData, ref: Ref, labels: frozenset[str]) -> list[Record]:
    """Return the deals that count for a record.

    For a contact these are the deals whose association has one of `labels`, or all where there
    are none. For a company these are the deals whose primary company it is; a deal without a
    primary company counts for each of its companies.
    """
    if ref.object_type is ObjectType.COMPANIES:
        return [
            deal_record
            for deal_record, link in _linked_deals(mirror_data, ref)
            if _belongs_to_company(mirror_data, link)
        ]
    return [
        deal_record
        for deal_record, link in _linked_deals(mirror_data, ref)
        if not labels or labels & link.labels
    ]


def _linked_deals(mirror_data: MirrorData, ref: Ref) -> Iterator[tuple[Record, Association]]:
    """Yield the mirrored deals of a record that are not archived, with what links them."""
    for link in mirror_data.links.get(ref, ()):
        deal_record = mirror_data.deals.get(link.target)
        if deal_record and not deal_record.archived:
            yield deal_record, link


def _belongs_to_company(mirror_data: MirrorData, link: Association) -> bool:
    if link.is_primary:
        return True
    deal_links = mirror_data.deal_links.get(link.target, ())
    return not any(
        deal_link.is_primary
        for deal_link in deal_links
        if deal_link.target.object_type is ObjectType.COMPANIES
    )


def _read_missing_histories(
    context: DecisionContext, mirror_data: MirrorData, counted_deals: Mapping[Ref, Sequence[Record]]
) -> tuple[dict[Ref, tuple[Version, ...]], frozenset[Ref]]:
    """Read the stage history of deals where it matters and is not known up to their last change.

    Return the histories, and the deals whose history cannot be read.
    """
    now = context.api.now()
    needed: set[Ref] = set()
    for ref, records in counted_deals.items():
        deals = [
            read_policy_deal(
                context.policy,
                deal_record,
                mirror_data.histories.get(deal_record.ref, ()),
                now=now,
            )
            for deal_record in records
        ]
        if needs_deal_history(context.policy, mirror_data.records[ref], deals):
            needed |= {deal_record.ref for deal_record in records}
    with context.reading() as session:
        read_times = ledger.history_read_until(session, needed)
    unread = sorted(
        ref
        for ref in needed
        if ref not in read_times or read_times[ref] < mirror_data.deals[ref].modified_at
    )
    return read_deal_histories(context, unread) if unread else ({}, frozenset())


def read_deal_histories(
    context: DecisionContext, refs: Sequence[Ref]
) -> tuple[dict[Ref, tuple[Version, ...]], frozenset[Ref]]:
    """Read deal histories from HubSpot and keep them, together with what the mirror saw."""
    at = context.api.now()
    # A deal that failed before is not asked for until the poll has read it again.
    set_aside = unreadable_refs(context, refs)
    refs = [ref for ref in refs if ref not in set_aside]
    result = context.api.read_available(refs, (DEAL_STAGE,), history=(DEAL_STAGE,))
    if context.offline:
        return {}, frozenset()
    note_unreadable(context, result.unreadable, FailedReading.HISTORY)
    histories = {ref: record.history.get(DEAL_STAGE, ()) for ref, record in result.records.items()}
    with context.begin() as session:
        ledger.store_histories(session, DEAL_STAGE, histories)
        ledger.mark_read(session, [ref for ref in refs if ref not in result.unreadable], at=at)
        versions = ledger.read_versions(session, refs, DEAL_STAGE)
    return versions, set_aside | result.unreadable.keys()
