"""Turns overlooked contacts into the tasks that remind their owners."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Ref
from connector.core.overlooked import Overlooked


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task in HubSpot, for the owner of a contact; its subject marks it as the only one."""

    contact: Ref
    owner: str
    subject: str
    body: str
    due_at: datetime


def tasks(
    found: Iterable[Overlooked], made: Mapping[Ref, datetime], now: datetime
) -> Iterator[Task]:
    """Yield a task for each overlooked contact that has an owner and no task of this stay.

    `made` holds when each contact's last task was promised; whoever waits longest comes first.
    """
    for one in sorted(found, key=lambda each: (each.since, each.record)):
        if one.owner and not _has_one(one, made.get(one.record)):
            yield _task(one, now)


def _has_one(one: Overlooked, made_at: datetime | None) -> bool:
    """Whether its last task is of this stay; where nobody knows when it began, any one is."""
    return made_at is not None and not (one.exact and made_at < one.since)


def _task(one: Overlooked, now: datetime) -> Task:
    day = one.since.date().isoformat()
    return Task(
        contact=one.record,
        owner=one.owner,
        subject=f"Follow up: {one.record} is ready for sales since {day}",
        body=f"{'; '.join(one.lacks).capitalize()}.",
        due_at=now,
    )
