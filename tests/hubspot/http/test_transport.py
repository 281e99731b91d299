"""The transport has one pool, none of the SDK's own retries, and writes nothing to the logs."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from connector.errors import TemporaryError
from connector.hubspot.http.failures import NotSent, Unavailable, WrongAddress
from connector.hubspot.http.routes import Request, Route
from connector.hubspot.http.transport import Transport
from tests.hubspot.conftest import TOKEN
from tests.hubspot.scripted_server import Reply, serve_replies

pytestmark = pytest.mark.network

LISTING = Request(route=Route.LIST, path="/crm/v3/objects/contacts", query={"limit": "100"})
SEARCH = Request(route=Route.SEARCH, path="/crm/v3/objects/contacts/search", body={"limit": 200})
PERSON = "someone.private@example.com"


PATIENT = (30.0, 30.0)  # seconds to connect and to read: a busy machine needs some
IMPATIENT = (30.0, 0.2)  # for an answer that never comes


@contextmanager
def transport_to(url: str, timeouts: tuple[float, float] = PATIENT) -> Iterator[Transport]:
    transport = Transport(url, timeouts=timeouts, monotonic=lambda: 1.0)
    yield transport
    transport.close()


def test_an_answer_is_status_headers_and_unpacked_bytes() -> None:
    with serve_replies(Reply(body={"a": 1})) as server, transport_to(server.url) as transport:
        answer = transport.send(LISTING, TOKEN)
    assert (answer.status, answer.body) == (200, b'{"a":1}')
    assert answer.headers["date"].startswith("Thu, 12 Mar 2026")
    assert server.requests[0].headers["accept-encoding"] == "gzip"


def test_the_token_travels_in_the_header_alone() -> None:
    with serve_replies(Reply()) as server, transport_to(server.url) as transport:
        transport.send(SEARCH, TOKEN)
    request = server.requests[0]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.path + str(request.body)


def test_ten_requests_use_one_connection() -> None:
    with serve_replies(Reply()) as server, transport_to(server.url) as transport:
        for _ in range(10):
            transport.send(SEARCH, TOKEN)
    assert len({request.client for request in server.requests}) == 1


@pytest.mark.parametrize("request_", [LISTING, SEARCH], ids=["GET", "POST"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 477, 500, 503])
def test_a_refusal_is_an_answer_and_is_sent_once(request_: Request, status: int) -> None:
    reply = Reply(status=status, body={"message": "no"}, headers={"Retry-After": "9"})
    with serve_replies(reply) as server, transport_to(server.url) as transport:
        answer = transport.send(request_, TOKEN)
    assert (answer.status, answer.body) == (status, b'{"message":"no"}')
    assert answer.headers["retry-after"] == "9"
    assert len(server.requests) == 1


def test_an_error_page_in_latin_1_is_an_answer() -> None:
    page = "<html>Fehler: Anschluß gestört</html>".encode("latin-1")
    reply = Reply(status=502, body=page, headers={"Content-Type": "text/html;charset=iso-8859-1"})
    with serve_replies(reply) as server, transport_to(server.url) as transport:
        answer = transport.send(LISTING, TOKEN)
    assert (answer.status, answer.body) == (502, page)


def test_an_empty_refusal_is_an_answer() -> None:
    with (
        serve_replies(Reply(status=504, body=b"")) as server,
        transport_to(server.url) as transport,
    ):
        assert transport.send(SEARCH, TOKEN).status == 504


def test_a_redirect_is_not_followed_lest_the_token_leave_the_host() -> None:
    with serve_replies(Reply()) as other_server:
        reply = Reply(status=302, headers={"Location": f"{other_server.url}/stolen"})
        with serve_replies(reply) as server, transport_to(server.url) as transport:
            assert transport.send(LISTING, TOKEN).status == 302
        assert not other_server.requests


@pytest.mark.parametrize("request_", [LISTING, SEARCH], ids=["GET", "POST"])
@pytest.mark.parametrize("end", ["reset", "truncated", "hanging"])
def test_a_connection_that_breaks_leaves_the_outcome_open(request_: Request, end: str) -> None:
    reply = Reply(body={"results": [1, 2, 3]}, end=end)  # type: ignore[arg-type]  # one of its ends
    with (
        serve_replies(reply) as server,
        transport_to(server.url, IMPATIENT if end == "hanging" else PATIENT) as transport,
        pytest.raises(Unavailable) as error,
    ):
        transport.send(request_, TOKEN)
    assert not isinstance(error.value, NotSent)
    assert len(server.requests) == 1


def test_a_refused_connection_is_certainly_not_sent() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with transport_to(f"http://127.0.0.1:{port}") as transport, pytest.raises(NotSent):
            transport.send(SEARCH, TOKEN)


def test_speaking_tls_to_a_plain_server_is_a_named_error() -> None:
    with serve_replies(Reply()) as server:
        url = server.url.replace("http:", "https:")
        with transport_to(url) as transport, pytest.raises(TemporaryError, match="SSL"):
            transport.send(LISTING, TOKEN)


def test_an_address_that_is_none_is_the_users_to_correct() -> None:
    with (
        transport_to("http://[") as transport,
        pytest.raises(WrongAddress, match="HUBSPOT_API_URL"),
    ):
        transport.send(LISTING, TOKEN)


def test_bodies_never_reach_the_logs_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    reply = Reply(body={"results": [{"email": PERSON}]})
    with serve_replies(reply) as server, transport_to(server.url) as transport:
        caplog.set_level(logging.DEBUG)
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(("hubspot", "urllib3")):
                caplog.set_level(logging.DEBUG, logger=name)
        path = "/crm/v3/objects/contacts/search"
        transport.send(Request(route=Route.SEARCH, path=path, body={"q": PERSON}), TOKEN)
        # The SDK logs an answer's body itself wherever it reads it; let it do so once.
        from hubspot.crm.owners import rest

        rest.logger.debug("response body: %s", PERSON)
    assert PERSON not in caplog.text
    assert "urllib3" not in {record.name.partition(".")[0] for record in caplog.records}
