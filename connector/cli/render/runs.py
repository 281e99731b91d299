"""Show runs: when, what for, what came of them, and how to take them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.model import Outcome
from state.runs import Run


def table(portal_id: str, runs: Sequence[Run], zone: ZoneInfo) -> RenderableType:
    """Return the runs of a portal as a table, in the given order, with times in `zone`."""
    if not runs:
        return Text(f"Portal {portal_id}: nothing ran yet. `connector sync` is a first run.")
    rows = Table(box=None, padding=(0, 1), header_style="bold", title=f"Portal {portal_id}")
    for heading in ("began", "took", "run", "what", "outcome", "undo"):
        rows.add_column(heading, overflow="fold", no_wrap=heading in {"began", "run"})
    rows.columns[0].header = f"began ({zone.key})"
    for run in runs:
        rows.add_row(
            f"{run.began_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            _duration_text(run),
            run.run,
            run.kind,
            _outcome_text(run),
            undo_command(run) or "",
        )
    return rows


def document(portal_id: str, run: Run) -> dict[str, Any]:
    """Return a run for scripts; `finished_at` is null where it goes on, or its process died."""
    return {
        "portal_id": portal_id,
        "run": run.run,
        "kind": run.kind,
        "began_at": run.began_at.isoformat(),
        "finished_at": None if run.finished_at is None else run.finished_at.isoformat(),
        "outcomes": dict(run.summary),
        "undo": undo_command(run),
    }


def undo_command(run: Run) -> str | None:
    """Return the command that takes a run back, None where it is known to have changed nothing."""
    if run.finished_at is not None and not run.summary.get(str(Outcome.APPLIED)):
        return None
    return f"connector undo {run.run}"


def _duration_text(run: Run) -> str:
    if run.finished_at is None:
        return ""
    return f"{(run.finished_at - run.began_at).total_seconds():,.0f} s"


def _outcome_text(run: Run) -> str:
    if run.finished_at is None:
        return "not ended"
    return ", ".join(f"{count:,} {name}" for name, count in run.summary.items()) or "no corrections"
