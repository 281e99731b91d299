"""Read the active workflows of a portal, as few requests as the API allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.core.model import Workflow
from connector.hubspot.answer import Answer
from connector.hubspot.codec import flows
from connector.hubspot.routes import Request, Route, Routes

Ask = Callable[[Request, Callable[[Answer], Any]], Any]
_PAGE = 100


def read_all(ask: Ask, routes: Routes) -> tuple[Workflow, ...]:
    """Return the active workflows of contacts and companies; two requests for each hundred."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"limit": str(_PAGE), **({"after": after} if after else {})}
        request = Request(route=Route.FLOWS, path=routes.path(Route.FLOWS), query=query)
        some, after = ask(request, flows.active)
        ids += some
    found: tuple[Workflow, ...] = ()
    path = routes.path(Route.FLOWS_READ)
    for start in range(0, len(ids), _PAGE):
        body = flows.asking(ids[start : start + _PAGE])
        found += ask(Request(route=Route.FLOWS_READ, path=path, body=body), flows.whole)
    return found
