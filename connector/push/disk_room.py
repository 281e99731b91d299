"""Begin no write to HubSpot without the room on the disk to finish it."""

from __future__ import annotations

from typing import Final

from connector.context import RunContext
from connector.errors import UserError
from connector.plan.storing import raise_storage_failure
from state import outbox

MIN_FREE_BYTES: Final = 64 * 2**20
"""Bytes free on disk; with less, no write is begun: outbox and audit need the room."""


class DiskNearlyFull(UserError):
    """The disk is nearly full: writing to HubSpot stops before the database has to."""


def release_room(context: RunContext) -> None:
    """Give up the room for finishing, where no move of any portal is open any more."""
    with context.store.reading_all_portals() as session:
        is_needed = outbox.has_open_moves(session)
    if not is_needed:
        context.store.release_reserve()


def require_room(context: RunContext) -> None:
    """Raise DiskNearlyFull where the disk has too little left to begin a write.

    Raise StorageError where this run could not store before.
    """
    raise_storage_failure(context)
    free = context.store.free_bytes()
    if free is not None and free < MIN_FREE_BYTES:
        raise DiskNearlyFull(
            f"The disk of {context.store.folder} has {free // 2**20} MiB left, of "
            f"{MIN_FREE_BYTES // 2**20} that are needed: nothing is written to HubSpot, and "
            "everything stays due. Free some space; it goes on by itself."
        )
