"""Serve the dashboard's pages and forms, each behind the access check and with strict headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request, Response
from starlette.responses import RedirectResponse

from connector.errors import ConnectorError, StorageError, TemporaryError, UserError
from connector.web.dashboard import pages, review_pages
from connector.web.dashboard.access import DashboardAccess, Identity, Refusal
from connector.web.dashboard.actions import ACTIONS, Form, plan_part, undo_selection
from connector.web.dashboard.counted_reports import CountedReports
from connector.web.dashboard.form_body import Upload, read_body, read_fields, read_upload
from connector.web.dashboard.form_tokens import FormRefused, FormTokens
from connector.web.dashboard.policy_impact import MAX_UPLOAD_BYTES, impact_page
from connector.web.dashboard.reader_language import language_of, own_path, put_language
from connector.web.dashboard.rendering import Visit, render, render_alone
from connector.web.dashboard.session_cookie import caller_of, delete_session, put_session
from connector.web.dashboard.source import DashboardSource

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers then send forms with the origin `null`.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_READING: Final = ["GET", "HEAD"]
_MAX_WAITING: Final = 16
"""Pages that are made or wait at once; further ones are refused, so that probes stay free."""
_THREADS: Final = 2
_MAX_FORM_BYTES: Final = 65_536
_NOBODY: Final = ""
"""The owner of the login form's token."""
ReadSource = Callable[[], DashboardSource | None]
MakePage = Callable[[DashboardSource], pages.Page]


