"""A client whose requests reach a served portal without a socket, on the portal's clock."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import orjson

from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.failures import Unavailable
from connector.hubspot.http.response import Answer
from connector.hubspot.http.retry import RetryLimits
from connector.hubspot.http.routes import Request
from connector.sandbox.http.handler import render_answer
from connector.sandbox.http.served_portal import ServedPortal

REQUEST_SECONDS = 0.04
TIMEOUT_SECONDS = 30.0


class InProcessTransport:
    """Sends requests to a served portal; `before_step` runs before and after each of them."""

    def __init__(self, served: ServedPortal, before_step: Callable[[], None]) -> None:
        self._served = served
        self._before_step = before_step

    def send(self, request: Request, token: str) -> Answer:
        self._before_step()
        served, clock = self._served, self._served.portal.clock
        target = request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = {"authorization": f"Bearer {token}"}
        body = b"" if request.body is None else orjson.dumps(request.body)
        served_request = served.dispatcher.parse_request(request.method, target, headers, body)
        sent_at = clock.ms() / 1000
        answer = served.handle(served_request)
        hangs = answer.connection_fault == "hang"
        clock.advance(TIMEOUT_SECONDS if hangs else REQUEST_SECONDS)
        self._before_step()  # the process may die before the answer arrives, too
        if answer.connection_fault:
            raise Unavailable(f"the connection broke ({answer.connection_fault})")
        answer_headers, answer_body = render_answer(served, served_request, answer)
        return Answer(
            status=answer.status,
            headers={name.lower(): value for name, value in answer_headers.items()},
            body=answer_body,
            sent_at=sent_at,
            received_at=clock.ms() / 1000,
        )

    def close(self) -> None:
        """Nothing is open."""


def in_process_client(served: ServedPortal, before_step: Callable[[], None]) -> HubSpotClient:
    """Return a client of a served portal that waits by moving the portal's clock."""
    clock = served.portal.clock
    client = HubSpotClient(
        served.token,
        "https://simulated.invalid",
        wait=clock.advance,
        monotonic=lambda: clock.ms() / 1000,
        retry_limits=RetryLimits(random=lambda: 0.5),  # all chance comes from the story's seed
    )
    client._exchange._transport = InProcessTransport(served, before_step)  # type: ignore[assignment]  # same methods
    return client
