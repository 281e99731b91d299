"""Read from the database how each portal of a fleet is doing; no request is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.core.model import (
    DECIDED_TYPES,
)
from connector.errors import UserError
from connector.pull.read_position import polled_until
from connector.push.pause import pause_reason
from state import due_times, outbox, quarantine
from state.db.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalStatus:
    """What waits in a portal.

    `polled_until` is the moment up to which all changes are mirrored, None before the first
    complete poll. `paused` says since when and why, None where writes are not paused.
    """

    portal_id: str
    polled_until: datetime | None
    due: int
    open_moves: int
    quarantined: int
    paused: str | None


def read_portal_status(store: Store, portal_id: str, *, now: datetime) -> PortalStatus:
    """Return how a portal is doing by what is remembered of it."""
    paused = pause_reason(store, portal_id)
    with store.reading(portal_id) as session:
        due_counts = due_times.count_due(session, until=now)
        return PortalStatus(
            portal_id=portal_id,
            polled_until=polled_until(session),
            due=sum(due_counts[kind] for kind in DECIDED_TYPES),
            open_moves=len(outbox.open_moves(session)),
            quarantined=len(quarantine.read_quarantined(session)),
            paused=paused,
        )


def require_no_open_moves(store: Store, portal_id: str, name: str) -> None:
    """Raise UserError where records of a portal may be without a stage."""
    with store.reading(portal_id) as session:
        open_moves = outbox.open_moves(session)
    if open_moves:
        raise UserError(
            f"{len(open_moves)} records of portal {name} may have no stage, and without its file "
            f"nobody would finish them: run `connector recover --portal {name}` first."
        )
