"""Explain one record: what it is, what it should be, by which rule, on what evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connector.carrying import carried, told
from connector.core.cases import given_facts
from connector.core.explanation import Explanation, explain
from connector.core.holds import Aside
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
from connector.core.outlook import outlook
from connector.core.policy import Policy
from connector.desk import Desk
from connector.errors import UserError
from connector.pull import require_mirror
from connector.settling import settle
from state import mirror

_LATEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything that explains one record: now, why, what would change it, what changed it last.

    `changes` are the latest versions of its stage and lead status, newest first, by property.
    """

    record: Record
    explanation: Explanation
    outlook: tuple[str, ...]
    changes: tuple[tuple[str, Version], ...] = ()
    aside: tuple[Aside, ...] = ()
    waits: str = ""


def explain_facts(path: Path, policy: Policy) -> tuple[Portal, Told]:
    """Explain the facts of a file, and return the portal that it describes; no portal is asked."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The facts file {path} cannot be read: {error}.") from error
    bound, portal, facts = given_facts(text, source=str(path), policy=policy)
    record = Record(
        ref=facts.record,
        properties={STAGE: facts.stage, STATUS: facts.status},
        modified_at=facts.now,
        created_at=facts.now,
    )
    seen = tuple(outlook(bound, portal, facts))
    return portal, Told(record=record, explanation=explain(bound, facts), outlook=seen)


def _changes(desk: Desk, ref: Ref) -> tuple[tuple[str, Version], ...]:
    """Read the last changes of stage and lead status, with who made them."""
    names = (STAGE, STATUS) if ref.object_type is ObjectType.CONTACTS else (STAGE,)
    found = desk.door.read([ref], names, history=names).get(ref)
    every = [
        (name, one) for name in names for one in (found.history.get(name, ()) if found else ())
    ]
    return tuple(sorted(every, key=lambda each: each[1].at, reverse=True)[:_LATEST])


def explain_record(desk: Desk, ref: Ref) -> Told:
    """Return why a mirrored record is what it is; raise UserError where there is none."""
    if ref.object_type is ObjectType.DEALS:
        raise UserError("A deal has no lifecycle stage: explain one of its contacts or companies.")
    require_mirror(desk)
    with desk.store.reading() as session:
        record = mirror.get(session, desk.portal_id, [ref]).get(ref)
    if record is None:
        raise UserError(
            f"{ref} is not in the mirror: run `connector pull` first, and check the id."
        )
    if record.archived:
        raise UserError(f"{ref} is archived in HubSpot: archived records are left alone.")
    (settled,) = settle(desk, [ref])
    return Told(
        record=record,
        explanation=explain(desk.policy, settled.facts, pinned=settled.pinned),
        outlook=tuple(outlook(desk.policy, desk.portal, settled.facts)),
        changes=_changes(desk, ref),
        aside=settled.aside,
        waits=_waits(desk, ref, settled.decision.corrections),
    )


def _waits(desk: Desk, ref: Ref, corrections: Sequence[Correction]) -> str:
    """Return what a company's move waits for, "" where for nothing."""
    behind = carried(desk, corrections)
    return told(desk, ref, len(behind[ref])) if ref in behind else ""
