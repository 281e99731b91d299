"""Import every table, so that the migrations can be compared with them."""

from __future__ import annotations

from state import (  # noqa: F401 - importing a file registers its tables
    applied_corrections,
    associations,
    audit,
    audit_cuts,
    checkpoints,
    follow_up_tasks,
    holds,
    introduced_rules,
    ledger,
    merged_records,
    mirror,
    observed_changes,
    operator_actions,
    outbox,
    outgoing_events,
    plans,
    portals,
    quarantine,
    recent_writes,
    runs,
    tokens,
    unreadable_records,
    webhook_inbox,
)
from state.db import shared_rate_slots, writer_fences  # noqa: F401 - these register theirs
from state.db.columns import METADATA

__all__ = ["METADATA"]
