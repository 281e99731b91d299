"""Keep a person's session in a cookie, and read from a request who calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fastapi import Request, Response

from connector.web.dashboard.access import SESSION_SECONDS, Caller

_TLS_COOKIE: Final = "__Host-connector"
_PLAIN_COOKIE: Final = "connector"
"""The session's cookie on this machine, where pages are opened without TLS."""


def caller_of(request: Request) -> Caller:
    """Return who calls: address, headers, and the session of the cookie, "" for none."""
    address = request.client.host if request.client else ""
    caller = Caller(address=address, headers=request.headers)
    # Browsers keep a name with the prefix for TLS and for its own host; behind a proxy that calls
    # us by this machine's name the page's name is not known here.
    names = (_TLS_COOKIE, _PLAIN_COOKIE) if caller.is_by_loopback_name else (_TLS_COOKIE,)
    sessions = (request.cookies.get(name, "") for name in names)
    return replace(caller, session=next(filter(None, sessions), ""))


def put_session(response: Response, session: str, caller: Caller) -> None:
    """Give the browser its session: through TLS alone, except on this machine's own pages."""
    response.set_cookie(
        _PLAIN_COOKIE if caller.is_from_loopback_page else _TLS_COOKIE,
        session,
        max_age=round(SESSION_SECONDS),
        secure=not caller.is_from_loopback_page,
        httponly=True,
        samesite="strict",
    )


def delete_session(response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(_PLAIN_COOKIE)
    response.delete_cookie(_TLS_COOKIE, secure=True, httponly=True, samesite="strict")
