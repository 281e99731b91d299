"""Every form is refused without its token, from elsewhere, or by a reader; and it acts once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.routing import APIRoute

from connector.config.dashboard_access import Account, DashboardAccessSettings, Role
from connector.core.corrections.operator_action import OperatorAction, Verb
from connector.core.model import Ref
from connector.operations.operator_requests import carry_out_waiting
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.push.review_only import is_review_only
from connector.telemetry.metrics import Status
from connector.web.dashboard.actions import ACTIONS
from connector.web.dashboard.source import DashboardSource
from state import holds, operator_actions
from state.db.locks import Busy
from state.db.store import Store
from tests.fakes.connected_portal import OPEN, ConnectedPortal
from tests.web.asgi_client import FakeDaemon, Response, send_request

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ACCOUNTS = (
    Account(name="anna", role=Role.OPERATE, password_hash=HASHER.hash("right")),
    Account(name="bob", role=Role.READ, password_hash=HASHER.hash("right")),
)
ELSEWHERE = DashboardAccessSettings(accounts=ACCOUNTS, is_loopback=False)
HTTPS = {"Host": "crm.example", "Origin": "https://crm.example", "X-Forwarded-Proto": "https"}
HERE = {"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8080"}
_TOKEN = re.compile(r'name="token" value="([^"]+)"')
_FIELD = re.compile(r'name="(\w+)" value="([^"]*)"')


@dataclass
class Browser:
    """Keeps one person's cookie, and sends forms as browsers do."""

    app: FastAPI
    headers: Mapping[str, str]
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Response:
        path, _, query = path.partition("?")
        return send_request(self.app, "GET", path, headers=self._headers(), query=query.encode())

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Response:
        all_headers = {**self._headers(), **headers}
        body = urlencode(form).encode()
        answer = send_request(self.app, "POST", path, headers=all_headers, body=body)
        if cookie := answer.headers.get("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def token(self, path: str) -> str:
        match = _TOKEN.search(self.get(path).body)
        assert match, f"no form on {path}"
        return match.group(1)

    def log_in(self, name: str) -> Response:
        return self.post(
            "/login", {"name": name, "password": "right", "token": self.token("/login")}
        )

    def confirm(self, path: str) -> dict[str, str]:
        """Return the fields of the form on a page that asks for a confirmation."""
        text = self.get(path).body
        return dict(_FIELD.findall(text.partition('class="actions" action="/')[2]))

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {**self.headers, **({"Cookie": cookie} if cookie else {})}


def source_of(portal: ConnectedPortal, *, writes: str = "apply") -> DashboardSource:
    return DashboardSource(
        store=portal.store,
        portal=portal.api.portal_info,
        policy=portal.context().policy,
        now=portal.api.now(),
        status=Status(),
        writes=writes,
    )


def here(portal: ConnectedPortal, *, writes: str = "apply") -> Browser:
    """Return a browser on the connector's own machine, where nobody logs in."""
    return Browser(FakeDaemon(dashboard_source=source_of(portal, writes=writes)).app(), HERE)


def elsewhere(portal: ConnectedPortal, name: str = "") -> Browser:
    app = FakeDaemon(dashboard_source=source_of(portal), access=ELSEWHERE).app()
    browser = Browser(app, HTTPS)
    if name:
        assert browser.log_in(name).status == 303
    return browser


def actions(portal: ConnectedPortal) -> list[OperatorAction]:
    with portal.store.reading("1") as session:
        return list(operator_actions.read(session))


@pytest.fixture
def contact(portal: ConnectedPortal) -> Ref:
    """Return a lead with an open deal, which the plan that waits makes an opportunity."""
    ref = portal.contact("lead")
    portal.deal(OPEN, ref)
    pull(portal.context())
    portal.propose()
    return ref


def digest(browser: Browser) -> str:
    match = re.search(r"digest=([0-9a-f]+)", browser.get("/corrections").body)
    assert match
    return match.group(1)


def form_paths() -> list[str]:
    """Return every address that takes a form: what a new one forgets, these tests find."""
    paths = [
        route.path
        for route in FakeDaemon().app().routes
        if isinstance(route, APIRoute) and "POST" in route.methods
    ]
    return [path for path in paths if not path.startswith("/webhooks")]


def test_each_address_that_takes_a_form_is_known() -> None:
    assert set(form_paths()) == {*ACTIONS, "/login", "/logout", "/policy/impact"}


def complete_form(browser: Browser, contact: Ref, path: str) -> dict[str, str]:
    """Return the fields of a form that is carried out with the right token."""
    fields = {"record": str(contact)}
    match path:
        case "/review":
            part = f"verdict=approve&digest={digest(browser)}"
            return browser.confirm(f"/review?{part}")
        case "/undo":
            return {**fields, "confirmed_at": datetime.now(UTC).isoformat()}
        case "/release":
            hold = {**fields, "reason": "pilot", "token": browser.token(f"/records/{contact}")}
            assert browser.post("/hold", hold).status == 303
            return fields
        case "/login":
            return {"name": "anna", "password": "right"}
        case _:
            return {**fields, "reason": "pilot", "writes": "review"}


# A policy file is no form of fields: tests/web/dashboard/test_policy_impact.py sends it.
# On this machine nobody logs in, or out.
@pytest.mark.parametrize(
    ("path", "is_here"),
    [
        *((path, False) for path in sorted({*form_paths()} - {"/policy/impact"})),
        *((path, True) for path in ACTIONS),
    ],
)
def test_a_form_without_its_token_is_refused_and_with_it_carried_out(
    portal: ConnectedPortal, contact: Ref, path: str, is_here: bool
) -> None:
    name = "" if path == "/login" else "anna"
    browser = here(portal) if is_here else elsewhere(portal, name)
    form, earlier = complete_form(browser, contact, path), actions(portal)
    for token in ("", "x", "1.x.y", "9e99.x.y"):
        answer = browser.post(path, {**form, "token": token})
        assert (answer.status, "opened before the connector started" in answer.body) == (403, True)
    assert actions(portal) == earlier
    page = "/login" if path == "/login" else f"/records/{contact}"
    assert browser.post(path, {**form, "token": browser.token(page)}).status == 303
    assert len(actions(portal)) == len(earlier) + (path in ACTIONS)


@pytest.mark.parametrize("path", form_paths())
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9", ""])
def test_a_form_from_another_origin_is_refused(
    portal: ConnectedPortal, contact: Ref, path: str, origin: str
) -> None:
    for browser in (elsewhere(portal, "anna"), here(portal)):
        form = {"token": browser.token(f"/records/{contact}"), "record": str(contact)}
        answer = browser.post(path, {**form, "reason": "x"}, Origin=origin)
        assert (answer.status, "nothing was done" in answer.body) == (403, True)
    assert actions(portal) == []


@pytest.mark.parametrize("path", list(ACTIONS))
def test_a_form_of_somebody_who_only_reads_is_refused(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    browser = elsewhere(portal, "bob")
    form = {"token": browser.token("/"), "record": str(contact), "reason": "x", "writes": "review"}
    answer = browser.post(path, form)
    assert (answer.status, "role operate" in answer.body) == (403, True)
    assert actions(portal) == []


@pytest.mark.parametrize("path", [*ACTIONS, "/logout", "/policy/impact"])
def test_a_form_without_a_login_is_refused(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    form = {"token": elsewhere(portal, "anna").token("/"), "record": str(contact)}
    assert elsewhere(portal).post(path, form).status == 401
    assert actions(portal) == []


@pytest.mark.parametrize("path", list(ACTIONS))
def test_a_token_of_another_person_is_refused(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    anna = elsewhere(portal, "anna")
    second = Browser(anna.app, HTTPS)
    second.log_in("anna")
    form = {"token": second.token("/"), "record": str(contact), "reason": "x"}
    answer = anna.post(path, form)
    assert (answer.status, "opened before the connector started" in answer.body) == (403, True)
    assert actions(portal) == []


def test_readers_are_shown_no_form_to_act(portal: ConnectedPortal, contact: Ref) -> None:
    browser = elsewhere(portal, "bob")
    for path in ("/", "/corrections", f"/records/{contact}", "/runs"):
        shown = set(re.findall(r'action="(/\w*)" method="post"', browser.get(path).body))
        assert shown <= {"/logout"}


def test_pages_ask_for_a_login_and_the_session_cookie_is_strict(portal: ConnectedPortal) -> None:
    browser = elsewhere(portal)
    answer = browser.get("/corrections")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    cookie = browser.log_in("anna").headers["set-cookie"].lower()
    assert cookie.startswith("__host-connector=")
    for attribute in ("httponly", "secure", "samesite=strict", "path=/"):
        assert attribute in cookie
    assert browser.get("/corrections").status == 200
    browser.post("/logout", {"token": browser.token("/")})
    assert browser.get("/corrections").status == 303


def test_behind_a_proxy_that_hides_the_host_the_session_is_kept_for_tls(
    portal: ConnectedPortal,
) -> None:
    access = replace(ELSEWHERE, public_host="crm.example", is_public_tls=True)
    app = FakeDaemon(dashboard_source=source_of(portal), access=access).app()
    proxied = {"Host": "127.0.0.1:8080", "Origin": "https://crm.example"}
    browser = Browser(app, proxied)
    cookie = browser.log_in("anna").headers["set-cookie"].lower()
    assert cookie.startswith("__host-connector=")
    assert "secure" in cookie
    assert browser.get("/corrections").status == 200
    ended = browser.post("/logout", {"token": browser.token("/")})
    assert "secure" in ended.headers["set-cookie"].lower()
    plain = Browser(app, {**proxied, "Origin": "http://crm.example"})
    assert plain.log_in("anna").status == 403


def test_a_login_form_that_is_too_large_is_refused_with_a_page(portal: ConnectedPortal) -> None:
    answer = elsewhere(portal).post("/login", {"name": "x" * 70_000})
    assert (answer.status, "too large" in answer.body) == (403, True)


def test_a_number_that_no_database_stores_is_no_record(portal: ConnectedPortal) -> None:
    answer = here(portal).get("/records/contacts/99999999999999999999999")
    assert (answer.status, "is no record" in answer.body) == (404, True)


def test_a_password_over_plain_http_is_not_taken(portal: ConnectedPortal) -> None:
    app = FakeDaemon(dashboard_source=source_of(portal), access=ELSEWHERE).app()
    browser = Browser(app, {"Host": "crm.example", "Origin": "http://crm.example"})
    answer = browser.log_in("anna")
    assert (answer.status, "plain HTTP" in answer.body) == (403, True)


def test_a_wrong_password_is_said_and_guesses_are_throttled(portal: ConnectedPortal) -> None:
    browser = elsewhere(portal)
    statuses = [
        browser.post(
            "/login", {"name": "anna", "password": "guess", "token": browser.token("/login")}
        ).status
        for _ in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2


def test_a_proxys_user_acts_by_name(portal: ConnectedPortal, contact: Ref) -> None:
    settings = DashboardAccessSettings(
        proxies=(ip_network("127.0.0.1"),),
        operators=frozenset({"eve"}),
        hosts=frozenset({"crm.example"}),
    )
    app = FakeDaemon(dashboard_source=source_of(portal), access=settings).app()
    browser = Browser(app, {**HTTPS, "X-Forwarded-User": "eve"})
    path = f"/records/{contact}"
    form = {"token": browser.token(path), "record": str(contact), "reason": "pilot"}
    assert browser.post("/hold", form).status == 303
    assert [(action.user, action.verb) for action in actions(portal)] == [("eve", Verb.HOLD)]


def test_a_form_that_is_sent_again_acts_once(portal: ConnectedPortal, contact: Ref) -> None:
    browser = here(portal)
    form = {
        "token": browser.token(f"/records/{contact}"),
        "record": str(contact),
        "reason": "pilot",
    }
    assert browser.post("/hold", form).status == 303
    again = browser.post("/hold", form)
    assert (again.status, "sent already" in again.body) == (409, True)
    assert len(actions(portal)) == 1


def test_a_form_that_failed_may_be_sent_again(
    portal: ConnectedPortal, contact: Ref, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = here(portal)
    form = {
        "token": browser.token(f"/records/{contact}"),
        "record": str(contact),
        "reason": "pilot",
    }
    with monkeypatch.context() as locked:

        def refuse(self: Store, portal_id: str) -> object:
            raise Busy("another program keeps the database locked")

        locked.setattr(Store, "begin", refuse)
        answer = browser.post("/hold", form)
        assert (answer.status, "Not now" in answer.body) == (503, True)
    assert browser.post("/hold", form).status == 303


def test_an_approved_rule_is_written_and_read_back(portal: ConnectedPortal, contact: Ref) -> None:
    browser = here(portal, writes="review")
    path = f"/review?verdict=approve&rule=open-deal&digest={digest(browser)}"
    assert browser.post("/review", browser.confirm(path)).headers["location"] == "/corrections"
    assert "waits for the daemon" in browser.get("/corrections").body
    assert portal.stage(contact) == "lead"
    assert carry_out_waiting(portal.context) == 1
    assert portal.stage(contact) == "opportunity"
    body = browser.get("/corrections").body
    assert "this machine: approve rule open-deal –" in " ".join(body.split())
    assert "2 applied" in body
    run = portal.audit_lines()[-1].run
    assert "this machine asked for it" in browser.get(f"/runs/{run}").body


def test_a_rejected_record_is_held_and_shown(portal: ConnectedPortal, contact: Ref) -> None:
    browser = here(portal)
    path = f"/review?verdict=reject&record={contact}&digest={digest(browser)}"
    assert browser.post("/review", browser.confirm(path)).status == 303
    sync(portal.context())
    assert portal.stage(contact) == "lead"
    assert "rejected: open-deal wanted opportunity" in browser.get(f"/records/{contact}").body


def test_a_plan_that_went_stale_is_said_and_nothing_is_done(
    portal: ConnectedPortal, contact: Ref
) -> None:
    browser = here(portal)
    form = browser.confirm(f"/review?verdict=approve&digest={digest(browser)}")
    second = portal.contact("lead")
    portal.deal(OPEN, second)
    pull(portal.context())
    portal.propose()
    answer = browser.post("/review", form)
    assert (answer.status, "changed since you looked" in answer.body) == (409, True)
    assert actions(portal) == []


def test_hold_and_release_lead_back_to_the_record(portal: ConnectedPortal, contact: Ref) -> None:
    browser = here(portal)
    path = f"/records/{contact}"
    held = browser.post(
        "/hold", {"token": browser.token(path), "record": str(contact), "reason": "pilot"}
    )
    assert held.headers["location"] == path
    assert "by this machine" in browser.get(path).body
    sync(portal.context())
    assert portal.stage(contact) == "lead"
    browser.post("/release", {"token": browser.token(path), "record": str(contact)})
    assert "Nothing holds it" in browser.get(path).body
    sync(portal.context())
    assert portal.stage(contact) == "opportunity"
    second_answer = browser.post("/release", {"token": browser.token(path), "record": str(contact)})
    assert (second_answer.status, "no hold" in second_answer.body) == (409, True)


def test_an_undo_goes_by_its_confirmation_and_shows_in_the_runs(
    portal: ConnectedPortal, contact: Ref
) -> None:
    run = sync(portal.context()).run
    browser = here(portal)
    form = browser.confirm(f"/undo?run={run}")
    assert browser.post("/undo", form).headers["location"] == "/runs"
    again = browser.post("/undo", {**form, "token": browser.token(f"/undo?run={run}")})
    assert (again.status, "waits for the daemon" in again.body) == (409, True)
    assert carry_out_waiting(portal.context) == 1
    assert (portal.stage(contact), portal.status(contact)) == ("lead", "")
    assert "2 applied" in browser.get("/runs").body


def test_the_switch_is_only_ever_stricter_than_the_settings(
    portal: ConnectedPortal, contact: Ref
) -> None:
    strict = here(portal, writes="review")
    token = strict.token(f"/records/{contact}")
    answer = strict.post("/writes", {"token": token, "writes": "apply"})
    assert (answer.status, "CONNECTOR_WRITES" in answer.body) == (409, True)
    browser = here(portal)
    browser.post("/writes", {"token": browser.token("/"), "writes": "review"})
    assert is_review_only(portal.store, "1")
    assert "The daemon only reviews, set by this machine" in browser.get("/").body
    browser.post("/writes", {"token": browser.token("/"), "writes": "apply"})
    assert not is_review_only(portal.store, "1")


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/review", {"verdict": "approve", "digest": "ended"}),
        ("/review", {"verdict": "maybe"}),
        ("/review", {"verdict": "approve", "record": "x"}),
        ("/hold", {"record": "contacts/5000", "reason": "x"}),
        ("/hold", {"record": "contacts/98", "reason": " "}),
        ("/hold", {"record": "<script>", "reason": "x"}),
        ("/undo", {"run": "none", "confirmed_at": "2026-03-12T12:00:00+00:00"}),
        ("/undo", {}),
        ("/undo", {"record": "contacts/98"}),
        ("/undo", {"record": "contacts/5000", "confirmed_at": "2026-03-12T12:00:00+00:00"}),
    ],
)
def test_what_a_form_says_wrong_is_answered_with_what_to_do(
    portal: ConnectedPortal, contact: Ref, path: str, form: dict[str, str]
) -> None:
    browser = here(portal)
    answer = browser.post(path, {**form, "token": browser.token(f"/records/{contact}")})
    assert (answer.status, "<h1>Not shown</h1>" in answer.body) == (409, True)
    assert "<script" not in answer.body
    assert actions(portal) == []


def test_a_form_that_is_too_large_is_refused(portal: ConnectedPortal, contact: Ref) -> None:
    assert here(portal).post("/hold", {"reason": "x" * 70_000}).status == 413


@pytest.mark.parametrize(
    "path",
    [
        "/review?verdict=approve&digest=ended",
        "/review?verdict=maybe",
        "/undo?run=none",
        "/undo",
        "/runs/none",
        "/audit?outcome=none",
    ],
)
def test_what_does_not_exist_gets_a_page_that_says_so(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    answer = here(portal).get(path)
    assert (answer.status, "<h1>Not shown</h1>" in answer.body) == (404, True)


def test_texts_of_people_are_shown_as_text(portal: ConnectedPortal, contact: Ref) -> None:
    browser = here(portal)
    path = f"/records/{contact}"
    script = "<script>alert(1)</script>"
    browser.post("/hold", {"token": browser.token(path), "record": str(contact), "reason": script})
    for page in (path, "/runs", "/corrections"):
        assert "<script" not in browser.get(page).body
    with portal.store.reading("1") as session:
        assert any(
            hold.reason == script for hold in holds.read_active(session, now=portal.api.now())
        )


def test_the_audit_is_filtered_and_proved(portal: ConnectedPortal, contact: Ref) -> None:
    run = sync(portal.context()).run
    browser = here(portal)
    assert "No line fits" in browser.get("/audit?rule=won").body
    assert f'href="/records/{contact}"' in browser.get(f"/audit?run={run}&outcome=applied").body
    assert "The chain holds: 2 lines" in browser.get("/audit?proof=1").body


def test_an_undo_that_was_carried_out_meanwhile_is_not_asked_for_again(
    portal: ConnectedPortal, contact: Ref
) -> None:
    sync(portal.context())
    portal.api.advance(60)
    browser = here(portal)
    form = browser.confirm(f"/undo?record={contact}")
    browser.post("/undo", form)
    portal.api.advance(60)
    assert carry_out_waiting(portal.context) == 1
    second_form = {**form, "token": browser.token(f"/records/{contact}")}
    answer = browser.post("/undo", second_form)
    assert (answer.status, "since you looked" in answer.body) == (409, True)
    portal.api.advance(60)
    portal.make_due([contact])
    assert sync(portal.context()).outcomes == {}
    assert portal.stage(contact) == "lead"


def test_an_undo_that_put_nothing_back_is_not_asked_for_again_from_the_same_page(
    portal: ConnectedPortal, contact: Ref
) -> None:
    run = sync(portal.context()).run
    portal.api.advance(60)
    browser = here(portal)
    form = browser.confirm(f"/undo?run={run}")
    portal.api.advance(60)
    portal.edit_as_person(contact, lifecyclestage="evangelist", hs_lead_status="CONNECTED")
    browser.post("/undo", form)
    assert carry_out_waiting(portal.context) == 1
    answer = browser.post("/undo", {**form, "token": browser.token(f"/undo?run={run}")})
    assert (answer.status, "carried out since you looked" in answer.body) == (409, True)
