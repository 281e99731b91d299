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

from connector.sandbox.http import admin
from connector.sandbox.http.call import Answer, Request
from connector.sandbox.http.deliveries import Deliveries, DeliverySettings
from connector.sandbox.http.dispatcher import Dispatcher
from connector.sandbox.http.faults import Faults
from connector.sandbox.http.handler import Handler
from connector.sandbox.http.routes import ROUTES
from connector.sandbox.portal.portal import Portal

_JOIN_TIMEOUT: Final = 5.0
_WRITE_ROUTES = frozenset(route.name for route in ROUTES if route.is_write)
Callback = Callable[[Request], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._connections: set[socket.socket] = set()
        self._connection_threads: WeakSet[Thread] = WeakSet()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        arguments = (request, client_address)
        thread = Thread(target=self.process_request_thread, args=arguments, daemon=True)
        self._connection_threads.add(thread)
        thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], OSError):  # a client that went away is no error
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other side was faster
        for thread in list(self._connection_threads):
            thread.join(timeout=_JOIN_TIMEOUT)


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
        self.dispatcher = Dispatcher(portal, token)
        self.requests: list[Request] = []
        self.before_answer: Callback | None = None
        self.after_answer: Callback | None = None
        self.stopping = Event()
        self.deliveries: Deliveries | None = None
        self._lock = Lock()
        self._server = _Server((host, port), self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://{host}:{self._server.server_address[1]}"

    @property
    def faults(self) -> Faults:
        """Return the faults that wait to strike."""
        return self.dispatcher.faults

    def __enter__(self) -> Sandbox:
        self._thread.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, and end every connection."""
        self.stopping.set()
        self.set_deliveries(None)
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.close_connections()
        self._server.server_close()

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
        """Answer one request of a client, and note it."""
        if admin.is_admin_request(request):
            return admin.answer(self, request)
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
        """Note that an answer was sent."""
        if self.after_answer is not None and not admin.is_admin_request(request):
            self.after_answer(request)


def serve(
    portal: Portal,
    port: int,
    token: str,
    on_ready: Callable[[Sandbox], None] | None = None,
) -> None:
    """Serve a portal until SIGINT or SIGTERM."""
    stop = Event()
    old_handlers = {
        signal_number: signal.signal(signal_number, lambda *_: stop.set())
        for signal_number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with Sandbox(portal, port, token) as sandbox:
            if on_ready is not None:
                on_ready(sandbox)
            while not stop.wait(3600):
                continue
    finally:
        for signal_number, handler in old_handlers.items():
            signal.signal(signal_number, handler)
