"""A portal that is served: its token, its faults, the requests so far, and its webhooks."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock

from connector.sandbox.http.call import Answer, Request
from connector.sandbox.http.deliveries import Deliveries, DeliverySettings
from connector.sandbox.http.dispatcher import Dispatcher
from connector.sandbox.http.faults import Faults
from connector.sandbox.http.routes import ROUTES
from connector.sandbox.portal.portal import Portal

_WRITE_ROUTES = frozenset(route.name for route in ROUTES if route.is_write)
Callback = Callable[[Request], None]


class ServedPortal:
    """Answers the requests of clients to one portal, and records them.

    `before_answer` is called before a request has any effect, `after_answer` when its answer was
    sent. `stopping` is set when the portal is served no more.
    """

    def __init__(self, portal: Portal, token: str) -> None:
        self.portal = portal
        self.token = token
        self.dispatcher = Dispatcher(portal, token)
        self.requests: list[Request] = []
        self.before_answer: Callback | None = None
        self.after_answer: Callback | None = None
        self.stopping = Event()
        self.deliveries: Deliveries | None = None
        self._lock = Lock()

    @property
    def faults(self) -> Faults:
        """Return the faults that requests may meet."""
        return self.dispatcher.faults

    def set_deliveries(self, settings: DeliverySettings | None) -> None:
        """Deliver the portal's events to a webhook from now on, or to none."""
        if self.deliveries is not None:
            self.deliveries.close()
        self.deliveries = Deliveries(self.portal, settings) if settings else None

    def write_requests(self) -> list[Request]:
        """Return the served requests that change records."""
        return [request for request in self.requests if request.route in _WRITE_ROUTES]

    def request_count(self, route: str = "") -> int:
        """Return how many requests were served, of one route or of all."""
        return sum(1 for request in self.requests if route in {"", request.route})

    def clear_requests(self) -> None:
        """Forget the served requests."""
        with self._lock:
            self.requests.clear()

    def handle(self, request: Request) -> Answer:
        """Answer one request of a client, and record it."""
        with self._lock:
            self.requests.append(request)
        if self.before_answer is not None:
            self.before_answer(request)
        answer = self.dispatcher.answer(request)
        request.status = 0 if answer.connection_fault in {"hang", "reset"} else answer.status
        if latency := self.portal.switches.latency_seconds:
            self.stopping.wait(latency)
        return answer

    def note_sent(self, request: Request) -> None:
        """Call `after_answer`: the answer to a request was sent."""
        if self.after_answer is not None:
            self.after_answer(request)
