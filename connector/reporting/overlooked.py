"""Report the contacts that are ready for sales and that nobody follows up."""

from __future__ import annotations

from typing import Final

from connector.core.overlooked import Overlooked
from connector.desk import Desk
from connector.overlooking import all_overlooked
from connector.reporting.report import Cell, Report

COLUMNS: Final = ("record", "stage", "since", "since_known", "lead_status", "owner_id", "why")


def overlooked(desk: Desk) -> Report:
    """Return who is overlooked, whoever waits longest first."""
    found = sorted(all_overlooked(desk), key=lambda one: (one.since, one.record))
    guessed = sum(not one.exact for one in found)
    note = (
        f"Of {guessed:,} nobody knows when they entered their stage: their last change stands "
        "there, so they wait at least since then."
    )
    return Report(
        name="overlooked",
        title="Overlooked contacts",
        columns=COLUMNS,
        rows=[_row(one) for one in found],
        notes=(note,) if guessed else (),
    )


def _row(one: Overlooked) -> tuple[Cell, ...]:
    return (
        str(one.record),
        one.stage,
        one.since.date().isoformat(),
        one.exact,
        one.status or None,
        one.owner or None,
        "; ".join(one.lacks),
    )
