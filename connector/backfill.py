"""Bring a whole portal in, and say before what that will cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.chains import LEAST, MOST
from connector.core.model import ObjectType
from connector.desk import Desk
from connector.hubspot.budget import Allowance
from connector.hubspot.pacing import OUR_SHARE
from connector.nights import through_the_night
from connector.pull import Pulled, pull
from connector.recover import recover
from connector.sync import Synced, sync

_PAGE, _LINKS = 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What reading a portal costs: records, requests at most, seconds at least.

    `share` is the part of the day's requests that are ours, None without a daily limit.
    """

    records: Mapping[ObjectType, int]
    requests: int
    seconds: float
    share: float | None


def cost(desk: Desk) -> Cost:
    """Estimate what reading the whole portal costs; three requests."""
    records = {kind: desk.door.last(kind).total or 0 for kind in ObjectType}
    requests = sum(_pages(count) for count in records.values())
    requests += 2 * -(-records[ObjectType.DEALS] // _LINKS)
    allowance = desk.door.allowance()
    return Cost(
        records=records,
        requests=requests,
        seconds=requests * allowance.interval / (allowance.burst * OUR_SHARE),
        share=_share(requests, allowance),
    )


def _pages(count: int) -> int:
    """Return the pages of a list, with one half-empty page for each chain."""
    return max(1, -(-count // _PAGE)) + (MOST if count >= 2 * LEAST else 0)


def _share(requests: int, allowance: Allowance) -> float | None:
    if allowance.daily is None:
        return None
    return requests / max(1, allowance.daily - allowance.reserve)


def read_all(desk: Desk) -> Pulled:
    """Read the whole portal into the mirror, over as many days as its budget needs.

    A stopped reading goes on where it was.
    """
    return through_the_night(desk, _read)


def backfill(desk: Desk) -> Synced:
    """Read the whole portal, decide, and correct."""
    read_all(desk)
    return through_the_night(desk, sync)


def _read(desk: Desk) -> Pulled:
    with desk.store.writer_lock(desk.portal_id, who="connector backfill"):
        recover(desk)
        return pull(desk, full=True)
