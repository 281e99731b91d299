"""Serve the answers that a test lists, request by request, on loopback."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import orjson

DATE = "Thu, 12 Mar 2026 07:35:05 GMT"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one request is answered; `end` is how the connection goes on."""

    status: int = 200
    body: object = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    end: Literal["kept", "reset", "truncated", "hanging"] = "kept"

    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


@dataclass(frozen=True, kw_only=True)
class ReceivedRequest:
    """One request as the server heard it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: object
    client: tuple[str, int]


Rule = Callable[[ReceivedRequest], Reply]


class ScriptedServer(ThreadingHTTPServer):
    """Answers with its replies in order; without any left, with the last one for ever.

    With a `rule`, each answer depends on the request instead.
    """

    daemon_threads = True

    def __init__(self, replies: list[Reply], rule: Rule | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rule = rule
        self.replies = replies
        self.requests: list[ReceivedRequest] = []
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reply_to(self, request: ReceivedRequest) -> Reply:
        if self.rule:
            return self.rule(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that left: many tests are about just that."""


@contextmanager
def serve_replies(*replies: Reply) -> Iterator[ScriptedServer]:
    """Serve these replies until the block ends."""
    with _serving(ScriptedServer(list(replies))) as server:
        yield server


@contextmanager
def serve_by_rule(rule: Rule) -> Iterator[ScriptedServer]:
    """Answer each request by a rule until the block ends."""
    with _serving(ScriptedServer([], rule)) as server:
        yield server


@contextmanager
def _serving(server: ScriptedServer) -> Iterator[ScriptedServer]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self._answer(orjson.loads(self.rfile.read(length)))

    def _answer(self, body: object) -> None:
        request = ReceivedRequest(
            method=self.command,
            path=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            client=self.client_address,
        )
        self.server.requests.append(request)
        reply = self.server.reply_to(request)
        if reply.end == "reset":
            self._reset()
        elif reply.end == "hanging":
            self.server.stopped.wait(10)
            self.close_connection = True
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        payload = reply.payload()
        gzipped = "gzip" in self.headers.get("accept-encoding", "")
        sent = gzip.compress(payload, 1) if gzipped else payload
        header_lines = {
            "Date": DATE,
            "Content-Type": "application/json;charset=utf-8",
            "Content-Length": str(len(sent)),
            **({"Content-Encoding": "gzip"} if gzipped else {}),
            **reply.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in header_lines.items())
        if reply.end == "truncated":
            sent, self.close_connection = sent[: len(sent) // 2], True
        self.wfile.write(f"HTTP/1.1 {reply.status} Said\r\n{head}\r\n".encode() + sent)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Write nothing: pytest's output is for people."""
