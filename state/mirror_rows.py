"""Say how a mirrored record looks as a row, and when a row is news."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Index, and_, or_, text
from sqlmodel import SQLModel

from connector.core.model import Record
from state.db.columns import number, number_key, table_of, text_key
from state.db.columns import text as text_column
from state.db.encoding import canonical_json, parse_json
from state.db.keys import ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.upsert import Columns

_COMPANY: Final = "associatedcompanyid"


class _Row(SQLModel, table=True):
    """An archived record is never due, so the index of due ones need not hold the archive."""

    __tablename__ = "mirror"
    __table_args__ = (
        Index(
            "mirror_due",
            "portal_id",
            "object_type",
            "object_id",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "mirror_company",
            "portal_id",
            "company_id",
            sqlite_where=text("company_id IS NOT NULL"),
            postgresql_where=text("company_id IS NOT NULL"),
        ),
        Index(
            "mirror_archived",
            "portal_id",
            "object_type",
            sqlite_where=text("archived_at IS NOT NULL"),
            postgresql_where=text("archived_at IS NOT NULL"),
        ),
    )

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    properties: str = text_column()
    modified_at: int = number()
    created_at: int = number()
    archived_at: int | None = number()
    company_id: int | None = number()
    due_at: int | None = number()


TABLE: Final = table_of(_Row)


def row_of(portal: int, record: Record, due_at: int) -> dict[str, Any]:
    """Return the row of a record; an archived one is never due."""
    ref, modified = record.ref, to_millis(record.modified_at)
    return {
        "portal_id": portal,
        "object_type": ref.object_type.value,
        "object_id": int(ref.id),
        "properties": canonical_json(record.properties),
        "modified_at": modified,
        "created_at": to_millis(record.created_at),
        "archived_at": modified if record.archived else None,
        "company_id": _company_id(record),
        "due_at": None if record.archived else due_at,
    }


def record_of(row: Any) -> Record:
    """Return the record of a row."""
    _, object_type, object_id, properties, modified_at, created_at, archived_at, *_ = row
    return Record(
        ref=ref_of(object_type, object_id),
        properties=parse_json(properties),
        modified_at=from_millis(modified_at),
        created_at=from_millis(created_at),
        archived=archived_at is not None,
    )


def is_newer(old: Columns, new: Columns) -> ColumnElement[bool]:
    """Say of two versions of a row whether the new one is newer, and different."""
    is_different = or_(
        new.modified_at > old.modified_at,
        new.properties != old.properties,
        new.archived_at.is_(None) != old.archived_at.is_(None),
    )
    return and_(new.modified_at >= old.modified_at, is_different)


def differs(record: Record, stored: Any) -> bool:
    """Say whether a record is newer than the mirrored one, or as old and tells something else.

    What is newer and looks the same may have other associations.
    """
    if stored is None:
        return True
    modified = to_millis(record.modified_at)
    if modified != stored.modified_at:
        return bool(modified > stored.modified_at)
    archived = stored.archived_at is not None
    return record.archived != archived or canonical_json(record.properties) != stored.properties


def _company_id(record: Record) -> int | None:
    text_id = record.properties.get(_COMPANY)
    return int(text_id) if text_id and text_id.isascii() and text_id.isdigit() else None
