"""Lock work that only one process may do at a time; a lock ends with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import StorageError, TemporaryError, UserError


class Busy(TemporaryError, StorageError):
    """Another process holds the resource; waiting helps."""


@contextmanager
def hold_lock(path: Path, *, wait: float, resource: str, holder_name: str) -> Iterator[None]:
    """Hold the lock file at `path`; raise Busy, which names the holder, after `wait` seconds.

    The holder's name is written beside the lock and read only while the lock is held: the kernel
    releases the lock with its process, so a name that a dead process left means nothing.
    """
    lock, holder_file = FileLock(path), path.with_suffix(".holder")
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise Busy(
            f"{resource} is busy: {_read_holder_name(holder_file)} holds it; wait until it has "
            "ended"
        ) from error
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}: give this user the right to write the folder"
        ) from error
    try:
        with suppress(OSError):  # the name only helps others; a full disk stops no work
            holder_file.write_text(f"{holder_name} (process {os.getpid()})", encoding="utf-8")
        yield
    finally:
        lock.release()


def _read_holder_name(holder_file: Path) -> str:
    try:
        return holder_file.read_text(encoding="utf-8")
    except OSError:
        return "another process"
