"""Read the active workflows of a portal, as few requests as the API allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.core.model import Workflow
from connector.hubspot.api import WorkflowsResult
from connector.hubspot.codec import workflows
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route, Routes

Send = Callable[[Request, Callable[[Answer], Any]], Any]
_PAGE = 100


def read_all(send: Send, routes: Routes, *, pages: int | None = None) -> WorkflowsResult:
    """Return the active workflows of contacts and companies; two requests for each hundred.

    With `pages`, at most so many hundreds of the list are read, and the result says whether it
    goes on. Raise BadAnswer where HubSpot's pages do not advance.
    """
    ids: list[str] = []
    after: str | None = ""
    page_count = 0
    while after is not None and page_count != pages:
        page_count += 1
        query = {"limit": str(_PAGE), **({"after": after} if after else {})}
        request = Request(route=Route.WORKFLOWS, path=routes.path(Route.WORKFLOWS), query=query)
        page_ids, next_after = send(request, workflows.parse_active_ids)
        if next_after == after:
            raise BadAnswer("HubSpot's pages of workflows do not advance: try later")
        ids += page_ids
        after = next_after
    active_workflows: tuple[Workflow, ...] = ()
    path = routes.path(Route.WORKFLOWS_READ)
    for start in range(0, len(ids), _PAGE):
        body = workflows.batch_read_body(ids[start : start + _PAGE])
        active_workflows += send(
            Request(route=Route.WORKFLOWS_READ, path=path, body=body), workflows.parse_workflows
        )
    return WorkflowsResult(workflows=active_workflows, is_complete=after is None)
