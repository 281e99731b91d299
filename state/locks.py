"""Let only one process at a time do what only one may do; a lock dies with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from connector.errors import TemporaryError, UserError


class Busy(TemporaryError):  # noqa: N818 - named by what it is; its family says error
    """Somebody else holds what we need; waiting helps."""


@contextmanager
def only_one(path: Path, *, wait: float, what: str, who: str) -> Iterator[None]:
    """Hold the lock file at `path`; raise Busy after `wait` seconds, naming who holds it.

    The name lies beside the lock and is read only while somebody holds it: the kernel
    drops the lock with its process, so a name left behind means nothing.
    """
    lock, holder = FileLock(path), path.with_suffix(".holder")
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise Busy(f"{what} is busy: {_name(holder)} holds it; wait until it has ended") from error
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}: give this user the right to write the folder"
        ) from error
    try:
        holder.write_text(f"{who} (process {os.getpid()})", encoding="utf-8")
        yield
    finally:
        lock.release()


def _name(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8")
    except OSError:
        return "another process"
