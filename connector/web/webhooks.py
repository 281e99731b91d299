"""Take HubSpot's deliveries: checked, stored, and only then answered."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from connector.errors import ConnectorError
from connector.hubspot.codec.events import NotEvents, Told, told
from connector.hubspot.signature import Delivery, problem
from connector.web.front import Front
from connector.web.rate import Rate

PATH: Final = "/webhooks/hubspot"
MOST_BYTES: Final = 2**20
PER_SECOND: Final = 500
"""Deliveries; HubSpot sends at most ten at once by default, and repeats what is refused."""
_WORDS_PER_SECOND: Final = 1 / 60
SECONDS_TO_ARRIVE: Final = 5.0
"""HubSpot waits no longer for an answer, so a body that takes longer is of no use."""

_log = structlog.get_logger()


class TooLarge(Exception):  # noqa: N818 - named by what it is
    """A body over the limit."""


class Webhooks:
    """The endpoint; it holds the rate open."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._rate = Rate(PER_SECOND, burst=2 * PER_SECOND, monotonic=front.monotonic)
        self._words = Rate(_WORDS_PER_SECOND, burst=1, monotonic=front.monotonic)

    async def receive(self, request: Request) -> Response:
        """Answer one delivery: 204 once its events are stored, or why they are not."""
        if not self._rate.take():
            return _answer(429, "too many deliveries", {"Retry-After": "1"})
        try:
            body = await asyncio.wait_for(_body(request), SECONDS_TO_ARRIVE)
        except TooLarge:
            return _answer(413, "the body is larger than 1 MiB")
        except (TimeoutError, ClientDisconnect):
            return _answer(408, "the body did not arrive in time")
        wrong = self._problem(request, body)
        if wrong:
            self._refused(wrong)
            return _answer(401, wrong)
        return await self._store(body)

    def _refused(self, wrong: str) -> None:
        """Count it, and say so now and then: anybody may send as many as they like."""
        self._front.note("refused", 1)
        if self._words.take():
            _log.warning("webhook.refused", reason=wrong, signed_for=self._front.public_url + PATH)

    def _problem(self, request: Request, body: bytes) -> str:
        front = self._front
        if front.signing is None:
            return "webhooks are off: HUBSPOT_WEBHOOK_SECRET is not set"
        query = request.scope["query_string"].decode("latin-1")
        delivery = Delivery(
            method=request.method,
            uri=f"{front.public_url}{PATH}{'?' if query else ''}{query}",
            body=body,
            headers=request.headers,
        )
        return problem(delivery, front.signing, front.now())

    async def _store(self, body: bytes) -> Response:
        portal_id = self._front.portal_id()
        if not portal_id:
            return _answer(503, "the portal is not known yet", {"Retry-After": "10"})
        try:
            found = told(body, portal_id)
            await self._keep(found)
        except NotEvents as error:
            self._front.note("unreadable", 1)
            return _answer(400, str(error))
        except ConnectorError as error:
            _log.warning("webhook.not_stored", error=type(error).__name__)
            return _answer(503, "the events could not be stored", {"Retry-After": "10"})
        return Response(status_code=204)

    async def _keep(self, found: Told) -> None:
        if found.events:
            await asyncio.wrap_future(self._front.receive(found.events))
        self._front.note("accepted", len(found.events))
        self._front.note("passed over", found.passed_over)


async def _body(request: Request) -> bytes:
    """Read the raw body; raise TooLarge as soon as it is certain."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge
    return bytes(body)


def _answer(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return Response(f"{why}\n", status_code=status, media_type="text/plain", headers=headers)
