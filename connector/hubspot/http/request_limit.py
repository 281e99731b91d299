"""Count the requests that are sent, where a command has promised to send no more than a number."""

from __future__ import annotations

from threading import Lock

from connector.hubspot.http.failures import RequestsUsedUp


class RequestLimit:
    """Counts every request, also those that are sent again; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._limit: int | None = None
        self._sent = 0

    def begin(self, limit: int) -> None:
        """Let so many requests be sent from now on."""
        with self._lock:
            self._limit, self._sent = limit, 0

    def count(self) -> None:
        """Count a request that is about to be sent; raise RequestsUsedUp where it may not be."""
        with self._lock:
            if self._limit is None:
                return
            if self._sent >= self._limit:
                raise RequestsUsedUp(f"the budget of {self._limit} requests is used")
            self._sent += 1
