"""Find and report the contacts that are ready for sales and that nobody follows up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from connector.context import DecisionContext
from connector.core.decide.decision import find_exemption
from connector.core.follow_up.overlooked import (
    FollowUpTerms,
    OverlookedContact,
    entered_stage_at,
    follow_up_terms,
    overlooked_contact,
)
from connector.core.model import STAGE, ObjectType, Ref
from connector.plan.gather import gather
from connector.reports.offline import all_refs
from connector.reports.table import Cell, Report
from state import ledger, mirror

COLUMNS: Final = ("record", "stage", "since", "since_known", "lead_status", "owner_id", "why")


def overlooked_report(context: DecisionContext) -> Report:
    """Return the overlooked contacts, the one that has waited longest first."""
    contacts = sorted(
        overlooked_contacts(context), key=lambda contact: (contact.since, contact.record)
    )
    inexact_count = sum(not contact.since_is_exact for contact in contacts)
    note = (
        f"When {inexact_count:,} of them entered their stage is not known: `since` is their last "
        "change, so they have waited at least that long."
    )
    return Report(
        name="overlooked",
        title="Overlooked contacts",
        columns=COLUMNS,
        rows=[_row(contact) for contact in contacts],
        notes=(note,) if inexact_count else (),
    )


def _row(contact: OverlookedContact) -> tuple[Cell, ...]:
    return (
        str(contact.record),
        contact.stage,
        contact.since.date().isoformat(),
        contact.since_is_exact,
        contact.status or None,
        contact.owner or None,
        "; ".join(contact.missing_follow_up),
    )


def overlooked_contacts(context: DecisionContext) -> Iterator[OverlookedContact]:
    """Yield the overlooked contacts in the order of their ids; none outside of the scope."""
    terms = follow_up_terms(context.policy, context.portal)
    examined = 0
    for refs in all_refs(context, (ObjectType.CONTACTS,)):
        examined += len(refs)
        context.progress("look for overlooked contacts", examined, None)
        contacts = _overlooked_in(context, terms, refs)
        out_of_scope = _out_of_scope(context, [contact.record for contact in contacts])
        yield from (contact for contact in contacts if contact.record not in out_of_scope)


def _overlooked_in(
    context: DecisionContext, terms: FollowUpTerms, refs: Sequence[Ref]
) -> list[OverlookedContact]:
    now = context.api.now()
    with context.reading() as session:
        records = mirror.get(session, refs)
        candidates = [record for record in records.values() if record.value(STAGE) in terms.stages]
        candidate_refs = [record.ref for record in candidates]
        versions = ledger.read_versions(session, candidate_refs, STAGE)
    findings = (
        overlooked_contact(
            terms,
            record,
            entered_stage_at(record, versions[record.ref], mirror_source=ledger.MIRROR),
            now,
        )
        for record in candidates
    )
    return [finding for finding in findings if finding is not None]


def _out_of_scope(context: DecisionContext, refs: Sequence[Ref]) -> frozenset[Ref]:
    """Return the records outside the policy's scope."""
    object_policy = context.policy.object_policies[ObjectType.CONTACTS]
    if object_policy.scope is None or not refs:
        return frozenset()
    return frozenset(
        facts.record for facts in gather(context, refs) if find_exemption(object_policy, facts)
    )
