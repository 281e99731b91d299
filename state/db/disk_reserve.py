"""Reserve room on the disk for what must be stored after a clear, whatever fills the disk."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from state.db.errors import DatabaseUnusable

RESERVE_BYTES: Final = 16 * 2**20
"""Finishing 100 moves writes at most about 1,500 pages of 8 KiB: outbox, ledger, audit, mirror."""
_CHUNK_BYTES: Final = 2**20
_NOT_SUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS})


class Reserve:
    """A file of allocated blocks beside the database, which is deleted when its room is needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self) -> None:
        """Allocate the file where it is not there yet; raise DatabaseUnusable without the room."""
        if self._is_whole():
            return
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                _allocate(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            self.release()
            raise DatabaseUnusable(
                f"{self._path}: {error.strerror}: the {RESERVE_BYTES // 2**20} MiB that finishing "
                "writes may take cannot be kept free. Nothing is written to HubSpot, and "
                "everything stays due; free some space."
            ) from error

    def release(self) -> bool:
        """Delete the file; return whether it was there."""
        with suppress(OSError):
            self._path.unlink()
            return True
        return False

    def _is_whole(self) -> bool:
        with suppress(OSError):
            return self._path.stat().st_blocks * 512 >= RESERVE_BYTES
        return False


def _allocate(descriptor: int) -> None:
    """Allocate blocks, not only a length: a sparse file keeps no room.

    Where the system (macOS) or the file system has no call for it, the blocks are written.
    """
    allocate = getattr(os, "posix_fallocate", None)
    try:
        if allocate is not None:
            allocate(descriptor, 0, RESERVE_BYTES)
            return
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise
    for start in range(0, RESERVE_BYTES, _CHUNK_BYTES):
        os.pwrite(descriptor, bytes(_CHUNK_BYTES), start)
