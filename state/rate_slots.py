"""Remember when requests were sent lately, for all processes on one database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any, Final

import orjson
from filelock import FileLock

from connector.core.rate_slots import next_slot, recent_slots
from connector.errors import UserError

_LOCK_POLL_SECONDS: Final = (
    0.001  # seconds between looks at a lock that is held for a tenth of that
)


class RateSlots:
    """The turns of one portal, in a small file beside the database.

    They are worth nothing after an interval, so they need no transaction and no wait for
    the disk, which each request would pay for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread_lock = Lock()
        self._process_lock = FileLock(path.with_name(f"{path.name}.lock"))

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next turn of a bucket, and return when it is; seconds of the machine's clock."""
        with self._open_slots() as slots:
            recent = recent_slots(slots.get(name, ()), now, interval=interval)
            slot = next_slot(recent, now, limit=limit, interval=interval)
            slots[name] = [*recent, slot]
        return slot

    def add(self, name: str, times: Sequence[float]) -> None:
        """Note turns of a bucket that were taken before it was shared."""
        with self._open_slots() as slots:
            slots[name] = sorted([*slots.get(name, ()), *times])

    def count_request(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        with self._open_slots() as slots:
            counted_day, number = slots.get("day", ("", 0))
            number = number + 1 if counted_day == day.isoformat() else 1
            slots["day"] = (day.isoformat(), number)
        return number

    @contextmanager
    def _open_slots(self) -> Iterator[dict[str, Any]]:
        """Hold what is kept, alone; it is written back at the end.

        The file is overwritten in place and never made shorter: that would cost a wait for
        the disk. Spaces fill it up, which JSON allows.
        """
        with (
            self._thread_lock,
            self._hold_process_lock(),
            self._path.open("r+b", buffering=0) as file,
        ):
            content = file.readall()
            slots = _parse_slots(content)
            yield slots
            file.seek(0)
            file.write(orjson.dumps(slots).ljust(len(content)))

    @contextmanager
    def _hold_process_lock(self) -> Iterator[None]:
        try:
            with self._process_lock.acquire(poll_interval=_LOCK_POLL_SECONDS):
                self._path.touch()
                yield
        except OSError as error:
            raise UserError(
                f"{self._path}: {error.strerror}: give this user the right to write the folder"
            ) from error


def _parse_slots(content: bytes) -> dict[str, Any]:
    """Read what is kept; what a crash cut off counts as nothing."""
    try:
        slots: dict[str, Any] = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return slots
