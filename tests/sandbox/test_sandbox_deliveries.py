"""Deliveries have HubSpot's signature, and its unreliability."""

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

from connector.sandbox.http.deliveries import DeliverySettings
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal

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
        timestamp = headers["X-HubSpot-Request-Timestamp"].encode()
        signed = hmac.new(
            SECRET.encode(), b"POST" + self.url.encode() + body + timestamp, hashlib.sha256
        )
        return headers["X-HubSpot-Signature-v3"] == b64encode(signed.digest()).decode()

    def events(self) -> list[dict[str, Any]]:
        return [event for body in self.bodies for event in body]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    new_endpoint = Endpoint()
    yield new_endpoint
    new_endpoint.server.shutdown()
    new_endpoint.server.server_close()


@pytest.fixture
def create_and_deliver(endpoint: Endpoint) -> Iterator[Callable[..., Sandbox]]:
    with Sandbox(Portal()) as sandbox:

        def create(**options: Any) -> Sandbox:
            sandbox.set_deliveries(
                DeliverySettings(target=endpoint.url, secret=SECRET, pause=0.01, **options)
            )
            for number in range(100):
                sandbox.portal.create("contacts", {"email": f"c{number}@fjord.example"})
            assert sandbox.deliveries
            assert sandbox.deliveries.wait_until_idle(20)
            return sandbox

        yield create


def created_ids(events: list[dict[str, Any]]) -> list[int]:
    return [
        event["objectId"] for event in events if event["subscriptionType"] == "contact.creation"
    ]


def test_every_event_is_delivered_once_in_order_and_signed(
    endpoint: Endpoint, create_and_deliver: Callable[..., Sandbox]
) -> None:
    sandbox = create_and_deliver()
    assert all(endpoint.signatures)
    assert created_ids(endpoint.events()) == [
        contact.id for contact in sandbox.portal.records("contacts")
    ]
    assert max(map(len, endpoint.bodies)) <= 10


def test_some_are_dropped_some_come_twice_and_none_in_order(
    endpoint: Endpoint, create_and_deliver: Callable[..., Sandbox]
) -> None:
    create_and_deliver(shuffle=True, drop=0.3, duplicate=0.2, together=100)
    delivered_ids = created_ids(endpoint.events())
    assert 40 < len(set(delivered_ids)) < 90
    assert len(delivered_ids) > len(set(delivered_ids))
    assert delivered_ids != sorted(delivered_ids)


def test_what_is_refused_comes_again_and_counts_its_attempts(
    endpoint: Endpoint, create_and_deliver: Callable[..., Sandbox]
) -> None:
    endpoint.refusals = 3
    sandbox = create_and_deliver(together=100)
    assert len(set(created_ids(endpoint.events()))) == 100
    assert {event["attemptNumber"] for event in endpoint.events()} >= {0, 1}
    assert sandbox.deliveries
    assert sandbox.deliveries.counts["lost"] == 0


def test_what_is_refused_too_often_is_lost(
    endpoint: Endpoint, create_and_deliver: Callable[..., Sandbox]
) -> None:
    endpoint.refusals = 10_000
    sandbox = create_and_deliver(tries=2)
    assert sandbox.deliveries
    assert sandbox.deliveries.counts["lost"] == sandbox.deliveries.counts["sent_by_portal"] > 0
