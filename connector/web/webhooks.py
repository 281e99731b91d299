"""Receive HubSpot's webhook deliveries: check the signature, store the events, answer."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from connector.errors import ConnectorError
from connector.hubspot.codec.webhook_events import InvalidDelivery, ParsedDelivery, parse_delivery
from connector.hubspot.webhook_signature import Delivery, signature_problem
from connector.web.daemon_link import DaemonLink
from connector.web.token_bucket import RateLimit

PATH: Final = "/webhooks/hubspot"
MAX_BYTES: Final = 2**20
DELIVERIES_PER_SECOND: Final = 500
"""Deliveries a second; HubSpot sends at most ten at once, and repeats those that are refused."""
MAX_CONCURRENT: Final = 64
"""Deliveries that are answered at once, so that the other paths keep connections of their own."""
_WARNINGS_PER_SECOND: Final = 1 / 60
BODY_TIMEOUT_SECONDS: Final = 5.0
"""HubSpot waits no longer for an answer (its webhooks guide), so a slower body is of no use."""

_log = structlog.get_logger()


class TooLarge(Exception):
    """A body over the limit."""


class Webhooks:
    """The endpoint, with its limits of deliveries and of warnings."""

    def __init__(self, daemon_link: DaemonLink) -> None:
        self._daemon_link = daemon_link
        self._rate_limit = RateLimit(
            DELIVERIES_PER_SECOND, burst=2 * DELIVERIES_PER_SECOND, monotonic=daemon_link.monotonic
        )
        self._warning_limit = RateLimit(
            _WARNINGS_PER_SECOND, burst=1, monotonic=daemon_link.monotonic
        )
        self._active = 0

    async def receive(self, request: Request) -> Response:
        """Answer one delivery: 204 once its events are stored, else a status and the reason."""
        if self._active >= MAX_CONCURRENT or not self._rate_limit.try_acquire():
            return _response(429, "too many deliveries", {"Retry-After": "1"})
        self._active += 1
        try:
            return await self._handle(request)
        finally:
            self._active -= 1

    async def _handle(self, request: Request) -> Response:
        try:
            body = await asyncio.wait_for(_read_body(request), BODY_TIMEOUT_SECONDS)
        except TooLarge:
            return _response(413, "the body is larger than 1 MiB")
        except (TimeoutError, ClientDisconnect):
            return _response(408, "the body did not arrive in time")
        refusal = self._problem(request, body)
        if refusal:
            self._note_refusal(refusal)
            return _response(401, refusal)
        return await self._store_delivery(body)

    def _note_refusal(self, refusal: str) -> None:
        """Count a refusal, and log at most one a minute, since anybody may send any number."""
        self._daemon_link.count_deliveries("refused", 1)
        if self._warning_limit.try_acquire():
            _log.warning(
                "webhook.refused", reason=refusal, signed_for=self._daemon_link.public_url + PATH
            )

    def _problem(self, request: Request, body: bytes) -> str:
        daemon_link = self._daemon_link
        if daemon_link.signing is None:
            return "webhooks are off: HUBSPOT_WEBHOOK_SECRET is not set"
        query = request.scope["query_string"].decode("latin-1")
        delivery = Delivery(
            method=request.method,
            uri=f"{daemon_link.public_url}{PATH}{'?' if query else ''}{query}",
            body=body,
            headers=request.headers,
        )
        return signature_problem(delivery, daemon_link.signing, daemon_link.now())

    async def _store_delivery(self, body: bytes) -> Response:
        portal_id = self._daemon_link.portal_id()
        if not portal_id:
            return _response(503, "the portal is not known yet", {"Retry-After": "10"})
        try:
            parsed_events = parse_delivery(body, portal_id)
            await self._store_events(parsed_events)
        except InvalidDelivery as error:
            self._daemon_link.count_deliveries("unreadable", 1)
            return _response(400, str(error))
        except ConnectorError as error:
            _log.warning("webhook.not_stored", error=type(error).__name__)
            return _response(503, "the events could not be stored", {"Retry-After": "10"})
        return Response(status_code=204)

    async def _store_events(self, parsed_events: ParsedDelivery) -> None:
        if parsed_events.events:
            await asyncio.wrap_future(self._daemon_link.receive(parsed_events.events))
        self._daemon_link.count_deliveries("accepted", len(parsed_events.events))
        self._daemon_link.count_deliveries("passed over", parsed_events.skipped)


async def _read_body(request: Request) -> bytes:
    """Read the raw body; raise TooLarge as soon as it is over the limit."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise TooLarge
    return bytes(body)


def _response(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{message}\n", status_code=status, media_type="text/plain", headers=headers)
