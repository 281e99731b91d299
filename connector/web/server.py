"""Serve the web application in a thread of the daemon's process."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Final

import uvicorn
from fastapi import FastAPI

from connector.errors import UserError
from connector.web.connections import ConnectionLimits, bounded_protocol

_BACKLOG: Final = 200
"""Connections that the system holds until they are accepted."""
_SHUTDOWN_SECONDS: Final = 2
_LIMITS: Final = ConnectionLimits()


@contextmanager
def serve_in_thread(
    app: FastAPI, host: str, port: int, limits: ConnectionLimits = _LIMITS
) -> Iterator[str]:
    """Serve while the block runs, and yield the address; UserError where it is taken."""
    with _listening_socket(host, port) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                # Who connects is who counts: the dashboard trusts named proxies alone.
                proxy_headers=False,
                http=bounded_protocol(limits, time.monotonic),
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )
        thread = Thread(target=server.run, args=([listener],), name="web", daemon=True)
        thread.start()
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(_SHUTDOWN_SECONDS + 1)


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UserError(
            f"Nothing can listen on {host}:{port} ({error.strerror}): set CONNECTOR_LISTEN to an "
            "address of this machine that is free."
        ) from error
    return listener
