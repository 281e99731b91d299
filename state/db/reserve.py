"""Reserve room on the disk for what must be stored after a clear, whatever fills the disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from state.db.errors import DatabaseUnusable

RESERVE_BYTES: Final = 16 * 2**20
"""Finishing 100 moves writes at most about 1,500 pages of 8 KiB: outbox, ledger, audit, mirror."""


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
                # Blocks, not only a length: a sparse file keeps no room.
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
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
