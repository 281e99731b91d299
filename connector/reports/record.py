"""Read all that mirror, ledger and audit hold about one record, and what the policy says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from connector.context import DecisionContext
from connector.core.corrections.audit import AuditLine
from connector.core.deals import Deal
from connector.core.decide.facts import Facts
from connector.core.explain.explanation import Explanation, explain
from connector.core.explain.what_would_change import what_would_change
from connector.core.history.writers import writer_text
from connector.core.model import STAGE, STATUS, ObjectType, Record, Ref, Version
from connector.errors import UserError
from connector.plan.gather import gather
from state import audit, ledger, mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEvent:
    """Something that happened to a record: a new value with who set it, or our correction."""

    at: datetime
    property_name: str
    value: str
    writer: str
    outcome: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordView:
    """One record: its decision with the reasons, its deals, and its events, newest first."""

    record: Record
    facts: Facts
    explanation: Explanation
    possible_changes: tuple[str, ...]
    events: tuple[RecordEvent, ...]

    @property
    def deals(self) -> tuple[Deal, ...]:
        """Return the deals that count for the record."""
        return self.facts.deals


def record_view(context: DecisionContext, ref: Ref) -> RecordView:
    """Return a mirrored contact or company; UserError where there is no live one of that id."""
    if ref.object_type is ObjectType.DEALS:
        raise UserError("A deal has no lifecycle stage: look at one of its contacts or companies.")
    if ref.object_type is ObjectType.LEADS:
        raise UserError("A lead has no lifecycle stage: look at its contact.")
    with context.reading() as session:
        record = mirror.get(session, [ref]).get(ref)
        versions = {
            name: ledger.read_versions(session, [ref], name)[ref] for name in (STAGE, STATUS)
        }
        lines = list(audit.read(session, record=ref))
    if record is None or record.archived:
        raise UserError(
            f"The mirror holds no live record {ref}: check the id, or wait for the next poll."
        )
    (facts,) = gather(context, [ref])
    events = [
        *(event for name, history in versions.items() for event in _value_events(name, history)),
        *map(_correction_event, lines),
    ]
    return RecordView(
        record=record,
        facts=facts,
        explanation=explain(context.policy, facts),
        possible_changes=tuple(what_would_change(context.policy, context.portal, facts)),
        events=tuple(sorted(events, key=lambda event: event.at, reverse=True)),
    )


def _value_events(name: str, history: tuple[Version, ...]) -> Iterator[RecordEvent]:
    for version in history:
        # What the mirror saw has no author, and what we wrote is in the audit.
        if version.source_type == ledger.CONNECTOR:
            continue
        writer = "" if version.source_type == ledger.MIRROR else writer_text(version)
        yield RecordEvent(at=version.at, property_name=name, value=version.value, writer=writer)


def _correction_event(line: AuditLine) -> RecordEvent:
    return RecordEvent(
        at=line.at,
        property_name=line.property_name,
        value=line.after,
        writer="the connector",
        outcome=str(line.outcome),
        rule=line.rule,
    )
