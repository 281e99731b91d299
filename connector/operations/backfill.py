"""Read a whole portal into the mirror, and estimate the cost before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.context import RunContext
from connector.core.model import ALWAYS_READ_TYPES, ObjectType
from connector.hubspot.http.daily_budget import Allowance
from connector.hubspot.http.rate_limits import OUR_SHARE
from connector.operations.resume_after_quota_reset import resume_after_quota_reset
from connector.operations.sync import SyncResult, sync
from connector.pull.id_ranges import MAX_RANGES, MIN_RECORDS_PER_RANGE
from connector.pull.poll import PullResult, pull
from connector.push.recover_open_moves import recover

_PAGE_SIZE, _LINKS_PER_READ = 100, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What reading a portal costs: records, requests at most, seconds at least.

    `share` is the part of the day's requests that are ours, None without a daily limit.
    """

    records: Mapping[ObjectType, int]
    requests: int
    seconds: float
    share: float | None


def estimate_cost(context: RunContext) -> Cost:
    """Estimate what reading the whole portal costs; three requests."""
    records = {kind: context.api.search_last(kind).total or 0 for kind in ALWAYS_READ_TYPES}
    requests = sum(_page_count(count) for count in records.values())
    requests += 2 * -(-records[ObjectType.DEALS] // _LINKS_PER_READ)
    allowance = context.api.allowance()
    return Cost(
        records=records,
        requests=requests,
        seconds=requests * allowance.interval / (allowance.burst * OUR_SHARE),
        share=_daily_share(requests, allowance),
    )


def _page_count(count: int) -> int:
    """Return the pages of a list, with one partly filled page for each id range."""
    return max(1, -(-count // _PAGE_SIZE)) + (
        MAX_RANGES if count >= 2 * MIN_RECORDS_PER_RANGE else 0
    )


def _daily_share(requests: int, allowance: Allowance) -> float | None:
    if allowance.daily is None:
        return None
    return requests / max(1, allowance.daily - allowance.reserve)


def read_whole_portal(context: RunContext) -> PullResult:
    """Read the whole portal into the mirror, over as many days as its budget needs.

    A reading that was stopped continues where it was.
    """
    return resume_after_quota_reset(context, _recover_and_pull)


def backfill(context: RunContext) -> SyncResult:
    """Read the whole portal, decide, and correct."""
    read_whole_portal(context)
    return resume_after_quota_reset(context, sync)


def _recover_and_pull(context: RunContext) -> PullResult:
    with context.store.writer_lock(context.portal_id, holder_name="connector backfill"):
        recover(context)
        return pull(context, full=True)
