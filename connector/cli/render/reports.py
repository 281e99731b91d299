"""Show a report: a table for people, a document for scripts, lines for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.plan_formats import write_csv as write_table
from connector.reports.table import Cell, Report

_MAX_ROWS: Final = 50
_LABELLED_COLUMNS: Final = frozenset({"stage", "lead_status"})


def document(report: Report, portal_id: str) -> dict[str, Any]:
    """Return a report as one JSON document."""
    rows = [dict(zip(report.columns, row, strict=True)) for row in report.rows]
    return {"report": report.name, "portal_id": portal_id, "rows": rows, **report.json_only}


def write_csv(out: TextIO, report: Report) -> None:
    """Write a line for each row, under the names of the JSON."""
    write_table(out, report.columns, ([_cell_text(cell) for cell in row] for row in report.rows))


def renderable(report: Report, labels: Mapping[str, str]) -> RenderableType:
    """Return the first rows as a table; `names` labels stages and lead statuses."""
    if not report.rows:
        return Text(f"{report.title}: nothing to tell yet.")
    table = Table(title=f"{report.title}: {len(report.rows):,}", title_justify="left", box=None)
    for index, column in enumerate(report.columns):
        holds_ids = any("/" in _cell_text(row[index]) for row in report.rows[:_MAX_ROWS])
        table.add_column(column.replace("_", " "), no_wrap=holds_ids, overflow="fold")
    for row in report.rows[:_MAX_ROWS]:
        table.add_row(*_labelled_cells(report, row, labels))
    hidden_rows = len(report.rows) - _MAX_ROWS
    more_note = f"… and {hidden_rows:,} more: `connector report {report.name} --csv` has them all."
    notes = (more_note, *report.notes) if hidden_rows > 0 else report.notes
    return Group(table, *map(Text, notes))


def _labelled_cells(
    report: Report, row: tuple[Cell, ...], labels: Mapping[str, str]
) -> Iterator[Text]:
    for column, cell in zip(report.columns, row, strict=True):
        text = _cell_text(cell)
        yield Text(labels.get(text, text) if column in _LABELLED_COLUMNS else text)


def _cell_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
