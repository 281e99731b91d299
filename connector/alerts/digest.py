"""Tell once a day of contacts that wait for sales, where anybody wants to hear of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from connector.core.binding import BoundPolicy
from connector.core.model import Ref
from connector.overlooked import overlooked
from state import checkpoints
from state.store import Store

_NAME: Final = "digest"
_DAY: Final = timedelta(hours=24)
_NAMED: Final = 20
_MOST: Final = 10_000


class Digest:
    """Sends at most one digest a day; `days` is how long a contact may wait, 0 for no digest."""

    def __init__(self, store: Store, send: Callable[[str, str], None], *, days: float) -> None:
        self._store = store
        self._send = send
        self._days = days

    def tell(self, policy: BoundPolicy, now: datetime) -> None:
        """Send the digest where it is time, and somebody waits."""
        if not self._days or not self._is_time(policy.portal_id, now):
            return
        before = now - timedelta(days=self._days)
        found = list(islice(overlooked(self._store, policy, before=before), _MOST))
        with self._store.begin() as session:
            checkpoints.put(session, policy.portal_id, _NAME, now.isoformat())
        if found:
            found.sort(key=lambda one: one[1])
            self._send(self._title(policy.portal_id, len(found)), _text(found, now))

    def _is_time(self, portal_id: str, now: datetime) -> bool:
        with self._store.reading() as session:
            told = checkpoints.get(session, portal_id, _NAME)
        return told is None or now - datetime.fromisoformat(told) >= _DAY

    def _title(self, portal_id: str, count: int) -> str:
        who = "contact is" if count == 1 else "contacts are"
        return (
            f"Portal {portal_id}: {count:,} {who} ready for sales for more than {self._days:g} "
            "days, and nobody has followed up"
        )


def _text(found: Sequence[tuple[Ref, datetime]], now: datetime) -> str:
    lines = [f"{ref}, for {(now - since).days} days" for ref, since in found[:_NAMED]]
    rest = len(found) - len(lines)
    more = [f"and {rest:,} more"] if rest else []
    return "; ".join([*lines, *more]) + ". `connector explain contact ID` says why."
