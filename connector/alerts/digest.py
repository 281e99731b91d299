"""Tell once a day, in the portal's time zone, how many contacts are overlooked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.overlooked import Overlooked
from state import checkpoints
from state.store import Store

MORNING: Final = time(8)
"""By the portal's clock: a list of whom to call is read when the day's work begins."""
_MOST: Final = 5  # named in one digest
_NAME: Final = "digest"
Send = Callable[[str, str], None]


class Digest:
    """Sends the day's digest; which day was told of is remembered across restarts."""

    def __init__(self, store: Store, send: Send) -> None:
        self._store = store
        self._send = send

    def tell(
        self,
        portal_id: str,
        zone: ZoneInfo,
        now: datetime,
        find: Callable[[], Sequence[Overlooked]],
    ) -> None:
        """Send the digest where it is time; `find` is asked only then."""
        local = now.astimezone(zone)
        today = local.date().isoformat()
        with self._store.reading() as session:
            told = checkpoints.get(session, portal_id, _NAME)
        if told == today or local.time() < MORNING:
            return
        found = find()
        # Before it is sent: a database that fails must not repeat it with every cycle.
        with self._store.begin() as session:
            checkpoints.put(session, portal_id, _NAME, today)
        if found:
            self._send(_title(portal_id, len(found)), _text(found, now))


def _title(portal_id: str, count: int) -> str:
    contacts = "1 contact is" if count == 1 else f"{count:,} contacts are"
    return f"HubSpot lifecycle connector, portal {portal_id}: {contacts} overlooked"


def _text(found: Sequence[Overlooked], now: datetime) -> str:
    longest = sorted(found, key=lambda one: (one.since, one.record))
    named = "\n".join(_line(one, now) for one in longest[:_MOST])
    more = len(found) - _MOST
    rest = f"\n… and {more:,} more." if more > 0 else ""
    return (
        f"They are ready for sales, and nobody follows up:\n{named}{rest}\n"
        "Give each an owner, and let the owner set the lead status. "
        "`connector report overlooked` has them all."
    )


def _line(one: Overlooked, now: datetime) -> str:
    days = (now - one.since).days
    return f"{one.record}: {'; '.join(one.lacks)} ({days:,} days)"
