"""Pause a portal: nothing is written to it until somebody resumes."""

from __future__ import annotations

from datetime import datetime

from connector.errors import UserError
from state import checkpoints
from state.db.store import Store

_CHECKPOINT = "paused"


class Paused(UserError):
    """Nothing is written, because somebody said so."""


def pause(store: Store, portal_id: str, *, at: datetime, reason: str) -> None:
    """Let nothing be written to a portal, from the next batch on."""
    with store.begin(portal_id) as session:
        checkpoints.put(session, _CHECKPOINT, {"at": at.isoformat(), "reason": reason})


def resume(store: Store, portal_id: str) -> bool:
    """Let writes through again; return whether the portal was paused."""
    was_paused = pause_reason(store, portal_id) is not None
    store.pause_file(portal_id).unlink(missing_ok=True)
    with store.begin(portal_id) as session:
        checkpoints.put(session, _CHECKPOINT, None)
    return was_paused


def pause_reason(store: Store, portal_id: str) -> str | None:
    """Return since when and why a portal is paused, None where it is not."""
    file = store.pause_file(portal_id)
    if file.exists():
        return f"by the file {file}"
    with store.reading(portal_id) as session:
        stored = checkpoints.get(session, _CHECKPOINT)
    if not stored:
        return None
    reason = f": {stored['reason']}" if stored["reason"] else ""
    return f"since {stored['at'][:16].replace('T', ' ')} UTC{reason}"


def refuse_if_paused(store: Store, portal_id: str) -> None:
    """Raise Paused where the portal is paused."""
    reason = pause_reason(store, portal_id)
    if reason is not None:
        raise Paused(
            f"Portal {portal_id} is paused {reason}. Nothing more was written, and everything "
            "stays "
            "due; `connector resume` lets writes through again."
        )
