"""No request goes to HubSpot with a token of another portal, whenever the token changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing

import pytest

from connector.core.model import ObjectType, Ref
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.failures import NotSent, TokenRefused
from connector.hubspot.http.own_tokens import OwnTokens, WrongPortal
from connector.hubspot.http.response import Answer
from connector.hubspot.http.retry import RetryLimits
from connector.hubspot.http.routes import Request, Route
from connector.hubspot.http.transport import TokenSource
from tests.hubspot.conftest import FakeTimer
from tests.hubspot.http.test_token_refresh import FakeGrantStore, FakeOAuthServer
from tests.hubspot.scripted_server import ReceivedRequest, Reply, ScriptedServer, serve_by_rule

PORTAL_IDS = {"pat-own": 42, "pat-renewed": 42, "pat-foreign": 43, "access-1": 42, "access-2": 42}
CHANGES = {Ref(ObjectType.CONTACTS, "7"): {"lifecyclestage": "customer"}}


class FakeTokens:
    """The token of the moment."""

    def __init__(self) -> None:
        self.token = "pat-own"

    def __call__(self) -> str:
        return self.token


class Portals:
    """Answers for the portal of each token; `failing` is what the account's request meets."""

    def __init__(self) -> None:
        self.failing: Reply | None = None
        self.refused_tokens: set[str] = set()
        self.headers: dict[str, str] = {}

    def answer(self, request: ReceivedRequest) -> Reply:
        token = request.headers["authorization"].removeprefix("Bearer ")
        if token in self.refused_tokens:
            return Reply(status=401)
        if not request.path.endswith("/details"):
            return Reply(body={"status": "COMPLETE", "results": []})
        body = {"portalId": PORTAL_IDS[token], "timeZone": "UTC"}
        return self.failing or Reply(body=body, headers=self.headers)


@pytest.fixture
def portals() -> Portals:
    return Portals()


@pytest.fixture
def server(portals: Portals) -> Iterator[ScriptedServer]:
    with serve_by_rule(portals.answer) as serving:
        yield serving


@pytest.fixture
def tokens() -> FakeTokens:
    return FakeTokens()


def open_client(
    server: ScriptedServer, tokens: TokenSource, timer: FakeTimer
) -> AbstractContextManager[HubSpotClient]:
    client = HubSpotClient(
        tokens,
        server.url,
        wait=timer.wait,
        monotonic=timer.monotonic,
        retry_limits=RetryLimits(random=lambda: 0.5),
    )
    return closing(client)


@pytest.fixture
def client(server: ScriptedServer, tokens: FakeTokens, timer: FakeTimer) -> Iterator[HubSpotClient]:
    with open_client(server, tokens, timer) as client:
        yield client


@pytest.fixture
def pinned_client(client: HubSpotClient) -> HubSpotClient:
    """Return a client that has asked for its account, and of which portal 42 is required."""
    client.account()
    client.require_portal("42")
    return client


def sent(server: ScriptedServer) -> list[tuple[str, str]]:
    """Return the token and the last part of the path of each request."""
    return [
        (request.headers["authorization"].removeprefix("Bearer "), request.path.rsplit("/", 1)[1])
        for request in server.requests
    ]


def test_a_token_that_is_known_costs_no_request(
    pinned_client: HubSpotClient, server: ScriptedServer
) -> None:
    for _ in range(3):
        pinned_client.update(CHANGES)
    assert [path for _, path in sent(server)] == ["details", "update", "update", "update"]


def test_a_token_of_another_portal_writes_nothing(
    pinned_client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens
) -> None:
    tokens.token = "pat-foreign"
    with pytest.raises(WrongPortal, match="belongs to portal 43, not to 42"):
        pinned_client.update(CHANGES)
    assert {path for token, path in sent(server) if token == "pat-foreign"} == {"details"}
    tokens.token = "pat-own"
    pinned_client.update(CHANGES)
    assert sent(server)[-1] == ("pat-own", "update")


def test_a_renewed_token_is_asked_about_once_before_it_writes(
    pinned_client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens
) -> None:
    tokens.token = "pat-renewed"
    for _ in range(2):
        pinned_client.update(CHANGES)
    assert sent(server)[1:] == [
        ("pat-renewed", "details"),
        ("pat-renewed", "update"),
        ("pat-renewed", "update"),
    ]


