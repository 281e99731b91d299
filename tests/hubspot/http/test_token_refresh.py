"""Tokens of an OAuth app are refreshed in time, once after a 401, and by one caller at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from connector.errors import UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.failures import BadAnswer, TokenRefused, Unavailable
from connector.hubspot.http.token_refresh import REFRESH_AHEAD, Grant, Tokens, refresh_grant
from connector.hubspot.oauth_install import App
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal

APP = App(client_id="app", client_secret="secret", refresh_token="refresh-0")


@dataclass
class FakeGrantStore:
    """Grants in memory, shared by as many `Tokens` as a test needs."""

    grant: Grant | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def refresh_lock(self) -> Iterator[None]:
        with self.lock:
            yield

    def load(self, app: App) -> Grant | None:
        return self.grant

    def keep(self, app: App, grant: Grant) -> None:
        self.grant = grant


@dataclass
class FakeOAuthServer:
    """Answers each request with the next token."""

    seconds: float = 1800.0
    portal_id: str = "1"
    refreshes: list[str] = field(default_factory=list)
    now: float = 1_000_000.0

    def refresh(self, app: App, refresh_token: str) -> Grant:
        self.refreshes.append(refresh_token)
        number = len(self.refreshes)
        return Grant(
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
            until=self.now + self.seconds,
            portal_id=self.portal_id,
        )

    def tokens(self, store: FakeGrantStore) -> Tokens:
        return Tokens(APP, store, self.refresh, lambda: self.now)


def test_a_token_is_asked_for_once_and_again_before_its_end() -> None:
    server = FakeOAuthServer()
    tokens = server.tokens(FakeGrantStore())
    assert [tokens(), tokens()] == ["access-1", "access-1"]
    server.now += server.seconds - REFRESH_AHEAD - 1
    assert tokens() == "access-1"
    server.now += 1
    assert tokens() == "access-2"
    assert server.refreshes == ["refresh-0", "refresh-1"]


def test_the_next_start_and_other_processes_use_what_was_kept() -> None:
    server, store = FakeOAuthServer(), FakeGrantStore()
    server.tokens(store)()
    assert server.tokens(store)() == "access-1"
    assert len(server.refreshes) == 1


def test_many_processes_at_once_refresh_once() -> None:
    server, store = FakeOAuthServer(), FakeGrantStore()
    token_sources = [server.tokens(store) for _ in range(8)]
    threads = [threading.Thread(target=source) for source in token_sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.refreshes == ["refresh-0"]


def test_a_refused_token_is_renewed_once_in_a_while() -> None:
    server = FakeOAuthServer()
    tokens = server.tokens(FakeGrantStore())
    first = tokens()
    assert tokens.renew(first)
    assert tokens() == "access-2"
    assert tokens.renew(first)
    assert not tokens.renew("access-2")
    server.now += 61
    assert tokens.renew("access-2")
    assert len(server.refreshes) == 3


@pytest.mark.parametrize("hours", [1, 24, 24 * 365])
def test_a_clock_that_was_set_back_keeps_no_token_from_being_renewed(hours: int) -> None:
    server = FakeOAuthServer()
    tokens = server.tokens(FakeGrantStore())
    first = tokens()
    assert tokens.renew(first)
    server.now -= hours * 3600
    assert tokens.renew("access-2")
    assert tokens() == "access-3"


def test_a_token_that_seems_to_live_for_days_is_renewed() -> None:
    server = FakeOAuthServer()
    tokens = server.tokens(FakeGrantStore())
    tokens()
    server.now -= 24 * 3600
    assert tokens() == "access-2"


def test_a_refused_token_that_another_process_has_renewed_is_not_renewed_again() -> None:
    server, store = FakeOAuthServer(), FakeGrantStore()
    first, second = server.tokens(store), server.tokens(store)
    refused = first()
    second()
    assert first.renew(refused)
    assert second.renew(refused)
    assert second() == "access-2"
    assert len(server.refreshes) == 2


def test_a_grant_for_another_portal_is_not_used() -> None:
    server, store = FakeOAuthServer(), FakeGrantStore()
    tokens = server.tokens(store)
    tokens()
    server.now, server.portal_id = server.now + 3600, "2"
    with pytest.raises(UserError, match="portal 2, not to 1"):
        tokens()
    assert store.grant
    assert store.grant.access_token == "access-1"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Portal()) as running_sandbox:
        yield running_sandbox


def _sandbox_tokens(sandbox: Sandbox, store: FakeGrantStore) -> Tokens:
    def now() -> float:
        return sandbox.portal.clock.ms() / 1000

    def refresh(app: App, token: str) -> Grant:
        return refresh_grant(app, token, url=sandbox.url, family="2026-03", now=now)

    return Tokens(APP, store, refresh, now)


@contextmanager
def _open_client(sandbox: Sandbox) -> Iterator[HubSpotClient]:
    def monotonic() -> float:
        return sandbox.portal.clock.ms() / 1000

    tokens = _sandbox_tokens(sandbox, FakeGrantStore())
    client = HubSpotClient(
        tokens, sandbox.url, wait=sandbox.portal.clock.advance, monotonic=monotonic
    )
    try:
        yield client
    finally:
        client.close()


def test_a_client_refreshes_in_time_and_rotates_with_the_app(sandbox: Sandbox) -> None:
    sandbox.dispatcher.oauth.rotates_refresh_token = True
    with _open_client(sandbox) as client:
        for _ in range(3):
            assert client.account().portal_id == str(sandbox.portal.portal_id)
            sandbox.portal.clock.advance(1600)
    assert sandbox.dispatcher.oauth.grant_count == 3
    assert [request.status for request in sandbox.requests] == [200] * 6


def test_a_client_whose_token_is_refused_asks_once_for_another(sandbox: Sandbox) -> None:
    with _open_client(sandbox) as client:
        client.account()
        sandbox.dispatcher.oauth.expiries.clear()
        client.account()
        sandbox.dispatcher.oauth.expiries.clear()
        with pytest.raises(TokenRefused):
            client.account()
    assert [request.status for request in sandbox.requests] == [
        *(200, 200, 401, 200, 200),
        # Fetched anew just now: the same refusal is asked about twice more, and then believed.
        *(401, 401, 401),
    ]


@pytest.mark.parametrize("field_name", ["client_id", "client_secret", "refresh_token"])
def test_an_app_that_was_removed_says_what_to_do(sandbox: Sandbox, field_name: str) -> None:
    setattr(sandbox.dispatcher.oauth, field_name, "another")
    with pytest.raises(TokenRefused, match="Install the app again"):
        _sandbox_tokens(sandbox, FakeGrantStore())()


def test_hubspot_being_away_is_waited_for(sandbox: Sandbox) -> None:
    sandbox.close()
    with pytest.raises(Unavailable):
        _sandbox_tokens(sandbox, FakeGrantStore())()


def test_an_answer_without_a_token_is_none(sandbox: Sandbox) -> None:
    sandbox.dispatcher.oauth._grant = lambda *_: {"expires_in": "soon"}  # type: ignore[method-assign]  # bent
    with pytest.raises(BadAnswer):
        _sandbox_tokens(sandbox, FakeGrantStore())()
