"""Serve the dashboard's pages, each behind the access check and with strict headers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import RedirectResponse

from connector.core.model import ObjectType, Ref
from connector.errors import TemporaryError, UserError
from connector.web.dashboard import pages
from connector.web.dashboard.access import DashboardAccess
from connector.web.dashboard.source import DashboardSource

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_READING: Final = ["GET", "HEAD"]
_MAX_WAITING: Final = 16
"""Pages that are made or wait at once; further ones are refused, so that probes stay free."""
_THREADS: Final = 2
_BAR_WIDTH: Final = 160
ReadSource = Callable[[], DashboardSource | None]
MakePage = Callable[[DashboardSource], pages.Page]


class Dashboard:
    """The pages; it holds the templates, and how many pages are being made."""

    def __init__(self, read_source: ReadSource, access: DashboardAccess) -> None:
        self._read_source = read_source
        self._access = access
        self._waiting = 0
        self._page_limiter = CapacityLimiter(_THREADS)
        self._access_limiter = CapacityLimiter(1)
        self._templates = Environment(
            loader=PackageLoader("connector.web.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        package = files("connector.web.dashboard")
        self._style = package.joinpath("templates/style.css").read_text(encoding="utf-8")

    def add_to(self, app: FastAPI) -> None:
        """Add the pages' routes to the application."""
        app.add_api_route("/", self.today, methods=_READING)
        app.add_api_route("/style.css", self.style, methods=_READING)
        app.add_api_route("/favicon.ico", _no_icon, methods=_READING)
        app.add_api_route("/corrections", self.corrections, methods=_READING)
        app.add_api_route("/audit", self.audit, methods=_READING)
        app.add_api_route("/record", self.find_record, methods=_READING)
        app.add_api_route("/records/{kind}/{number}", self.record, methods=_READING)
        app.add_api_route("/reports/{name}", self.report, methods=_READING)

    async def style(self, request: Request) -> Response:
        """Answer the style sheet."""
        refusal = await self._refusal(request)
        return refusal or Response(self._style, media_type="text/css", headers=_HEADERS)

    async def today(self, request: Request) -> Response:
        """Answer the page Today."""
        return await self._page(request, "today.html", pages.today_page)

    async def corrections(self, request: Request, rule: str = "") -> Response:
        """Answer the corrections of the newest plan."""
        make = partial(pages.corrections_page, rule=rule)
        return await self._page(request, "corrections.html", make)

    async def audit(self, request: Request, record: str = "") -> Response:
        """Answer the newest lines of the audit."""
        return await self._page(request, "audit.html", partial(pages.audit_page, record=record))

    async def find_record(self, request: Request, id: str = "") -> Response:  # noqa: A002 - the form's field
        """Lead to the record that was typed."""
        refusal = await self._refusal(request)
        if refusal:
            return refusal
        try:
            ref = pages.parse_ref(id)
        except UserError as error:
            return self._message(404, str(error))
        return RedirectResponse(f"/records/{ref}", status_code=303, headers=_HEADERS)

    async def record(self, request: Request, kind: str, number: str) -> Response:
        """Answer one record."""

        def make(source: DashboardSource) -> pages.Page:
            return pages.record_page(source, pages.parse_ref(f"{kind}/{number}"))

        return await self._page(request, "record.html", make)

    async def report(self, request: Request, name: str) -> Response:
        """Answer one report."""
        return await self._page(request, "report.html", partial(pages.report_page, name=name))

    async def _page(self, request: Request, template: str, make: MakePage) -> Response:
        refusal = await self._refusal(request)
        if refusal:
            return refusal
        if self._waiting >= _MAX_WAITING:
            return self._message(503, "Too many pages are asked for: try again in a moment.")
        self._waiting += 1
        try:
            text = await to_thread.run_sync(
                self._render, template, make, request.url.path, limiter=self._page_limiter
            )
        except UserError as error:
            return self._message(404, str(error))
        except TemporaryError as error:
            return self._message(503, f"Not now: {error}")
        finally:
            self._waiting -= 1
        return Response(text, media_type="text/html", headers=_HEADERS)

    def _render(self, template: str, make: MakePage, path: str) -> str:
        source = self._read_source()
        if source is None:
            raise TemporaryError("the portal is not opened yet; `/readyz` says why.")
        labels = source.labels()
        return self._templates.get_template(template).render(
            make(source),
            path=path,
            source=source,
            label=lambda value: labels.get(value, value) if value else "blank",
            local=lambda at: pages.local_time(at, source),
            is_record=_is_record,
            bar=_bar_width,
            reports=pages.REPORTS,
        )

    async def _refusal(self, request: Request) -> Response | None:
        refusal = await to_thread.run_sync(
            self._access.refusal, request.headers, limiter=self._access_limiter
        )
        if refusal is None:
            return None
        response = self._message(refusal.status, refusal.message)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="connector", charset="UTF-8"'
        return response

    def _message(self, status: int, message: str) -> Response:
        text = self._templates.get_template("message.html").render(message=message)
        return Response(text, status_code=status, media_type="text/html", headers=_HEADERS)


async def _no_icon() -> Response:
    """Answer browsers, which ask for an icon unasked."""
    return Response(status_code=204)


def _is_record(cell: Any) -> bool:
    """Return whether a cell names a contact or a company, so that it can be a link."""
    try:
        ref = Ref.parse(cell) if isinstance(cell, str) else None
    except ValueError:
        return False
    return ref is not None and ref.object_type is not ObjectType.DEALS


def _bar_width(value: Any, values: list[Any]) -> int:
    """Return the width of a bar in pixels, the largest of the values taking all of it."""
    numbers = [float(number) for number in values if isinstance(number, int | float)]
    largest = max(numbers, default=0.0)
    is_number = isinstance(value, int | float)
    return round(_BAR_WIDTH * float(value) / largest) if is_number and largest > 0 else 0
