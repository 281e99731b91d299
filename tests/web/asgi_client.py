"""Ask the web application without a socket: one request in, one answer out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastapi import FastAPI

from connector.config.dashboard_access import DashboardAccessSettings
from connector.core.webhook_event import Event
from connector.errors import ConnectorError
from connector.hubspot.webhook_signature import Delivery, SigningSettings, v3_signature
from connector.web.app import create_app
from connector.web.daemon_link import DaemonLink
from connector.web.dashboard.source import DashboardSource

CLIENT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
PUBLIC_URL = "https://connector.example.com"
WEBHOOK_PATH = "/webhooks/hubspot"
PORTAL_ID = "147893286"
NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@dataclass
class FakeDaemon:
    """What the web sees of a daemon, as a test wants it."""

    accept_v1: bool = False
    sign_deliveries: bool = True
    portal_id: str = PORTAL_ID
    now: datetime = NOW
    seconds: float = 0.0
    problems: Sequence[str] = ()
    failures: Sequence[str] = ()
    remarks: Sequence[str] = ()
    storage_error: ConnectorError | None = None
    dashboard_source: DashboardSource | None = None
    report_seconds: float = 60.0
    """Longer than any report of a test takes."""
    access: DashboardAccessSettings = field(default_factory=DashboardAccessSettings)
    stored_events: list[Event] = field(default_factory=list)
    delivery_counts: dict[str, int] = field(default_factory=dict)

    def app(self) -> FastAPI:
        signing = (
            SigningSettings(secret=CLIENT_SECRET, legacy=self.accept_v1)
            if self.sign_deliveries
            else None
        )
        return create_app(
            DaemonLink(
                problems=lambda: self.problems,
                failures=lambda: self.failures,
                remarks=lambda: self.remarks,
                metrics=lambda: b"connector_due 3.0\n",
                portal_id=lambda: self.portal_id,
                now=lambda: self.now,
                monotonic=lambda: self.seconds,
                receive=self._receive,
                signing=signing,
                public_url=PUBLIC_URL,
                count_deliveries=self._count_deliveries,
                dashboard_source=lambda: self.dashboard_source,
                dashboard_access=self.access,
                report_seconds=self.report_seconds,
            )
        )

    def _receive(self, events: Sequence[Event]) -> Future[None]:
        result: Future[None] = Future()
        if self.storage_error:
            result.set_exception(self.storage_error)
        else:
            self.stored_events.extend(events)
            result.set_result(None)
        return result

    def _count_deliveries(self, result: str, count: int) -> None:
        self.delivery_counts[result] = self.delivery_counts.get(result, 0) + count


@dataclass(frozen=True)
class Response:
    status: int
    body: str
    headers: Mapping[str, str]


def send_request(
    app: FastAPI,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Sequence[bytes] = b"",
    query: bytes = b"",
    disconnects: bool = False,
    address: str = "127.0.0.1",
) -> Response:
    """Send one request; its body may come in pieces, or the client may leave before its end."""
    chunks = [body] if isinstance(body, bytes) else list(body)
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
        "client": (address, 1),
        "server": ("127.0.0.1", 8080),
    }
    messages: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        if disconnects and not chunks:
            return {"type": "http.disconnect"}
        more_body = disconnects or len(chunks) > 1
        chunk = chunks.pop(0) if chunks else b""
        return {"type": "http.request", "body": chunk, "more_body": more_body}

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]  # as a server calls it
    start, chunks_sent = messages[0], [part.get("body", b"") for part in messages[1:]]
    response_headers = {name.decode(): value.decode() for name, value in start["headers"]}  # type: ignore[attr-defined]
    return Response(int(str(start["status"])), b"".join(chunks_sent).decode(), response_headers)  # type: ignore[arg-type]


def signed_headers(
    body: bytes, *, at: datetime = NOW, query: str = "", method: str = "POST"
) -> dict[str, str]:
    """Return the headers of a delivery as HubSpot signs it."""
    uri = f"{PUBLIC_URL}{WEBHOOK_PATH}{'?' if query else ''}{query}"
    timestamp = str(round(at.timestamp() * 1000))
    delivery = Delivery(method=method, uri=uri, body=body, headers={})
    return {
        "X-HubSpot-Signature-v3": v3_signature(CLIENT_SECRET, delivery, timestamp),
        "X-HubSpot-Request-Timestamp": timestamp,
        "Content-Type": "application/json",
    }
