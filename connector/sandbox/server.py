"""The box's door: the portal over real HTTP on a port of its own."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Final
from weakref import WeakSet

from connector.sandbox import admin
from connector.sandbox.call import Answer, Request
from connector.sandbox.deliveries import Deliveries, Manner
from connector.sandbox.faults import Faults
from connector.sandbox.handler import Handler
from connector.sandbox.portal import Portal
from connector.sandbox.reception import Reception
from connector.sandbox.routes import ROUTES

_PATIENCE: Final = 5.0
_WRITES = frozenset(route.name for route in ROUTES if route.writes)
Callback = Callable[[Request], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], box: Sandbox) -> None:
        self.box = box
        self._open: set[socket.socket] = set()
        self._talking: WeakSet[Thread] = WeakSet()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        ends = (request, client_address)
        thread = Thread(target=self.process_request_thread, args=ends, daemon=True)
        self._talking.add(thread)
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no error
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster
        for thread in list(self._talking):
            thread.join(timeout=_PATIENCE)


class Sandbox:
    """A portal that is served while the `with` block runs."""

    def __init__(
        self,
        portal: Portal,
        port: int = 0,
        token: str = "pat-eu1-sandbox",  # noqa: S107 -- opens nothing but this box
        *,
        host: str = "127.0.0.1",
    ) -> None:
        self.portal = portal
        self.token = token
        self.reception = Reception(portal, token)
        self.requests: list[Request] = []
        self.before: Callback | None = None
        self.after: Callback | None = None
        self.stopping = Event()
        self.deliveries: Deliveries | None = None
        self._lock = Lock()
        self._server = _Server((host, port), self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://{host}:{self._server.server_address[1]}"

    @property
    def faults(self) -> Faults:
        """Return the faults that wait to strike."""
        return self.reception.faults

    def __enter__(self) -> Sandbox:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, and end every connection."""
        self.stopping.set()
        self.deliver(None)
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()

    def deliver(self, manner: Manner | None) -> None:
        """Deliver the portal's events to a webhook from now on, or to none."""
        if self.deliveries is not None:
            self.deliveries.close()
        self.deliveries = Deliveries(self.portal, manner) if manner else None

    def writes(self) -> list[Request]:
        """Return the served requests that change records."""
        return [one for one in self.requests if one.route in _WRITES]

    def count(self, route: str = "") -> int:
        """Return how many requests were served, of one route or of all."""
        return sum(1 for one in self.requests if route in {"", one.route})

    def forget(self) -> None:
        """Forget the served requests."""
        with self._lock:
            self.requests.clear()

    def serve_one(self, request: Request) -> Answer:
        """Answer one request of a client, and note it."""
        if admin.is_for(request):
            return admin.answer(self, request)
        with self._lock:
            self.requests.append(request)
        if self.before is not None:
            self.before(request)
        answer = self.reception.answer(request)
        request.status = 0 if answer.cut in {"hang", "reset"} else answer.status
        if latency := self.portal.switches.latency_seconds:
            self.stopping.wait(latency)
        return answer

    def sent(self, request: Request) -> None:
        """Note that an answer was sent."""
        if self.after is not None and not admin.is_for(request):
            self.after(request)


def serve(
    portal: Portal,
    port: int,
    token: str,
    on_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Serve a portal until SIGINT or SIGTERM."""
    stop = Event()
    old = {
        one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with Sandbox(portal, port, token) as box:
            if on_ready is not None:
                on_ready(box)
            while not stop.wait(3600):
                continue
    finally:
        for one, handler in old.items():
            signal.signal(one, handler)
