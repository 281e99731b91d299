"""Create tasks in HubSpot, and find them again by their subject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.core.follow_up.tasks import Task
from connector.hubspot.codec import tasks
from connector.hubspot.http.failures import BadAnswer, NotSent, OutcomeUnknown, Unavailable
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route, Routes

Send = Callable[[Request, Callable[[Answer], Any]], Any]


def create(send: Send, routes: Routes, task: Task) -> str:
    """Create a task and return its id; one request."""
    path, body = routes.path(Route.TASK_CREATE), tasks.create_body(task)
    try:
        return str(
            send(Request(route=Route.TASK_CREATE, path=path, body=body), tasks.parse_created_id)
        )
    except NotSent:
        raise
    except (Unavailable, BadAnswer) as error:
        raise OutcomeUnknown(
            f"HubSpot may or may not have created the task for {task.contact} ({error}): it is "
            "searched before it is sent again",
            retry_after=error.retry_after,
            correlation_id=error.correlation_id,
        ) from error


def find(send: Send, routes: Routes, subject: str) -> str | None:
    """Search the task with a subject; one request, at the pace of searches."""
    path = routes.path(Route.TASK_SEARCH)
    request = Request(route=Route.SEARCH, path=path, body=tasks.search_body(subject))
    task_id: str | None = send(request, lambda answer: tasks.parse_found_id(answer, subject))
    return task_id
