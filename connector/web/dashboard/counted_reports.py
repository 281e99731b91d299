"""Count the reports beside the pages, so that no page waits for a million records."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from datetime import datetime
from threading import Lock, Thread
from typing import Any, Final

from connector.web.dashboard.source import DashboardSource

_FRESH_FACTOR: Final = 10
"""A report stays as it is for ten times as long as it took: counting takes a tenth at most."""
CountReport = Callable[[DashboardSource], dict[str, Any]]
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedReport:
    """What a page shows of a report, when it was counted, and until when it is shown again.

    `counted_at` is by the portal's time, `fresh_until` in seconds of the daemon's clock.
    """

    page: dict[str, Any]
    counted_at: datetime
    fresh_until: float


class CountedReports:
    """The last count of each report, by its name and the policy.

    A count that takes longer than `patience` seconds goes on in a thread of its own: the page shows
    the one before, if there is one. Two reports are never counted at once.
    """

    def __init__(self, monotonic: Callable[[], float], *, patience: float) -> None:
        self._monotonic = monotonic
        self._patience = patience
        self._last: dict[_Key, CountedReport] = {}
        self._running: dict[_Key, Future[CountedReport]] = {}
        self._lock = Lock()
        self._one_at_a_time = Lock()

    def read(self, name: str, count: CountReport, source: DashboardSource) -> CountedReport | None:
        """Return the report; the last one where it is still counted, None for the first time."""
        key = (name, source.policy.digest)
        last = self._last.get(key)
        if last and self._monotonic() < last.fresh_until:
            return last
        running = self._start(key, count, source)
        try:
            return running.result(self._patience)
        except NotInTime:
            return last

    def _start(
        self, key: _Key, count: CountReport, source: DashboardSource
    ) -> Future[CountedReport]:
        """Return the count that is under way, or a new one."""
        with self._lock:
            if key not in self._running:
                self._running[key] = running = Future[CountedReport]()
                arguments = (key, count, source, running)
                Thread(target=self._count, args=arguments, name="reports", daemon=True).start()
            return self._running[key]

    def _count(
        self,
        key: _Key,
        count: CountReport,
        source: DashboardSource,
        running: Future[CountedReport],
    ) -> None:
        try:
            with self._one_at_a_time:
                began = self._monotonic()
                page = count(source)
                ended = self._monotonic()
            fresh_until = ended + _FRESH_FACTOR * (ended - began)
            counted = CountedReport(page=page, counted_at=source.now, fresh_until=fresh_until)
        except Exception as error:
            # Any error, bugs included, is that of the page that asked: the next one tries again.
            with self._lock:
                del self._running[key]
            running.set_exception(error)
        else:
            with self._lock:
                # Those of another policy are not asked for again.
                self._last = {
                    stored_key: entry
                    for stored_key, entry in self._last.items()
                    if stored_key[1] == key[1]
                } | {key: counted}
                del self._running[key]
            running.set_result(counted)