def test_a_write_whose_token_cannot_be_asked_about_was_certainly_not_sent(
    pinned_client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens, portals: Portals
) -> None:
    tokens.token, portals.failing = "pat-renewed", Reply(status=500)
    with pytest.raises(NotSent, match="which portal the new token belongs to"):
        pinned_client.update(CHANGES)
    portals.failing = Reply(status=401)
    with pytest.raises(TokenRefused):
        pinned_client.update(CHANGES)
    assert "update" not in {path for _, path in sent(server)}


def test_an_account_that_names_no_portal_says_nothing_of_the_token(
    pinned_client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens, portals: Portals
) -> None:
    tokens.token, portals.failing = "pat-renewed", Reply(body={"timeZone": "UTC"})
    with pytest.raises(NotSent, match="names no portal"):
        pinned_client.update(CHANGES)
    portals.failing = None
    pinned_client.update(CHANGES)
    assert [path for _, path in sent(server)].count("update") == 1


def test_what_another_portal_has_left_of_its_day_stops_nothing_here(
    pinned_client: HubSpotClient, tokens: FakeTokens, portals: Portals
) -> None:
    tokens.token = "pat-foreign"
    portals.headers = {
        "X-HubSpot-RateLimit-Daily": "500000",
        "X-HubSpot-RateLimit-Daily-Remaining": "0",
    }
    with pytest.raises(WrongPortal):
        pinned_client.update(CHANGES)
    tokens.token = "pat-own"
    pinned_client.update(CHANGES)
    assert pinned_client.allowance().remaining is None


def test_hubspot_says_with_a_new_token_whose_it_is_and_is_not_asked(
    server: ScriptedServer, timer: FakeTimer
) -> None:
    oauth = FakeOAuthServer(portal_id="42")
    with open_client(server, oauth.tokens(FakeGrantStore()), timer) as client:
        client.require_portal("42")
        client.update(CHANGES)
        oauth.now += oauth.seconds
        client.update(CHANGES)
    assert sent(server) == [("access-1", "update"), ("access-2", "update")]


def test_a_granted_token_of_another_portal_writes_nothing(
    server: ScriptedServer, timer: FakeTimer
) -> None:
    oauth = FakeOAuthServer(portal_id="43")
    tokens = oauth.tokens(FakeGrantStore())
    with open_client(server, tokens, timer) as client, pytest.raises(WrongPortal):
        client.require_portal("42")
    assert sent(server) == []


def test_a_refused_token_is_renewed_where_the_portal_is_required(
    server: ScriptedServer, timer: FakeTimer, portals: Portals
) -> None:
    oauth = FakeOAuthServer(portal_id="")
    portals.refused_tokens = {"access-1"}
    with open_client(server, oauth.tokens(FakeGrantStore()), timer) as client:
        client.require_portal("42")
    assert sent(server) == [("access-1", "details"), ("access-2", "details")]


def test_the_portal_is_required_at_once(
    client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens
) -> None:
    tokens.token = "pat-foreign"
    with pytest.raises(WrongPortal):
        client.require_portal("42")
    assert {path for _, path in sent(server)} == {"details"}


def test_a_client_that_no_portal_was_required_of_uses_any_token(
    client: HubSpotClient, server: ScriptedServer, tokens: FakeTokens
) -> None:
    client.update(CHANGES)
    tokens.token = "pat-foreign"
    client.update(CHANGES)
    assert sent(server) == [("pat-own", "update"), ("pat-foreign", "update")]


def test_the_tokens_of_the_last_hours_are_remembered() -> None:
    own_tokens = OwnTokens()
    account_request = Request(route=Route.ACCOUNT, path="/details")
    own_tokens.pin("42", account_request)
    for number in range(20):
        own_tokens.note(f"token-{number}", Answer(status=200, body=b'{"portalId": 42}'))
    requests = [own_tokens.request_about(f"token-{number}") for number in (3, 4, 19)]
    assert requests == [account_request, None, None]
