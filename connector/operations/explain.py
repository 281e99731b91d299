"""Explain one record: its stage, the stage it should have, the rule and the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.context import RunContext
from connector.core.corrections.holds import HeldBack
from connector.core.explain.explanation import Explanation, explain
from connector.core.explain.what_would_change import what_would_change
from connector.core.lint.cases import read_facts_file
from connector.core.model import (
    STAGE,
    STATUS,
    Correction,
    ObjectType,
    Portal,
    Record,
    Ref,
    Version,
)
from connector.core.policy.load import Policy
from connector.errors import UserError
from connector.plan.decide_and_hold import decide_and_hold
from connector.plan.native_company_sync import contacts_synced_natively, native_sync_message
from connector.pull.poll import require_mirror
from state import mirror

_MAX_CHANGES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExplanation:
    """The explanation of one record: decision, what would change it, its latest changes.

    `changes` are the latest versions of its stage and lead status, newest first, by property.
    """

    record: Record
    explanation: Explanation
    possible_changes: tuple[str, ...]
    latest_changes: tuple[tuple[str, Version], ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    wait_message: str = ""


def explain_facts(path: Path, policy: Policy) -> tuple[Portal, RecordExplanation]:
    """Explain the facts of a file, and return the portal that it describes; no portal is asked."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The facts file {path} cannot be read: {error}.") from error
    bound, portal, facts = read_facts_file(text, source=str(path), policy=policy)
    record = Record(
        ref=facts.record,
        properties={STAGE: facts.stage, STATUS: facts.status},
        modified_at=facts.now,
        created_at=facts.now,
    )
    possible_changes = tuple(what_would_change(bound, portal, facts))
    return portal, RecordExplanation(
        record=record, explanation=explain(bound, facts), possible_changes=possible_changes
    )


def _latest_changes(context: RunContext, ref: Ref) -> tuple[tuple[str, Version], ...]:
    """Read the last changes of stage and lead status, with who made them."""
    names = (STAGE, STATUS) if ref.object_type is ObjectType.CONTACTS else (STAGE,)
    record = context.api.read_available([ref], names, history=names).records.get(ref)
    versions = [
        (name, version)
        for name in names
        for version in (record.history.get(name, ()) if record else ())
    ]
    return tuple(sorted(versions, key=lambda change: change[1].at, reverse=True)[:_MAX_CHANGES])


def explain_record(context: RunContext, ref: Ref) -> RecordExplanation:
    """Explain a mirrored record; UserError where the mirror has no such live record."""
    if ref.object_type is ObjectType.DEALS:
        raise UserError("A deal has no lifecycle stage: explain one of its contacts or companies.")
    if ref.object_type is ObjectType.LEADS:
        raise UserError("A lead has no lifecycle stage: explain its contact.")
    require_mirror(context)
    with context.reading() as session:
        record = mirror.get(session, [ref]).get(ref)
    if record is None:
        raise UserError(
            f"{ref} is not in the mirror: run `connector pull` first, and check the id."
        )
    if record.archived:
        raise UserError(f"{ref} is archived in HubSpot: archived records are left alone.")
    decisions = decide_and_hold(context, [ref])
    if not decisions:
        raise UserError(
            f"{ref} is not decided, because it, or a deal of it, cannot be read or is not there "
            "any more: look at `connector quarantine list`, or run `connector pull`."
        )
    decided = decisions[0]
    return RecordExplanation(
        record=record,
        explanation=explain(context.policy, decided.facts, pinned=decided.pinned),
        possible_changes=tuple(what_would_change(context.policy, context.portal, decided.facts)),
        latest_changes=_latest_changes(context, ref),
        held_back=decided.held_back,
        wait_message=_wait_message(context, ref, decided.decision.corrections),
    )


def _wait_message(context: RunContext, ref: Ref, corrections: Sequence[Correction]) -> str:
    """Return why a company's correction waits, "" where it does not."""
    contacts_behind = contacts_synced_natively(context, corrections)
    return (
        native_sync_message(context, ref, len(contacts_behind[ref]))
        if ref in contacts_behind
        else ""
    )
