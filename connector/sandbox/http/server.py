"""Serve a portal over real HTTP on a port of its own."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final
from weakref import WeakSet

from connector.sandbox.http.handler import Handler
from connector.sandbox.http.served_portal import ServedPortal
from connector.sandbox.portal.portal import Portal

_JOIN_TIMEOUT: Final = 5.0


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], served_portal: ServedPortal) -> None:
        self.served_portal = served_portal
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


class Sandbox(ServedPortal):
    """A portal that is served over HTTP while the `with` block runs."""

    def __init__(
        self,
        portal: Portal,
        port: int = 0,
        token: str = "pat-eu1-sandbox",  # noqa: S107 -- opens nothing but this sandbox
        *,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(portal, token)
        self._server = _Server((host, port), self)
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://{host}:{self._server.server_address[1]}"

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
