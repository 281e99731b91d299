"""Make the values that the tests store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import (
    Association,
    Correction,
    ObjectType,
    Record,
    Ref,
    Version,
)
from state.db.transaction import Transaction
from tests.fakes.moves import backward_correction

PORTAL = "4711"
OTHER_PORTAL = "4712"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    """Return the moment so many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def contact(number: int | str) -> Ref:
    return Ref(ObjectType.CONTACTS, str(number))


def company(number: int | str) -> Ref:
    return Ref(ObjectType.COMPANIES, str(number))


def deal(number: int | str) -> Ref:
    return Ref(ObjectType.DEALS, str(number))


def record(ref: Ref, *, modified: int = 0, archived: bool = False, **properties: Any) -> Record:
    """Return a record; `modified` is in minutes after noon."""
    return Record(
        ref=ref,
        properties=properties,
        modified_at=at(modified),
        created_at=at(-1000),
        archived=archived,
    )


def link(source: Ref, target: Ref, *labels: str, is_primary: bool = False) -> Association:
    return Association(
        source=source, target=target, is_primary=is_primary, labels=frozenset(labels)
    )


def version(value: str, minutes: int, source_type: str = "CRM_UI") -> Version:
    return Version(
        value=value, at=at(minutes), source_type=source_type, source_id="s1", user_id="u1"
    )


def correction(ref: Ref, **changes: Any) -> Correction:
    """Return a backward correction of the stage, with evidence."""
    fields: Mapping[str, Any] = {
        "reason": "deal 9 is open again — gjenåpnet",
        "evidence": ("deals/9 was won 2026-03-01, open since 2026-04-02",),
    }
    return backward_correction(ref, **{**fields, **changes})


def in_portal(session: Transaction, portal_id: str) -> Transaction:
    """Return a transaction of another portal on the same connection."""
    return Transaction(session.connection(), portal_id)
