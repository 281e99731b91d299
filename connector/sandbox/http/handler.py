"""Serve one HTTP connection: read requests, send each answer in one write."""

from __future__ import annotations

import json
import select
import socket
import struct
import zlib
from datetime import timedelta
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import orjson

from connector.sandbox.http import admin
from connector.sandbox.http.call import Answer, Request
from connector.sandbox.http.served_portal import ServedPortal

_GZIP_MIN_BYTES: Final = 860
_JSON: Final = "application/json;charset=utf-8"
_HTML: Final = "text/html;charset=iso-8859-1"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # closing resets the connection


class Handler(BaseHTTPRequestHandler):
    """Reads requests from one kept-alive connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0
    server: Any

    def do_GET(self) -> None:
        """Serve one request, whatever its method."""
        served: ServedPortal = self.server.served_portal
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = served.dispatcher.parse_request(self.command, self.path, headers, body)
        request.local = self.client_address[0] in {"127.0.0.1", "::1"}
        if admin.is_admin_request(request):
            self._send(served, request, admin.answer(served, request))
            return
        answer = served.handle(request)
        if answer.connection_fault == "hang":
            self._hang(served)
        elif answer.connection_fault == "reset":
            self._reset()
        else:
            self._send(served, request, answer)
            served.note_sent(request)

    def do_POST(self) -> None:
        """Serve a POST."""
        self.do_GET()

    def do_PATCH(self) -> None:
        """Serve a PATCH."""
        self.do_GET()

    def do_PUT(self) -> None:
        """Serve a PUT."""
        self.do_GET()

    def do_DELETE(self) -> None:
        """Serve a DELETE."""
        self.do_GET()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the parent's name
        """Log nothing; `ServedPortal.requests` has the served requests."""

    def _send(self, served: ServedPortal, request: Request, answer: Answer) -> None:
        headers, body = render_answer(served, request, answer)
        self._write(answer, headers, body)

    def _write(self, answer: Answer, headers: dict[str, str], body: bytes) -> None:
        reason = responses.get(answer.status, "")
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if answer.connection_fault == "truncate":
            body = body[: len(body) // 2]
            self.close_connection = True
        try:
            self.wfile.write(head + body)
        except OSError:
            self.close_connection = True  # the client has gone

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.connection.close()

    def _hang(self, served: ServedPortal) -> None:
        """Stay silent until the client gives up, the sandbox stops, or `hang_seconds` are over."""
        self.close_connection = True
        deadline = monotonic() + served.portal.switches.hang_seconds
        while monotonic() < deadline and not served.stopping.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                return


def render_answer(
    served: ServedPortal, request: Request, answer: Answer
) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body of an answer, as they are sent to the client."""
    correlation_id = str(uuid4())
    body, content_type = _encode_body(answer, correlation_id)
    headers = {
        "Date": _date_header(served),
        "x-content-type-options": "nosniff",
        "vary": "origin, Accept-Encoding",
        "x-hubspot-correlation-id": correlation_id,
        **answer.headers,
    }
    if answer.status not in {401, 403}:
        headers |= served.dispatcher.limits.headers(request.route)
    if body or answer.status != 204:
        headers["Content-Type"] = content_type
    if len(body) > _GZIP_MIN_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = _gzip_body(body), "gzip"
    if answer.status != 204:
        headers["Content-Length"] = str(len(body))
    return headers, body


def _date_header(served: ServedPortal) -> str:
    offset = timedelta(seconds=served.portal.switches.date_header_offset_seconds)
    return format_datetime(served.portal.clock.now() + offset, usegmt=True)


def _encode_body(answer: Answer, correlation_id: str) -> tuple[bytes, str]:
    if answer.body is None:
        return b"", _JSON
    if isinstance(answer.body, str):
        return answer.body.encode("latin-1", "replace"), _HTML
    if answer.status >= 400:
        answer.body.setdefault("correlationId", correlation_id)
    try:
        return orjson.dumps(answer.body), _JSON
    except TypeError:  # a text that was cut inside an emoji is no UTF-8; HubSpot escapes it
        return json.dumps(answer.body).encode(), _JSON


def _gzip_body(body: bytes) -> bytes:
    compressor = zlib.compressobj(1, wbits=31)
    return compressor.compress(body) + compressor.flush()
