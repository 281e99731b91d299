"""Let only one process at a time do what only one may do; a lock dies with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import TemporaryError, UserError


class Busy(TemporaryError):
    """Somebody else holds what we need; waiting helps."""


@contextmanager
def hold_lock(path: Path, *, wait: float, resource: str, holder_name: str) -> Iterator[None]:
    """Hold the lock file at `path`; raise Busy after `wait` seconds, naming who holds it.

    The name lies beside the lock and is read only while somebody holds it: the kernel
    drops the lock with its process, so a name left behind means nothing.
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
        holder_file.write_text(f"{holder_name} (process {os.getpid()})", encoding="utf-8")
        yield
    finally:
        lock.release()


def _read_holder_name(holder_file: Path) -> str:
    try:
        return holder_file.read_text(encoding="utf-8")
    except OSError:
        return "another process"
