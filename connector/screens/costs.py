"""Say what reading a portal will cost, and what a proof of the mirror showed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.backfill import Cost
from connector.proving import Proof


def announcement(found: Cost) -> str:
    """Return the cost in words: requests, minutes, share of the day."""
    records = ", ".join(f"{count:,} {kind}" for kind, count in found.records.items())
    day = (
        "no daily limit"
        if found.share is None
        else f"{found.share:.1%} of what we may take in a day"
    )
    minutes = round(found.seconds / 60)
    time = f"{minutes:,} minutes or more" if minutes > 1 else "about a minute"
    return (
        f"{records}: about {found.requests:,} requests, {time}, {day}. "
        "It can be stopped at any time, and goes on where it was."
    )


def proof(proofs: Iterable[Proof]) -> RenderableType:
    """Return what was compared, and what was repaired, as a table."""
    found = list(proofs)
    table = Table(box=None, padding=(0, 2), header_style="bold")
    headings = ("", "in HubSpot", "in the mirror", "missing", "gone", "differing", "sampled")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    for one in found:
        figures = (one.portal, one.mirrored, one.missing, one.gone, one.differing, one.sampled)
        table.add_row(str(one.kind), *(f"{figure:,}" for figure in figures))
    return Group(table, Text(_verdict(found)))


def _verdict(found: list[Proof]) -> str:
    wrong = [str(one.kind) for one in found if not one.agrees]
    if wrong:
        return (
            f"The counts of {', '.join(wrong)} do not agree yet: HubSpot's search may lag; run "
            "`connector mirror verify` again in a few minutes."
        )
    repaired = sum(one.repaired for one in found)
    return f"The mirror is complete; {repaired:,} records were repaired."


def proof_document(portal_id: str, proofs: Iterable[Proof]) -> dict[str, Any]:
    """Return what was compared and repaired, for scripts."""
    return {
        "portal_id": portal_id,
        "types": {
            str(one.kind): {
                "portal": one.portal,
                "mirrored": one.mirrored,
                "missing": one.missing,
                "gone": one.gone,
                "differing": one.differing,
                "sampled": one.sampled,
                "agrees": one.agrees,
            }
            for one in proofs
        },
    }
