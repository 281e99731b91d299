"""Store the times of recent requests, shared by all processes on one database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
from filelock import FileLock

from connector.core.rate_slots import next_slot, recent_slots
from state.db.errors import DatabaseUnusable

_LOCK_POLL_SECONDS: Final = 0.001  # the lock is held for about a tenth of that


class RateSlots:
    """The rate slots of one portal, in a small file beside the database.

    Slots older than the rate limit's interval are worthless, so they need neither a transaction
    nor a disk sync, which would delay each request.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread_lock = Lock()
        self._process_lock = FileLock(path.with_name(f"{path.name}.lock"))

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Reserve the next slot of a bucket; return its time in seconds of the machine's clock."""
        with self._open_slots() as slots:
            recent = recent_slots(slots.get(name, ()), now, interval=interval)
            slot = next_slot(recent, now, limit=limit, interval=interval)
            slots[name] = [*recent, slot]
        return slot

    def add(self, name: str, times: Sequence[float], now: float) -> None:
        """Add slots of a bucket that were taken before it was shared."""
        with self._open_slots() as slots:
            slots[name] = sorted([*slots.get(name, ()), *times])

    def count_request(self, day: date) -> int:
        """Count a request of that day; return the day's number of requests."""
        with self._open_slots() as slots:
            counted_day, number = slots.get("day", ("", 0))
            number = number + 1 if counted_day == day.isoformat() else 1
            slots["day"] = (day.isoformat(), number)
        return number

    @contextmanager
    def _open_slots(self) -> Iterator[dict[str, Any]]:
        """Lock and read the slots; write them back at the end.

        The file is overwritten in place and padded with spaces, which JSON allows: shortening it
        would wait for the disk.
        """
        with (
            self._thread_lock,
            self._hold_process_lock(),
            self._path.open("r+b", buffering=0) as file,
        ):
            content = file.readall()
            slots = _parse_slots(content)
            yield slots
            with suppress(OSError):  # on a full disk the pace is not shared, and requests go on
                file.seek(0)
                file.write(orjson.dumps(slots).ljust(len(content)))

    @contextmanager
    def _hold_process_lock(self) -> Iterator[None]:
        try:
            with self._process_lock.acquire(poll_interval=_LOCK_POLL_SECONDS):
                self._path.touch()
                yield
        except OSError as error:
            raise DatabaseUnusable(
                f"{self._path}: {error.strerror}: give this user the right to write the folder"
            ) from error


def _parse_slots(content: bytes) -> dict[str, Any]:
    """Parse the file; one that a crash cut short counts as empty."""
    try:
        slots: dict[str, Any] = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return slots
