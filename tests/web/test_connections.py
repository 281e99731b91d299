"""Clients that send half a request do not keep others from the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from connector.web.connections import ConnectionLimits
from connector.web.server import serve_in_thread
from tests.web.asgi_client import WEBHOOK_PATH, FakeDaemon

HALF_OPEN = 220
PATIENT = ConnectionLimits(open_connections=50, idle_seconds=600, request_seconds=600)
HASTY = ConnectionLimits(open_connections=50, idle_seconds=0.2, request_seconds=600)
BRIEF_REQUESTS = ConnectionLimits(open_connections=50, idle_seconds=600, request_seconds=0.2)


@contextmanager
def served(limits: ConnectionLimits) -> Iterator[tuple[str, int]]:
    with serve_in_thread(FakeDaemon().app(), "127.0.0.1", 0, limits) as url:
        parts = urlsplit(url)
        yield str(parts.hostname), int(parts.port or 0)


@contextmanager
def half_open(address: tuple[str, int], count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Open connections that send the beginning of a request and nothing more."""
    connections = []
    try:
        for _ in range(count):
            connection = socket.create_connection(address, timeout=60)
            connections.append(connection)
            connection.sendall(sent)
        yield connections
    finally:
        for connection in connections:
            connection.close()


def get_status(address: tuple[str, int], path: str) -> int:
    connection = HTTPConnection(*address, timeout=60)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def wait_until_closed(connection: socket.socket) -> None:
    """Wait until the server closes a connection; TimeoutError after its timeout."""
    try:
        while connection.recv(1024):
            pass
    except ConnectionResetError:
        return


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n",
        b"POST " + WEBHOOK_PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n[",
    ],
    ids=["nothing", "half a header", "half a body"],
)
def test_220_half_open_connections_are_not_felt(sent: bytes) -> None:
    with served(PATIENT) as address, half_open(address, HALF_OPEN, sent):
        assert [get_status(address, path) for path in ("/healthz", "/readyz", "/metrics")] == [
            200,
            200,
            200,
        ]


def test_a_header_that_does_not_end_closes_the_connection() -> None:
    with served(HASTY) as address, half_open(address, 1, b"GET /healthz HT") as (connection,):
        wait_until_closed(connection)


def test_a_connection_that_only_trickles_after_its_response_is_closed() -> None:
    request = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with (
        served(HASTY) as address,
        half_open(address, 1, request) as (connection,),
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        connection.settimeout(0.01)
        while True:
            connection.sendall(b"x")
            with suppress(TimeoutError):
                if not connection.recv(1024):
                    raise ConnectionResetError


def test_a_response_that_takes_too_long_closes_the_connection() -> None:
    app = FastAPI()

    @app.get("/never")
    async def never() -> None:
        await asyncio.Event().wait()

    request = b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        serve_in_thread(app, "127.0.0.1", 0, BRIEF_REQUESTS) as url,
        half_open(("127.0.0.1", int(url.rpartition(":")[2])), 1, request) as (connection,),
    ):
        wait_until_closed(connection)


def test_a_connection_that_is_kept_alive_answers_again() -> None:
    with served(PATIENT) as address:
        connection = HTTPConnection(*address, timeout=60)
        for _ in range(3):
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b"alive\n")
        connection.close()
