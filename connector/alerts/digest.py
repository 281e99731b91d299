"""Send once a day, in the portal's time zone, how many contacts are overlooked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from connector.alerts.alert import DIGEST
from connector.core.follow_up.overlooked import OverlookedContact
from state import checkpoints
from state.db.store import Store

MORNING: Final = time(8)
"""The time of the digest by the portal's clock, when the day's work begins."""
_MAX_NAMED: Final = 5  # named in one digest
_CHECKPOINT: Final = "digest"
Send = Callable[..., object]
"""Takes title, text, and the kind of message."""


class Digest:
    """Sends the day's digest, and each owner's own one; the last day survives restarts.

    `send_to_owner` holds the channels of owners by their ids.
    """

    def __init__(
        self, store: Store, send: Send, send_to_owner: Mapping[str, Send] | None = None
    ) -> None:
        self._store = store
        self._send = send
        self._send_to_owner = send_to_owner or {}

    def send_if_due(
        self,
        portal_id: str,
        zone: ZoneInfo,
        now: datetime,
        find_overlooked: Callable[[], Sequence[OverlookedContact]],
    ) -> None:
        """Send the digest where it is due; `find_overlooked` is called only then."""
        local = now.astimezone(zone)
        today = local.date().isoformat()
        with self._store.reading(portal_id) as session:
            last_sent = checkpoints.get(session, _CHECKPOINT)
        if last_sent == today or local.time() < MORNING:
            return
        overlooked = find_overlooked()
        # Stored before sending: a failing database must not repeat the digest in every cycle.
        with self._store.begin(portal_id) as session:
            checkpoints.put(session, _CHECKPOINT, today)
        if overlooked:
            self._send(_title(portal_id, len(overlooked)), _text(overlooked, now), DIGEST)
        for owner, send in self._send_to_owner.items():
            own = [contact for contact in overlooked if contact.owner == owner]
            if own:
                title = (
                    f"{_title(portal_id, len(own))}: you own {'it' if len(own) == 1 else 'them'}"
                )
                send(title, _text(own, now, option=f" --owner {owner}"))


def _title(portal_id: str, count: int) -> str:
    contacts = "1 contact is" if count == 1 else f"{count:,} contacts are"
    return f"HubSpot lifecycle connector, portal {portal_id}: {contacts} overlooked"


def _text(overlooked: Sequence[OverlookedContact], now: datetime, option: str = "") -> str:
    by_age = sorted(overlooked, key=lambda contact: (contact.since, contact.record))
    lines = "\n".join(_line(contact, now) for contact in by_age[:_MAX_NAMED])
    remaining = len(overlooked) - _MAX_NAMED
    remaining_text = f"\n… and {remaining:,} more." if remaining > 0 else ""
    return (
        f"They are ready for sales, and nobody follows up:\n{lines}{remaining_text}\n"
        "Give each an owner, and let the owner set the lead status. "
        f"`connector report overlooked{option}` has them all."
    )


def _line(contact: OverlookedContact, now: datetime) -> str:
    days = (now - contact.since).days
    return f"{contact.record}: {'; '.join(contact.missing_follow_up)} ({days:,} days)"
