"""What the box's deliveries promise: HubSpot's signature, and its unreliability."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from connector.sandbox.deliveries import Manner
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"


class Endpoint:
    """Takes deliveries, after it has refused some."""

    def __init__(self) -> None:
        self.refusals = 0
        self.bodies: list[list[dict[str, Any]]] = []
        self.signatures: list[bool] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.signatures.append(endpoint.is_signed(self.headers, body))
                endpoint.bodies.append(json.loads(body))
                endpoint.refusals -= 1
                self.send_response(500 if endpoint.refusals >= 0 else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?from=box"
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def is_signed(self, headers: Any, body: bytes) -> bool:
        at = headers["X-HubSpot-Request-Timestamp"].encode()
        signed = hmac.new(SECRET.encode(), b"POST" + self.url.encode() + body + at, hashlib.sha256)
        return headers["X-HubSpot-Signature-v3"] == b64encode(signed.digest()).decode()

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in body]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def deliver(endpoint: Endpoint) -> Iterator[Callable[..., Sandbox]]:
    with Sandbox(Portal()) as box:

        def begin(**more: Any) -> Sandbox:
            box.deliver(Manner(target=endpoint.url, secret=SECRET, pause=0.01, **more))
            for number in range(100):
                box.portal.create("contacts", {"email": f"c{number}@fjord.example"})
            assert box.deliveries
            assert box.deliveries.settle(20)
            return box

        yield begin


def ids(events: list[dict[str, Any]]) -> list[int]:
    return [one["objectId"] for one in events if one["subscriptionType"] == "contact.creation"]


def test_every_event_is_delivered_once_in_order_and_signed(
    endpoint: Endpoint, deliver: Callable[..., Sandbox]
) -> None:
    box = deliver()
    assert all(endpoint.signatures)
    assert ids(endpoint.events()) == [one.id for one in box.portal.records("contacts")]
    assert max(map(len, endpoint.bodies)) <= 10


def test_some_are_dropped_some_come_twice_and_none_in_order(
    endpoint: Endpoint, deliver: Callable[..., Sandbox]
) -> None:
    deliver(shuffle=True, drop=0.3, duplicate=0.2, together=100)
    found = ids(endpoint.events())
    assert 40 < len(set(found)) < 90
    assert len(found) > len(set(found))
    assert found != sorted(found)


def test_what_is_refused_comes_again_and_counts_its_attempts(
    endpoint: Endpoint, deliver: Callable[..., Sandbox]
) -> None:
    endpoint.refusals = 3
    box = deliver(together=100)
    assert len(set(ids(endpoint.events()))) == 100
    assert {one["attemptNumber"] for one in endpoint.events()} >= {0, 1}
    assert box.deliveries
    assert box.deliveries.counts["lost"] == 0


def test_what_is_refused_too_often_is_lost(
    endpoint: Endpoint, deliver: Callable[..., Sandbox]
) -> None:
    endpoint.refusals = 10_000
    box = deliver(tries=2)
    assert box.deliveries
    assert box.deliveries.counts["lost"] == box.deliveries.counts["told"] > 0
