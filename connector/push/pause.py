"""Pause a portal: nothing is written to it until it is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from connector.errors import UserError
from state import checkpoints
from state.db.store import Store

_CHECKPOINT = "paused"


class Paused(UserError):
    """Nothing is written, because an operator paused the portal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pause:
    """When a portal was paused, and why; the reason may be ""."""

    at: datetime
    reason: str

    def to_checkpoint(self) -> dict[str, Any]:
        return {"at": self.at.isoformat(), "reason": self.reason}

    @classmethod
    def from_checkpoint(cls, stored: Any) -> Self | None:
        """Return the pause, None where the checkpoint is empty."""
        if not stored:
            return None
        return cls(at=datetime.fromisoformat(stored["at"]), reason=stored["reason"])


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseNotice:
    """A pause that holds: since when, and that and its reason in words."""

    since: datetime
    text: str


def pause(store: Store, portal_id: str, *, at: datetime, reason: str) -> None:
    """Stop all writes to a portal, from the next batch on."""
    with store.begin(portal_id) as session:
        checkpoints.put(session, _CHECKPOINT, _Pause(at=at, reason=reason).to_checkpoint())


def resume(store: Store, portal_id: str) -> bool:
    """Allow writes again; return whether the portal was paused."""
    was_paused = pause_reason(store, portal_id) is not None
    if file := store.pause_file(portal_id):
        file.unlink(missing_ok=True)
    with store.begin(portal_id) as session:
        checkpoints.put(session, _CHECKPOINT, None)
    return was_paused


def pause_reason(store: Store, portal_id: str) -> str | None:
    """Return in words since when and why a portal is paused, None where it is not."""
    current_pause = read_pause(store, portal_id)
    return current_pause.text if current_pause else None


def read_pause(store: Store, portal_id: str) -> PauseNotice | None:
    """Return the pause of a portal, None where it is not paused."""
    file = store.pause_file(portal_id)
    if file and (created := _modified_at(file)):
        return PauseNotice(since=created, text=f"by the file {file}")
    with store.reading(portal_id) as session:
        pause_value = _Pause.from_checkpoint(checkpoints.get(session, _CHECKPOINT))
    if pause_value is None:
        return None
    reason = f": {pause_value.reason}" if pause_value.reason else ""
    text = f"since {pause_value.at:%Y-%m-%d %H:%M} UTC{reason}"
    return PauseNotice(since=pause_value.at, text=text)


def _modified_at(file: Path) -> datetime | None:
    """Return when a file was made or touched last, None where there is none."""
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None


def refuse_if_paused(store: Store, portal_id: str) -> None:
    """Raise Paused where the portal is paused."""
    reason = pause_reason(store, portal_id)
    if reason is not None:
        raise Paused(
            f"Portal {portal_id} is paused {reason}. Nothing more was written, and everything "
            "stays due; `connector resume` lets writes through again."
        )