class Dashboard:
    """The pages; it holds the templates, and how many pages are being made."""

    def __init__(
        self,
        read_source: ReadSource,
        access: DashboardAccess,
        tokens: FormTokens,
        reports: CountedReports,
    ) -> None:
        self._read_source = read_source
        self._access = access
        self._tokens = tokens
        self._reports = reports
        self._waiting = 0
        self._page_limiter = CapacityLimiter(_THREADS)
        # One at a time, so that of two equal forms the second finds the first's token spent.
        self._form_limiter = CapacityLimiter(1)
        # Logins wait for each other, and hold up no form.
        self._login_limiter = CapacityLimiter(1)
        # A comparison reads many records: never two, and never in the way of other pages.
        self._impact_limiter = CapacityLimiter(1)
        package = files("connector.web.dashboard")
        self._style = package.joinpath("templates/style.css").read_text(encoding="utf-8")

    def add_to(self, app: FastAPI) -> None:
        """Add the routes of pages and forms to the application."""
        get_routes: dict[str, Callable[..., Any]] = {
            "/": self.today,
            "/style.css": self.style,
            "/favicon.ico": _no_icon,
            "/corrections": self.corrections,
            "/review": self.confirm_review,
            "/undo": self.confirm_undo,
            "/runs": self.runs,
            "/runs/{run_id}": self.run,
            "/audit": self.audit,
            "/record": self.find_record,
            "/records/{kind}/{number}": self.record,
            "/reports/{name}": self.report,
            "/policy": self.policy,
            "/check-up": self.check_up,
            "/login": self.login_page,
            "/language": _choose_language,
        }
        for path, page in get_routes.items():
            app.add_api_route(path, page, methods=_READING)
        for path in ACTIONS:
            app.add_api_route(path, self.send_form, methods=["POST"])
        app.add_api_route("/policy/impact", self.policy_impact, methods=["POST"])
        app.add_api_route("/login", self.log_in, methods=["POST"])
        app.add_api_route("/logout", self.log_out, methods=["POST"])

    async def style(self) -> Response:
        """Answer the style sheet, which says nothing of the portal."""
        return Response(self._style, media_type="text/css", headers=HEADERS)

    async def today(self, request: Request) -> Response:
        """Answer the page Today."""
        return await self._page(request, "today.html", pages.today_page)

    async def corrections(self, request: Request, rule: str = "") -> Response:
        """Answer the plan that waits."""
        make = partial(review_pages.corrections_page, rule=rule)
        return await self._page(request, "corrections.html", make)

    async def confirm_review(self, request: Request) -> Response:
        """Answer what an approval or a rejection would concern."""

        def make(source: DashboardSource) -> pages.Page:
            wanted = dict(request.query_params)
            return review_pages.confirm_page(source, plan_part(wanted), wanted.get("verdict", ""))

        return await self._page(request, "confirm.html", make)

    async def confirm_undo(self, request: Request) -> Response:
        """Answer what an undo would put back."""

        def make(source: DashboardSource) -> pages.Page:
            return review_pages.undo_page(source, undo_selection(dict(request.query_params)))

        return await self._page(request, "undo.html", make)

    async def runs(self, request: Request) -> Response:
        """Answer the newest runs."""
        return await self._page(request, "runs.html", review_pages.runs_page)

    async def run(self, request: Request, run_id: str) -> Response:
        """Answer one run."""
        make = partial(review_pages.run_page, run_id=run_id)
        return await self._page(request, "run.html", make)

    async def audit(self, request: Request) -> Response:
        """Answer the newest lines of the audit."""
        make = partial(pages.audit_page, wanted=dict(request.query_params))
        return await self._page(request, "audit.html", make)

    async def find_record(self, request: Request, id: str = "") -> Response:  # noqa: A002 - the form's field
        """Lead to the record that was typed."""
        identity = self._identity(request)
        if isinstance(identity, Response):
            return identity
        try:
            ref = pages.parse_ref(id)
        except UserError as error:
            return self._message(404, str(error))
        return _redirect(f"/records/{ref}")

    async def record(self, request: Request, kind: str, number: str) -> Response:
        """Answer one record."""

        def make(source: DashboardSource) -> pages.Page:
            return pages.record_page(source, pages.parse_ref(f"{kind}/{number}"))

        return await self._page(request, "record.html", make)

    async def report(self, request: Request, name: str) -> Response:
        """Answer one report."""
        make = partial(pages.report_page, name=name, reports=self._reports)
        return await self._page(request, "report.html", make)

    async def policy(self, request: Request) -> Response:
        """Answer the policy in plain words."""
        return await self._page(request, "policy.html", pages.policy_page)

    async def check_up(self, request: Request) -> Response:
        """Answer the last check-up."""
        return await self._page(request, "check_up.html", pages.check_up_page)

    async def policy_impact(self, request: Request) -> Response:
        """Answer what a policy file would change; it is not kept, and nothing is written."""
        sent_form = await self._form(request, MAX_UPLOAD_BYTES)
        if isinstance(sent_form, Response):
            return sent_form
        identity, body = sent_form
        upload = read_upload(request.headers.get("content-type", ""), body)
        try:
            self._tokens.check(upload.token, _owner(identity))
        except UserError as error:
            return self._message(403, str(error))
        if self._impact_limiter.borrowed_tokens:
            return self._message(503, "A policy is being compared: try again in a moment.")
        try:
            return await self._impact_answer(_visit(request, identity), upload)
        except ConnectorError as error:
            return self._failure(error, 409)

    async def _impact_answer(self, visit: Visit, upload: Upload) -> Response:
        page: pages.Page = {}

        def make(source: DashboardSource) -> pages.Page:
            page.update(impact_page(source, upload))
            return page

        text = await to_thread.run_sync(
            self._render, "impact.html", make, visit, limiter=self._impact_limiter
        )
        status = 400 if page["problems"] else 200
        return Response(text, status_code=status, media_type="text/html", headers=HEADERS)

    async def login_page(self, request: Request) -> Response:
        """Answer the form to log in."""
        return self._login(request, 200, "")

    async def log_in(self, request: Request) -> Response:
        """Begin a session for the right password."""
        caller = caller_of(request)
        if not self._access.is_own_origin(caller):
            return self._message(403, _FOREIGN)
        if not self._access.is_private(caller):
            return self._message(403, _PLAIN_HTTP)
        try:
            form = read_fields(await read_body(request, _MAX_FORM_BYTES))
            self._tokens.check(form.get("token", ""), _NOBODY)
        except UserError as error:
            return self._login(request, 403, str(error))
        identity = await to_thread.run_sync(
            partial(self._access.log_in, address=caller.address),
            form.get("name", "").strip(),
            form.get("password", ""),
            limiter=self._login_limiter,
        )
        if isinstance(identity, Refusal):
            return self._login(request, identity.status, identity.message)
        response = _redirect("/")
        put_session(response, identity.session, caller)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        sent_form = await self._form(request)
        if isinstance(sent_form, Response):
            return sent_form
        identity, body = sent_form
        form = read_fields(body)
        try:
            self._tokens.check(form.get("token", ""), _owner(identity))
        except UserError as error:
            return self._message(403, str(error))
        self._access.log_out(identity.session)
        response = _redirect("/login")
        delete_session(response)
        return response

    async def send_form(self, request: Request) -> Response:
        """Do what a form asks for, once, and lead to the page that shows it."""
        sent_form = await self._form(request)
        if isinstance(sent_form, Response):
            return sent_form
        identity, body = sent_form
        form = read_fields(body)
        if not identity.may_operate:
            return self._message(
                403, "You may look, and not act: this takes the role operate. Nothing was done."
            )
        try:
            location = await to_thread.run_sync(
                self._act, request.url.path, identity, form, limiter=self._form_limiter
            )
        except ConnectorError as error:
            return self._failure(error, 409)
        return _redirect(location)

    def _act(self, path: str, identity: Identity, form: Form) -> str:
        """Do what a form asks for; a form that fails may be sent again."""
        token = form.get("token", "")
        self._tokens.check(token, _owner(identity))
        source = self._open_source()
        location = ACTIONS[path](source, identity.name, form)
        self._tokens.spend(token)
        source.want_plan()
        return location

    async def _form(
        self, request: Request, limit: int = _MAX_FORM_BYTES
    ) -> tuple[Identity, bytes] | Response:
        """Return who sent a form, and its body; or why it is refused."""
        caller = caller_of(request)
        if not self._access.is_own_origin(caller):
            return self._message(403, _FOREIGN)
        identity = self._access.identify(caller)
        if isinstance(identity, Refusal):
            return self._message(identity.status, f"{identity.message} Nothing was done.")
        try:
            return identity, await read_body(request, limit)
        except UserError as error:
            return self._message(413, str(error))

    async def _page(self, request: Request, template: str, make: MakePage) -> Response:
        identity = self._identity(request)
        if isinstance(identity, Response):
            return identity
        if self._waiting >= _MAX_WAITING:
            return self._message(503, "Too many pages are asked for: try again in a moment.")
        self._waiting += 1
        try:
            text = await to_thread.run_sync(
                self._render,
                template,
                make,
                _visit(request, identity),
                limiter=self._page_limiter,
            )
        except ConnectorError as error:
            return self._failure(error, 404)
        finally:
            self._waiting -= 1
        return Response(text, media_type="text/html", headers=HEADERS)

    def _render(self, template: str, make: MakePage, visit: Visit) -> str:
        source = self._open_source()
        token = self._tokens.issue(_owner(visit.identity))
        return render(template, make(source), source, replace(visit, token=token))

    def _open_source(self) -> DashboardSource:
        source = self._read_source()
        if source is None:
            raise TemporaryError("the portal is not opened yet; `/readyz` says why.")
        return source

    def _identity(self, request: Request) -> Identity | Response:
        identity = self._access.identify(caller_of(request))
        if isinstance(identity, Identity):
            return identity
        if identity.status == 401:
            return _redirect("/login")
        return self._message(identity.status, identity.message)

    def _login(self, request: Request, status: int, message: str) -> Response:
        if not self._access.has_login:
            return _redirect("/")
        token = self._tokens.issue(_NOBODY)
        text = render_alone(
            "login.html", language_of(request), message=message, token=token, path="/login"
        )
        return Response(text, status_code=status, media_type="text/html", headers=HEADERS)

    def _failure(self, error: ConnectorError, status: int) -> Response:
        """Answer an error: what is wrong with the request, or that it cannot be done now."""
        if isinstance(error, TemporaryError | StorageError):
            return self._message(503, f"Not now: {error}")
        if isinstance(error, FormRefused):
            return self._message(403, str(error))
        return self._message(status, str(error))

    def _message(self, status: int, message: str) -> Response:
        text = render_alone("message.html", message=message)
        return Response(text, status_code=status, media_type="text/html", headers=HEADERS)


_FOREIGN: Final = (
    "This form was not sent from a page of this dashboard: nothing was done. Behind a proxy, let "
    "it pass on the Host header, or set CONNECTOR_PUBLIC_URL."
)
_PLAIN_HTTP: Final = (
    "A password is not taken over plain HTTP, where others can read it: put TLS in front and let "
    "it set X-Forwarded-Proto, or open the dashboard on its own machine."
)


def _visit(request: Request, identity: Identity) -> Visit:
    return Visit(path=request.url.path, identity=identity, language=language_of(request))


async def _choose_language(code: str = "", back: str = "") -> Response:
    """Keep a reader's language, and lead back to the page that was read."""
    response = _redirect(own_path(back))
    put_language(response, code)
    return response


def _owner(identity: Identity) -> str:
    """Return what a form's token is bound to: the session, else the person."""
    return identity.session or f"user {identity.name}"


def _redirect(location: str) -> RedirectResponse:
    return RedirectResponse(quote(location, safe="/:?=&%"), status_code=303, headers=HEADERS)


async def _no_icon() -> Response:
    """Answer browsers, which ask for an icon unasked."""
    return Response(status_code=204)
