"""Report the contacts that are ready for sales and that nobody follows up."""

from __future__ import annotations

from typing import Final

from connector.context import DecisionContext
from connector.core.follow_up.overlooked import OverlookedContact
from connector.reports.overlooked_contacts import overlooked_contacts
from connector.reports.table import Cell, Report

COLUMNS: Final = ("record", "stage", "since", "since_known", "lead_status", "owner_id", "why")


def overlooked_report(context: DecisionContext) -> Report:
    """Return who is overlooked, whoever waits longest first."""
    contacts = sorted(
        overlooked_contacts(context), key=lambda contact: (contact.since, contact.record)
    )
    inexact_count = sum(not contact.since_is_exact for contact in contacts)
    note = (
        f"Of {inexact_count:,} nobody knows when they entered their stage: their last change "
        "stands "
        "there, so they wait at least since then."
    )
    return Report(
        name="overlooked",
        title="Overlooked contacts",
        columns=COLUMNS,
        rows=[_row(contact) for contact in contacts],
        notes=(note,) if inexact_count else (),
    )


def _row(contact: OverlookedContact) -> tuple[Cell, ...]:
    return (
        str(contact.record),
        contact.stage,
        contact.since.date().isoformat(),
        contact.since_is_exact,
        contact.status or None,
        contact.owner or None,
        "; ".join(contact.missing_follow_up),
    )
