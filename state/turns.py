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

from connector.core.turns import lately, next_turn
from connector.errors import UserError

_QUICKLY: Final = 0.001  # seconds between looks at a lock that is held for a tenth of that


class Turns:
    """The turns of one portal, in a small file beside the database.

    They are worth nothing after an interval, so they need no transaction and no wait for
    the disk, which each request would pay for.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._between_threads = Lock()
        self._between_processes = FileLock(path.with_name(f"{path.name}.lock"))

    def take(self, name: str, now: float, *, limit: int, interval: float) -> float:
        """Take the next turn of a bucket, and return when it is; seconds of the machine's clock."""
        with self._open() as kept:
            taken = lately(kept.get(name, ()), now, interval=interval)
            turn = next_turn(taken, now, limit=limit, interval=interval)
            kept[name] = [*taken, turn]
        return turn

    def note(self, name: str, times: Sequence[float]) -> None:
        """Note turns of a bucket that were taken before it was shared."""
        with self._open() as kept:
            kept[name] = sorted([*kept.get(name, ()), *times])

    def count(self, day: date) -> int:
        """Count a request of that day, and return how many that makes."""
        with self._open() as kept:
            counted, number = kept.get("day", ("", 0))
            number = number + 1 if counted == day.isoformat() else 1
            kept["day"] = (day.isoformat(), number)
        return number

    @contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """Hold what is kept, alone; it is written back at the end.

        The file is overwritten in place and never made shorter: that would cost a wait for
        the disk. Spaces fill it up, which JSON allows.
        """
        with self._between_threads, self._alone(), self._path.open("r+b", buffering=0) as file:
            told = file.readall()
            kept = _parsed(told)
            yield kept
            file.seek(0)
            file.write(orjson.dumps(kept).ljust(len(told)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._between_processes.acquire(poll_interval=_QUICKLY):
                self._path.touch()
                yield
        except OSError as error:
            raise UserError(
                f"{self._path}: {error.strerror}: give this user the right to write the folder"
            ) from error


def _parsed(told: bytes) -> dict[str, Any]:
    """Read what is kept; what a crash cut off counts as nothing."""
    try:
        kept: dict[str, Any] = orjson.loads(told)
    except orjson.JSONDecodeError:
        return {}
    return kept
