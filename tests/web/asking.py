"""Ask the web application without a socket: one request in, one answer out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI

from connector.core.event import Event
from connector.errors import ConnectorError
from connector.hubspot.signature import Delivery, Signing, v3
from connector.web.app import create
from connector.web.front import Front

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PUBLIC = "https://connector.example.com"
PATH = "/webhooks/hubspot"
PORTAL = "147893286"
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@dataclass
class Daemon:
    """What the web sees of a daemon, as a test wants it."""

    legacy: bool = False
    signing: bool = True
    portal_id: str = PORTAL
    now: datetime = NOW
    seconds: float = 0.0
    wrong: Sequence[str] = ()
    fails: ConnectorError | None = None
    received: list[Event] = field(default_factory=list)
    noted: dict[str, int] = field(default_factory=dict)

    def app(self) -> FastAPI:
        signing = Signing(secret=SECRET, legacy=self.legacy) if self.signing else None
        return create(
            Front(
                problems=lambda: self.wrong,
                metrics=lambda: b"connector_due 3.0\n",
                portal_id=lambda: self.portal_id,
                now=lambda: self.now,
                monotonic=lambda: self.seconds,
                receive=self._receive,
                signing=signing,
                public_url=PUBLIC,
                note=self._note,
            )
        )

    def _receive(self, events: Sequence[Event]) -> Future[None]:
        done: Future[None] = Future()
        if self.fails:
            done.set_exception(self.fails)
        else:
            self.received.extend(events)
            done.set_result(None)
        return done

    def _note(self, result: str, count: int) -> None:
        self.noted[result] = self.noted.get(result, 0) + count


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    headers: Mapping[str, str]


def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Sequence[bytes] = b"",
    query: bytes = b"",
    leaves: bool = False,
) -> Answer:
    """Send one request; its body may come in pieces, or the client may leave before its end."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in (headers or {}).items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if leaves and not pieces:
            return {"type": "http.disconnect"}
        more = leaves or len(pieces) > 1
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": more}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # as a server calls it
    start, parts = sent[0], [one.get("body", b"") for one in sent[1:]]
    told = {name.decode(): value.decode() for name, value in start["headers"]}  # type: ignore[attr-defined]
    return Answer(int(str(start["status"])), b"".join(parts).decode(), told)  # type: ignore[arg-type]


def signed(
    body: bytes, *, at: datetime = NOW, query: str = "", method: str = "POST"
) -> dict[str, str]:
    """Return the headers of a delivery as HubSpot signs it."""
    uri = f"{PUBLIC}{PATH}{'?' if query else ''}{query}"
    timestamp = str(round(at.timestamp() * 1000))
    delivery = Delivery(method=method, uri=uri, body=body, headers={})
    return {
        "X-HubSpot-Signature-v3": v3(SECRET, delivery, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
        "Content-Type": "application/json",
    }
