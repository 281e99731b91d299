"""Show how a reviewed plan and an undo ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.outcomes import cut_document, outcome_table
from connector.cli.render.record_link import record_text
from connector.core.corrections.plan import correction_json
from connector.operations.apply_plan import AppliedPlan
from connector.operations.undo import NotUndone, UndoPlan, UndoResult

_LOSS_NOTE = (
    "What cannot be taken back: workflows that the writes have triggered, and the dates of entry "
    'into a stage ("Became a … date"), which HubSpot sets anew for {count:,} stages.'
)
_CUT_NOTE = (
    "The audit until {cut.last_line_at:%Y-%m-%d %H:%M:%S} UTC was cut into files, the last of them "
    "{cut.file}: what was written before that cannot be undone."
)
_MAX_ROWS = 50


def document(reviewed: AppliedPlan) -> dict[str, Any]:
    """Return how a reviewed plan ended as one JSON document."""
    return {
        "run": reviewed.run,
        "outcomes": {str(outcome): count for outcome, count in sorted(reviewed.outcomes.items())},
        "skipped": [
            {**correction_json(skipped.correction), "why": skipped.reason}
            for skipped in reviewed.skipped
        ],
        "left_out": reviewed.left_out,
    }


def renderable(reviewed: AppliedPlan, portal_id: str = "") -> RenderableType:
    """Return how a reviewed plan ended, and which corrections were skipped.

    Where the portal is named, records lead to HubSpot.
    """
    rows = [
        (str(skipped.correction.record), skipped.correction.property_name, skipped.reason)
        for skipped in reviewed.skipped
    ]
    return Group(
        outcome_table(reviewed.outcomes),
        *_titled_table("Skipped", rows, portal_id),
        *_left_out_lines(reviewed.left_out),
        Text(_run_text(reviewed.run)),
    )


def _left_out_lines(count: int) -> list[Text]:
    if not count:
        return []
    return [
        Text(
            f"{count:,} records of the plan were not selected; apply the same file again, with "
            "another --rule, --except or --limit, or without."
        )
    ]


def undo_document(prepared: UndoPlan, result: UndoResult | None) -> dict[str, Any]:
    """Return an undo, done or only looked at, as one JSON document."""
    left_alone = result.not_undone if result else prepared.not_undone
    return {
        "run": result.run if result else None,
        "selection": prepared.selection.description,
        "corrections": [
            correction_json(correction) for move in prepared.moves for correction in move
        ],
        "outcomes": _outcome_counts(result) if result else {},
        "left": [
            {"record": str(entry.record), "property_name": entry.property_name, "why": entry.reason}
            for entry in left_alone
        ],
        "stage_dates_lost": prepared.backward,
        "cut": cut_document(prepared.cut),
    }


def undo_renderable(
    prepared: UndoPlan, result: UndoResult | None, portal_id: str = ""
) -> RenderableType:
    """Return an undo for people: what goes back, what is left, what cannot be restored.

    Where the portal is named, records lead to HubSpot.
    """
    heading = f"Undo of {prepared.selection.description}: {len(prepared.moves):,} records, "
    parts: list[RenderableType] = [Text(heading + f"{prepared.corrections:,} properties go back.")]
    if prepared.cut:
        parts.append(Text(_CUT_NOTE.format(cut=prepared.cut)))
    parts += _titled_table(
        "Left as they are",
        _left_alone_rows(result.not_undone if result else prepared.not_undone),
        portal_id,
    )
    if prepared.moves:
        parts.append(Text(_LOSS_NOTE.format(count=prepared.backward)))
    if result:
        parts += [outcome_table(result.outcomes), Text(_run_text(result.run))]
    else:
        parts += _titled_table("Would go back", _move_rows(prepared), portal_id)
        parts.append(Text("Nothing was written: leave out --dry-run to do it."))
    return Group(*parts)


def _outcome_counts(result: UndoResult) -> Mapping[str, int]:
    return {str(outcome): count for outcome, count in sorted(result.outcomes.items())}


def _left_alone_rows(left_alone: Iterable[NotUndone]) -> list[tuple[str, str, str]]:
    return [(str(entry.record), entry.property_name, entry.reason) for entry in left_alone]


def _move_rows(prepared: UndoPlan) -> list[tuple[str, str, str]]:
    return [
        (
            str(correction.record),
            correction.property_name,
            f"{correction.before or 'blank'} → {correction.after or 'blank'}",
        )
        for move in prepared.moves
        for correction in move
    ]


def _titled_table(
    title: str, rows: list[tuple[str, str, str]], portal_id: str
) -> list[RenderableType]:
    if not rows:
        return []
    table = Table(box=None, padding=(0, 2), show_header=False)
    for record, *cells in rows[:_MAX_ROWS]:
        table.add_row(record_text(portal_id, record), *cells)
    more_note = [Text("… and more: --json names all of them.")] if len(rows) > _MAX_ROWS else []
    return [Text(f"{title}: {len(rows):,}", style="bold"), table, *more_note]


def _run_text(run: str) -> str:
    audit_hint = f"`connector audit --run {run}` shows every write"
    return f"Run {run}: {audit_hint}, `connector undo {run}` takes them back."
