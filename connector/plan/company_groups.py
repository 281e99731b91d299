"""Gather contacts together with their companies, where the policy lets them follow each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from connector.context import DecisionContext, RunContext, chunks
from connector.core.decide.company_group import (
    CompanyGroup,
    PinnedProperties,
    add_group_values,
    depends_on_contacts,
    is_small,
)
from connector.core.decide.facts import Facts
from connector.core.model import (
    DECIDED_TYPES,
    ObjectType,
    Ref,
)
from state import due_times, mirror

_CHUNK = 500
_PRIMARY_COMPANY = "associatedcompanyid"

FactsLookup = Callable[[Sequence[Ref]], list[Facts]]


def add_company_group_facts(
    context: DecisionContext,
    own_facts: Sequence[Facts],
    lookup: FactsLookup,
    pinned: PinnedProperties,
) -> list[Facts]:
    """Return these facts, with those that come from the company or from the contacts.

    `lookup` returns the own facts of further members of their company groups. A record whose
    stage is `pinned` is followed to the stage that it keeps.
    """
    companies = sorted({facts.company for facts in own_facts if facts.company})
    with context.reading() as session:
        contacts_by_company = mirror.contacts_of_companies(session, companies)
    # Read the members that the decisions depend on and that were not asked for.
    needed = {
        ref
        for company in companies
        for ref in _needed_refs(context, company, contacts_by_company[company])
    }
    facts_by_ref = {facts.record: facts for facts in own_facts}
    facts_by_ref |= {facts.record: facts for facts in lookup(sorted(needed - facts_by_ref.keys()))}
    # Each company is decided together with its contacts.
    updated: dict[Ref, Facts] = {}
    for company in companies:
        group = add_group_values(
            context.policy,
            _company_group(context, company, contacts_by_company[company], facts_by_ref),
            pinned,
        )
        updated |= {facts.record: facts for facts in group.contacts}
        updated |= {company: group.company} if group.company else {}
    return [updated.get(facts.record, facts) for facts in own_facts]


def _needed_refs(context: DecisionContext, company: Ref, contacts: Sequence[Ref]) -> Iterable[Ref]:
    """Return the members that a group's decisions depend on; of a large group the company only."""
    small = is_small(context.policy, len(contacts)) and depends_on_contacts(context.policy)
    return (company, *(contacts if small else ()))


def _company_group(
    context: DecisionContext, company: Ref, contacts: Sequence[Ref], facts_by_ref: dict[Ref, Facts]
) -> CompanyGroup:
    return CompanyGroup(
        company=facts_by_ref.get(company),
        contacts=tuple(facts_by_ref[contact] for contact in contacts if contact in facts_by_ref),
        contact_count=len(contacts),
    )


def mark_groups_due(context: RunContext, now: datetime) -> None:
    """Make every record due whose company group holds a record that is due.

    The decision about a company may change those about its contacts, and the other way round.
    """
    for kind in DECIDED_TYPES:
        after_id = "0"
        while refs := _due_refs(context, kind, now, after_id):
            after_id = refs[-1].id
            _mark_group_members_due(context, refs, now)


def _due_refs(
    context: RunContext, kind: ObjectType, now: datetime, after_id: str
) -> tuple[Ref, ...]:
    with context.reading() as session:
        return due_times.due_refs(session, kind, until=now, after_id=after_id, limit=_CHUNK)


def _mark_group_members_due(context: RunContext, refs: Sequence[Ref], now: datetime) -> None:
    members = sorted(group_members(context, refs) - set(refs))
    with context.begin() as session:
        for part in chunks(members, _CHUNK):
            due_times.mark_due(session, part, at=now)


def group_members(context: RunContext, refs: Sequence[Ref]) -> set[Ref]:
    """Return all members of these records' company groups; of a large group the company only."""
    companies = companies_of(context, refs)
    with context.reading() as session:
        contacts_by_company = mirror.contacts_of_companies(session, sorted(companies))
    small_groups = [
        contacts
        for contacts in contacts_by_company.values()
        if is_small(context.policy, len(contacts))
    ]
    return companies | {contact for contacts in small_groups for contact in contacts}


def companies_of(context: RunContext, refs: Sequence[Ref]) -> set[Ref]:
    """Return the companies among these records, and the primary companies of the contacts."""
    if not refs:
        return set()  # no transaction is begun for nothing: every page of a scan asks
    with context.reading() as session:
        records = mirror.get(session, refs).values()
    company_ids = {record.properties.get(_PRIMARY_COMPANY) or "" for record in records}
    companies = {
        Ref(ObjectType.COMPANIES, company_id)
        for company_id in company_ids
        if company_id.isdecimal()
    }
    return companies | {ref for ref in refs if ref.object_type is ObjectType.COMPANIES}
