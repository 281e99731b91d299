"""Remind owners of overlooked contacts by a task in HubSpot, once for each stay in a stage."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import Final

import structlog

from connector.context import RunContext
from connector.core.follow_up.tasks import Task
from connector.core.follow_up.tasks import follow_up_tasks as due_tasks
from connector.errors import PermanentError, TemporaryError, UserError
from connector.hubspot.http.failures import OutcomeUnknown
from connector.push.disk_room import require_room
from connector.push.pause import refuse_if_paused
from connector.reports.overlooked import overlooked_contacts
from state import follow_up_tasks

LIMIT_PERIOD: Final = timedelta(days=1)
SEARCH_DELAY: Final = timedelta(hours=1)
"""How late HubSpot's search may show a new task; before, its absence proves nothing."""

_log = structlog.get_logger()


def wants_tasks(context: RunContext) -> bool:
    """Return whether the policy wants tasks for the owners of overlooked contacts."""
    return context.policy.policy.flag("follow_up.tasks")


def create_due_tasks(context: RunContext) -> int:
    """Create the tasks that are due, within the daily limit; return how many were created."""
    if not wants_tasks(context):
        return 0
    return _finish_open_tasks(context) + sum(
        _create_task(context, task) for task in upcoming_tasks(context)
    )


def upcoming_tasks(context: RunContext) -> tuple[Task, ...]:
    """Return the tasks that would be created now, within the daily limit."""
    if not wants_tasks(context):
        return ()
    now = context.api.now()
    with context.reading() as session:
        created_count = follow_up_tasks.count_promised(session, now - LIMIT_PERIOD)
    remaining = int(context.policy.policy.number("follow_up.limit")) - created_count
    if remaining <= 0:
        return ()
    contacts = list(overlooked_contacts(context))
    with context.reading() as session:
        existing_tasks = follow_up_tasks.last_promised(
            session, [contact.record for contact in contacts]
        )
    return tuple(islice(due_tasks(contacts, existing_tasks, now), remaining))


def _finish_open_tasks(context: RunContext) -> int:
    """Look for tasks whose creation was interrupted; create those that HubSpot does not have."""
    with context.reading() as session:
        open_tasks = follow_up_tasks.read_promised(session)
    oldest = context.api.now() - SEARCH_DELAY
    return sum(
        _create_task(context, open_task.task) for open_task in open_tasks if open_task.at <= oldest
    )


def _create_task(context: RunContext, task: Task) -> bool:
    """Create a task unless HubSpot has it already; return whether it was created."""
    refuse_if_paused(context.store, context.portal_id)
    require_room(context)
    task_id = context.api.find_task(task.subject)
    with context.begin() as session:
        follow_up_tasks.promise(session, task, at=context.api.now())
        if task_id:
            follow_up_tasks.mark_created(session, task.contact, task_id)
    return False if task_id else _send_task(context, task)


def _send_task(context: RunContext, task: Task) -> bool:
    try:
        task_id = context.api.create_task(task)
    except PermanentError as error:
        _log.warning("task.refused", record=str(task.contact), message=str(error))
        with context.begin() as session:
            follow_up_tasks.mark_refused(session, task.contact)
        return False
    except OutcomeUnknown:
        raise
    except (UserError, TemporaryError):
        with context.begin() as session:
            follow_up_tasks.erase(session, [task.contact])
        raise
    with context.begin() as session:
        follow_up_tasks.mark_created(session, task.contact, task_id)
    _log.info("task.created", record=str(task.contact), task=task_id, owner=task.owner)
    return True
