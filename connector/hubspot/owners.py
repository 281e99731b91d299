"""Read the e-mail addresses of a portal's owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.hubspot.codec import portal
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route, Routes

Send = Callable[[Request, Callable[[Answer], Any]], Any]
_PAGE = 500


def read_emails(send: Send, routes: Routes) -> tuple[str, ...]:
    """Return the addresses of the owners that are not archived; one request for each 500.

    Raise ScopeMissing without the scope `crm.objects.owners.read`, BadAnswer where HubSpot's
    pages do not advance.
    """
    emails: list[str] = []
    after: str | None = ""
    while after is not None:
        query = {"limit": str(_PAGE), **({"after": after} if after else {})}
        request = Request(route=Route.OWNERS, path=routes.path(Route.OWNERS), query=query)
        page_emails, next_after = send(request, portal.parse_owner_emails)
        if next_after == after:
            raise BadAnswer("HubSpot's pages of owners do not advance: try later")
        emails += page_emails
        after = next_after
    return tuple(emails)
