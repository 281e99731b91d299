"""Store for which contacts a task was promised, and created in HubSpot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select, update
from sqlmodel import SQLModel

from connector.core.follow_up.tasks import Task
from connector.core.model import ObjectType, Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.upsert import insert_missing, upsert

_REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisedTask:
    """A task that was sent at `at`; whether HubSpot created it is not known yet."""

    task: Task
    at: datetime


class _Row(SQLModel, table=True):
    """The last task of a contact; `task_id` is "" until HubSpot has created it."""

    __tablename__ = "tasks"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    at: int = number()
    task: str = text()
    task_id: str = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


def promise(session: Transaction, task: Task, *, at: datetime) -> None:
    """Store a task before it is sent; it replaces the contact's last task."""
    fields = {"owner": task.owner, "subject": task.subject, "body": task.body}
    row = {
        "portal_id": session.portal_key,
        "object_type": ObjectType.CONTACTS.value,
        "object_id": int(task.contact.id),
        "at": to_millis(at),
        "task": canonical_json({**fields, "due_at": to_millis(task.due_at)}),
        "task_id": "",
    }
    upsert(session, _TABLE, [row])


def mark_created(session: Transaction, contact: Ref, task_id: str) -> None:
    """Store the id of the task that HubSpot created for a contact."""
    _set_task_id(session, contact, task_id)


def mark_refused(session: Transaction, contact: Ref) -> None:
    """Store that HubSpot refused a contact's task; it is not sent again."""
    _set_task_id(session, contact, _REFUSED)


def read_promised(session: Transaction) -> tuple[PromisedTask, ...]:
    """Return the promised tasks without an answer yet, ordered by contact id."""
    conditions = (_C.portal_id == session.portal_key, _C.task_id == "")
    rows = session.execute(select(_TABLE).where(*conditions).order_by(_C.object_id))
    return tuple(map(_promised_task, rows))


def last_promised(session: Transaction, contacts: Iterable[Ref]) -> dict[Ref, datetime]:
    """Return when the last task of each contact was promised; absent where there is none."""
    times_by_contact: dict[Ref, datetime] = {}
    for chunk in chunk_refs(contacts):
        for row in session.execute(select(_TABLE).where(*chunk_conditions(session, _TABLE, chunk))):
            times_by_contact[ref_of(row.object_type, row.object_id)] = from_millis(row.at)
    return times_by_contact


def count_promised(session: Transaction, at: datetime) -> int:
    """Count the contacts for which a task was promised since then."""
    conditions = (_C.portal_id == session.portal_key, _C.at > to_millis(at))
    return session.scalar(select(func.count()).where(*conditions)) or 0


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move the tasks of merged contacts to their survivors; a survivor's own task stays."""
    for old, survivor in merged.items():
        conditions = tuple(chunk_conditions(session, _TABLE, (old.object_type, [int(old.id)])))
        rows = session.execute(select(_TABLE).where(*conditions)).all()
        insert_missing(
            session, _TABLE, [{**row._mapping, "object_id": int(survivor.id)} for row in rows]
        )
    erase(session, merged)


def erase(session: Transaction, contacts: Iterable[Ref]) -> None:
    """Delete the tasks of these contacts."""
    for chunk in chunk_refs(contacts):
        session.execute(delete(_TABLE).where(*chunk_conditions(session, _TABLE, chunk)))


def _set_task_id(session: Transaction, contact: Ref, task_id: str) -> None:
    conditions = chunk_conditions(session, _TABLE, (contact.object_type, [int(contact.id)]))
    session.execute(update(_TABLE).where(*conditions).values(task_id=task_id))


def _promised_task(row: Any) -> PromisedTask:
    fields = parse_json(row.task)
    task = Task(
        contact=ref_of(row.object_type, row.object_id),
        owner=fields["owner"],
        subject=fields["subject"],
        body=fields["body"],
        due_at=from_millis(fields["due_at"]),
    )
    return PromisedTask(task=task, at=from_millis(row.at))
