"""Read the stage histories of contacts and companies for the reports, within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Final

from connector.context import RunContext, chunks
from connector.core.model import (
    DECIDED_TYPES,
)
from connector.pull.load_stage_periods import stage_periods
from connector.pull.poll import require_mirror
from connector.reports.stage_history import incomplete_histories

_PER_REQUEST: Final = 50
"""Records in one batch read with histories (HubSpot's guide to batch reads)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedHistories:
    """How many histories were read, and how many are still missing."""

    loaded: int
    missing: int


def load_histories(context: RunContext, *, max_requests: int) -> LoadedHistories:
    """Read histories that are missing or older than their record, in so many requests at most.

    What was read stays read: another call continues where this one stopped.
    """
    require_mirror(context)
    remaining, loaded, missing = max_requests, 0, 0
    for kind in DECIDED_TYPES:
        refs = list(incomplete_histories(context, kind))
        batches = list(islice(chunks(refs, _PER_REQUEST), remaining))
        remaining -= len(batches)
        read_count = 0
        for batch in batches:
            stage_periods(context, batch)
            read_count += len(batch)
            context.progress(f"read histories of {kind}", read_count, len(refs))
        loaded, missing = loaded + read_count, missing + len(refs) - read_count
    return LoadedHistories(loaded=loaded, missing=missing)
