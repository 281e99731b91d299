"""Read a whole portal again at once, which a daemon spreads over a day."""

from __future__ import annotations

from datetime import timedelta

from connector.context import RunContext
from connector.pull.daily_rescan import RescanPosition, rescan_pages

_MANY_PAGES = 10_000


def rescan_all(context: RunContext) -> int:
    """Read everything again from the beginning to the end; return how many pages that were."""
    position = RescanPosition.from_checkpoint(None, context.api.now())
    pages = 0
    while not position.rounds:
        position, read_pages = rescan_pages(context, position, timedelta(), _MANY_PAGES)
        pages += read_pages
    return pages
