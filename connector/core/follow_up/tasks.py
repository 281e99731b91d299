"""Make the tasks that remind the owners of overlooked contacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.core.follow_up.overlooked import MissingFollowUp, OverlookedContact
from connector.core.model import Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task in HubSpot, for the owner of a contact; its subject marks it as the only one."""

    contact: Ref
    owner: str
    subject: str
    body: str
    due_at: datetime


def follow_up_tasks(
    contacts: Iterable[OverlookedContact], last_task_times: Mapping[Ref, datetime], now: datetime
) -> Iterator[Task]:
    """Yield a task for each overlooked contact that has an owner and no task of this stay.

    The contact that waits longest comes first.
    """
    for contact in sorted(contacts, key=lambda contact: (contact.since, contact.record)):
        if contact.owner and not _has_task(contact, last_task_times.get(contact.record)):
            yield _task(contact, now)


def _has_task(contact: OverlookedContact, last_task_at: datetime | None) -> bool:
    """Return whether its last task is of this stay; where its begin is unknown, any task is."""
    return last_task_at is not None and not (
        contact.since_is_exact and last_task_at < contact.since
    )


def _task(contact: OverlookedContact, now: datetime) -> Task:
    day = contact.since.date().isoformat()
    is_early = MissingFollowUp.HANDOVER in contact.missing_follow_up
    state = "fits and waits" if is_early else "is ready for sales"
    return Task(
        contact=contact.record,
        owner=contact.owner,
        subject=f"Follow up: {contact.record} {state} since {day}",
        body=f"{'; '.join(contact.missing_follow_up).capitalize()}.",
        due_at=now,
    )
