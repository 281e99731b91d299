"""Share one portal's budget among the processes that work on one database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from connector.hubspot.budget import Claim
from state import checkpoints
from state.store import Store


def claims(store: Store, portal_id: str, now: Callable[[], datetime]) -> Claim:
    """Return how a process claims its turns: each claim begins where the last one ended.

    `now` is the portal's time, which all processes learn from the same answers; they differ by
    less than a second, which the part of the burst limit that we do not take allows for.
    """

    def claim(name: str, seconds: float) -> float:
        key, at = f"budget.{name}", now()
        with store.begin() as session:
            taken = checkpoints.get(session, portal_id, key)
            begins = max(at, datetime.fromisoformat(taken)) if taken else at
            # A clock that was set back must not stop everybody.
            begins = min(begins, at + timedelta(minutes=1))
            ends = begins + timedelta(seconds=seconds)
            checkpoints.put(session, portal_id, key, ends.isoformat())
        return (begins - at).total_seconds()

    return claim
