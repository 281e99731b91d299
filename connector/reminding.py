"""Remind owners of overlooked contacts by a task in HubSpot, once for each stay in a stage."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

import structlog

from connector.core.tasks import Task
from connector.core.tasks import tasks as due_tasks
from connector.desk import Desk
from connector.errors import PermanentError, TemporaryError, UserError
from connector.hubspot.faults import OutcomeUnknown
from connector.overlooking import all_overlooked
from connector.pausing import refuse_if_paused
from state import tasks

WINDOW: Final = timedelta(days=1)
LATE: Final = timedelta(hours=1)
"""So late HubSpot's search may show a task; before, nobody knows that there is none."""

_log = structlog.get_logger()


def wants_tasks(desk: Desk) -> bool:
    """Whether the policy wants tasks for the owners of overlooked contacts."""
    return desk.policy.policy.flag("follow_up.tasks")


def remind(desk: Desk) -> int:
    """Create the tasks that are due, within the limit of a day; return how many were."""
    if not wants_tasks(desk):
        return 0
    return _finish_open(desk) + sum(_create(desk, one) for one in upcoming(desk))


def upcoming(desk: Desk) -> tuple[Task, ...]:
    """Return the tasks that would be created now; none where the policy wants none."""
    if not wants_tasks(desk):
        return ()
    now = desk.door.now()
    with desk.store.reading() as session:
        spent = tasks.count_since(session, desk.portal_id, now - WINDOW)
    left = int(desk.policy.policy.number("follow_up.limit")) - spent
    if left <= 0:
        return ()
    found = list(all_overlooked(desk))
    with desk.store.reading() as session:
        made = tasks.made(session, desk.portal_id, [one.record for one in found])
    return tuple(islice(due_tasks(found, made, now), left))


def _finish_open(desk: Desk) -> int:
    """Find out what became of tasks whose creation was cut short; send anew what is not there."""
    with desk.store.reading() as session:
        waiting = tasks.open_ones(session, desk.portal_id)
    oldest = desk.door.now() - LATE
    return sum(_create(desk, one.task) for one in waiting if one.at <= oldest)


def _create(desk: Desk, task: Task) -> bool:
    """Create a task unless HubSpot has it already; return whether it was created."""
    refuse_if_paused(desk.store, desk.portal_id)
    known = desk.door.find_task(task.subject)
    with desk.store.begin() as session:
        tasks.promise(session, desk.portal_id, task, at=desk.door.now())
        if known:
            tasks.created(session, desk.portal_id, task.contact, known)
    return False if known else _send(desk, task)


def _send(desk: Desk, task: Task) -> bool:
    try:
        made = desk.door.create_task(task)
    except PermanentError as error:
        _log.warning("task.refused", record=str(task.contact), message=str(error))
        with desk.store.begin() as session:
            tasks.refused(session, desk.portal_id, task.contact)
        return False
    except OutcomeUnknown:
        raise
    except (UserError, TemporaryError):
        with desk.store.begin() as session:
            tasks.erase(session, desk.portal_id, [task.contact])
        raise
    with desk.store.begin() as session:
        tasks.created(session, desk.portal_id, task.contact, made)
    _log.info("task.created", record=str(task.contact), task=made, owner=task.owner)
    return True
