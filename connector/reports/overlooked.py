"""Find and report the contacts that are ready for sales and that nobody follows up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from connector.context import DecisionContext
from connector.core.conditions.operands import option_value, unknown_option_message
from connector.core.decide.decision import find_exemption
from connector.core.follow_up.overlooked import (
    FollowUpTerms,
    OverlookedContact,
    entered_stage_at,
    follow_up_terms,
    overlooked_contact,
)
from connector.core.model import STAGE, ObjectType, Ref
from connector.errors import UserError
from connector.plan.gather import gather
from connector.reports.offline import refs_in_stages
from connector.reports.table import Cell, Report
from state import ledger, mirror

_NO_OWNER: Final = "none"
COLUMNS: Final = (
    "record",
    "stage",
    "since",
    "since_known",
    "lead_status",
    "owner_id",
    "why",
    "term_days",
)


def overlooked_report(
    context: DecisionContext, *, owner: str | None = None, stage: str | None = None
) -> Report:
    """Return the overlooked contacts, the one that has waited longest first.

    `owner` leaves only those of an owner's id (`none`: without one), `stage` only those of a
    stage, by value or label; UserError where the portal has no such stage.
    """
    wanted_stage = _stage_value(context, stage) if stage else ""
    wanted_owner = "" if owner == _NO_OWNER else owner
    contacts = sorted(
        (
            contact
            for contact in overlooked_contacts(context)
            if wanted_stage in {"", contact.stage} and wanted_owner in {None, contact.owner}
        ),
        key=lambda contact: (contact.since, contact.record),
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


def _stage_value(context: DecisionContext, word: str) -> str:
    """Return the internal value of a stage that is named by value or label."""
    stages = context.portal.stages(ObjectType.CONTACTS)
    value = option_value(word, stages)
    if value is None:
        raise UserError(f"--stage: {unknown_option_message(word, stages)}")
    return value


def _row(contact: OverlookedContact) -> tuple[Cell, ...]:
    return (
        str(contact.record),
        contact.stage,
        contact.since.date().isoformat(),
        contact.since_is_exact,
        contact.status or None,
        contact.owner or None,
        "; ".join(contact.missing_follow_up),
        round(contact.term.total_seconds() / 86_400, 2),
    )


def overlooked_contacts(context: DecisionContext) -> Iterator[OverlookedContact]:
    """Yield the overlooked contacts in the order of their ids; none outside of the scope."""
    terms = follow_up_terms(context.policy, context.portal)
    examined = 0
    for refs in refs_in_stages(context, ObjectType.CONTACTS, terms.wait_times):
        examined += len(refs)
        context.progress("look for overlooked contacts", examined, None)
        contacts = _overlooked_in(context, terms, refs)
        left_out = _left_out(context, terms, contacts)
        yield from (contact for contact in contacts if contact.record not in left_out)


def _overlooked_in(
    context: DecisionContext, terms: FollowUpTerms, refs: Sequence[Ref]
) -> list[OverlookedContact]:
    now = context.api.now()
    with context.reading() as session:
        records = mirror.get(session, refs)
        candidates = [
            record for record in records.values() if record.value(STAGE) in terms.wait_times
        ]
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


def _left_out(
    context: DecisionContext, terms: FollowUpTerms, contacts: Sequence[OverlookedContact]
) -> frozenset[Ref]:
    """Return the contacts outside of the policy's scope, and early ones that do not fit."""
    object_policy = context.policy.object_policies[ObjectType.CONTACTS]
    fit = object_policy.follow_up_fit
    early = {contact.record for contact in contacts if contact.stage not in terms.sales_stages}
    # Neither a scope nor a condition of fit: no facts need to be gathered.
    if not contacts or (object_policy.scope is None and not (fit and early)):
        return frozenset()
    return frozenset(
        facts.record
        for facts in gather(context, [contact.record for contact in contacts])
        if find_exemption(object_policy, facts)
        or (fit and facts.record in early and not fit.holds(facts.values))
    )
