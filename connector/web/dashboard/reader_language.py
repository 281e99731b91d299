"""Keep the language that a reader chose in a cookie, which says nothing else."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response

from connector.web.dashboard.translations import LANGUAGES, choose_language

_COOKIE: Final = "connector_language"
_YEAR: Final = 365 * 86_400


def language_of(request: Request) -> str:
    """Return the language for a request: the chosen one, else one that the browser asks for."""
    accepted = request.headers.get("accept-language", "")
    return choose_language(request.cookies.get(_COOKIE, ""), accepted)


def put_language(response: Response, code: str) -> None:
    """Let the browser keep a language that is known; another one changes nothing."""
    if code in LANGUAGES:
        response.set_cookie(_COOKIE, code, max_age=_YEAR, httponly=True, samesite="strict")


def own_path(path: str) -> str:
    """Return a path of this dashboard; the first page for an address that leads elsewhere."""
    is_own = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_own and path.isprintable() else "/"
