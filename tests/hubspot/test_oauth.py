"""What the tokens of an OAuth app promise: refreshed in time, once on a 401, by one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from connector.errors import UserError
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.faults import BadAnswer, TokenRefused, Unavailable
from connector.hubspot.installation import App
from connector.hubspot.oauth import EARLY, Grant, Tokens, exchange
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox

APP = App(client_id="app", client_secret="secret", refresh_token="refresh-0")


@dataclass
class Kept:
    """Grants in memory, shared by as many `Tokens` as a test needs."""

    grant: Grant | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def only_one(self) -> Iterator[None]:
        with self.lock:
            yield

    def load(self, app: App) -> Grant | None:
        return self.grant

    def keep(self, app: App, grant: Grant) -> None:
        self.grant = grant


@dataclass
class HubSpot:
    """Grants one token after the other."""

    seconds: float = 1800.0
    portal_id: str = "1"
    asked: list[str] = field(default_factory=list)
    now: float = 1_000_000.0

    def ask(self, app: App, refresh_token: str) -> Grant:
        self.asked.append(refresh_token)
        number = len(self.asked)
        return Grant(
            access_token=f"access-{number}",
            refresh_token=f"refresh-{number}",
            until=self.now + self.seconds,
            portal_id=self.portal_id,
        )

    def tokens(self, kept: Kept) -> Tokens:
        return Tokens(APP, kept, self.ask, lambda: self.now)


def test_a_token_is_asked_for_once_and_again_before_its_end() -> None:
    hubspot = HubSpot()
    tokens = hubspot.tokens(Kept())
    assert [tokens(), tokens()] == ["access-1", "access-1"]
    hubspot.now += hubspot.seconds - EARLY - 1
    assert tokens() == "access-1"
    hubspot.now += 1
    assert tokens() == "access-2"
    assert hubspot.asked == ["refresh-0", "refresh-1"]


def test_the_next_start_and_other_processes_use_what_was_kept() -> None:
    hubspot, kept = HubSpot(), Kept()
    hubspot.tokens(kept)()
    assert hubspot.tokens(kept)() == "access-1"
    assert len(hubspot.asked) == 1


def test_many_processes_at_once_refresh_once() -> None:
    hubspot, kept = HubSpot(), Kept()
    every = [hubspot.tokens(kept) for _ in range(8)]
    threads = [threading.Thread(target=one) for one in every]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert hubspot.asked == ["refresh-0"]


def test_a_refused_token_is_renewed_once_in_a_while() -> None:
    hubspot = HubSpot()
    tokens = hubspot.tokens(Kept())
    first = tokens()
    assert tokens.renew(first)
    assert tokens() == "access-2"
    assert tokens.renew(first)
    assert not tokens.renew("access-2")
    hubspot.now += 61
    assert tokens.renew("access-2")
    assert len(hubspot.asked) == 3


def test_a_refused_token_that_another_process_has_renewed_is_not_renewed_again() -> None:
    hubspot, kept = HubSpot(), Kept()
    one, other = hubspot.tokens(kept), hubspot.tokens(kept)
    refused = one()
    other()
    assert one.renew(refused)
    assert other.renew(refused)
    assert other() == "access-2"
    assert len(hubspot.asked) == 2


def test_a_grant_for_another_portal_is_not_used() -> None:
    hubspot, kept = HubSpot(), Kept()
    tokens = hubspot.tokens(kept)
    tokens()
    hubspot.now, hubspot.portal_id = hubspot.now + 3600, "2"
    with pytest.raises(UserError, match="portal 2, not to 1"):
        tokens()
    assert kept.grant
    assert kept.grant.access_token == "access-1"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(Portal()) as running:
        yield running


def _asking(box: Sandbox, kept: Kept) -> Tokens:
    def now() -> float:
        return box.portal.clock.ms() / 1000

    def ask(app: App, token: str) -> Grant:
        return exchange(app, token, url=box.url, family="2026-03", now=now)

    return Tokens(APP, kept, ask, now)


@contextmanager
def _door(box: Sandbox) -> Iterator[HubSpotDoor]:
    def monotonic() -> float:
        return box.portal.clock.ms() / 1000

    tokens = _asking(box, Kept())
    door = HubSpotDoor(tokens, box.url, wait=box.portal.clock.advance, monotonic=monotonic)
    try:
        yield door
    finally:
        door.close()


def test_a_door_refreshes_in_time_and_rotates_with_the_app(box: Sandbox) -> None:
    box.reception.oauth.rotates = True
    with _door(box) as door:
        for _ in range(3):
            assert door.account().portal_id == str(box.portal.portal_id)
            box.portal.clock.advance(1600)
    assert box.reception.oauth.given == 3
    assert [one.status for one in box.requests] == [200] * 6


def test_a_door_whose_token_is_refused_asks_once_for_another(box: Sandbox) -> None:
    with _door(box) as door:
        door.account()
        box.reception.oauth.ends.clear()
        door.account()
        box.reception.oauth.ends.clear()
        with pytest.raises(TokenRefused):
            door.account()
    assert [one.status for one in box.requests] == [200, 200, 401, 200, 200, 401]


@pytest.mark.parametrize("gone", ["client_id", "client_secret", "refresh_token"])
def test_an_app_that_was_removed_says_what_to_do(box: Sandbox, gone: str) -> None:
    setattr(box.reception.oauth, gone, "another")
    with pytest.raises(TokenRefused, match="Install the app again"):
        _asking(box, Kept())()


def test_hubspot_being_away_is_waited_for(box: Sandbox) -> None:
    box.close()
    with pytest.raises(Unavailable):
        _asking(box, Kept())()


def test_an_answer_without_a_token_is_none(box: Sandbox) -> None:
    box.reception.oauth._grant = lambda *_: {"expires_in": "soon"}  # type: ignore[method-assign]  # bent
    with pytest.raises(BadAnswer):
        _asking(box, Kept())()
