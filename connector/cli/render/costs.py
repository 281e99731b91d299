"""Say what reading a portal will cost, and what a proof of the mirror showed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.operations.backfill import Cost
from connector.pull.verify_mirror import Proof


def announcement(cost: Cost) -> str:
    """Return the cost in words: requests, minutes, share of the day."""
    records = ", ".join(f"{count:,} {kind}" for kind, count in cost.records.items())
    day = (
        "no daily limit" if cost.share is None else f"{cost.share:.1%} of what we may take in a day"
    )
    minutes = round(cost.seconds / 60)
    time = f"{minutes:,} minutes or more" if minutes > 1 else "about a minute"
    return (
        f"{records}: about {cost.requests:,} requests, {time}, {day}. "
        "It can be stopped at any time, and goes on where it was."
    )


def proof_table(proofs: Iterable[Proof]) -> RenderableType:
    """Return what was compared, and what was repaired, as a table."""
    rows = list(proofs)
    table = Table(box=None, padding=(0, 2), header_style="bold")
    headings = ("", "in HubSpot", "in the mirror", "missing", "gone", "differing", "sampled")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    for proof in rows:
        counts = (
            proof.portal,
            proof.mirrored,
            proof.missing,
            proof.removed,
            proof.differing,
            proof.sampled,
        )
        table.add_row(str(proof.kind), *(f"{count:,}" for count in counts))
    return Group(table, Text(_conclusion(rows)))


def _conclusion(proofs: list[Proof]) -> str:
    disagreeing = [str(proof.kind) for proof in proofs if not proof.agrees]
    if disagreeing:
        return (
            f"The counts of {', '.join(disagreeing)} do not agree yet: HubSpot's search may "
            "lag; run "
            "`connector mirror verify` again in a few minutes."
        )
    repaired = sum(proof.repaired for proof in proofs)
    return f"The mirror is complete; {repaired:,} records were repaired."


def proof_document(portal_id: str, proofs: Iterable[Proof]) -> dict[str, Any]:
    """Return what was compared and repaired, for scripts."""
    return {
        "portal_id": portal_id,
        "types": {
            str(proof.kind): {
                "portal": proof.portal,
                "mirrored": proof.mirrored,
                "missing": proof.missing,
                "gone": proof.removed,
                "differing": proof.differing,
                "sampled": proof.sampled,
                "agrees": proof.agrees,
            }
            for proof in proofs
        },
    }
