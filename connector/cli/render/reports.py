"""Show a report: a table for people, a document for scripts, lines for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TextIO

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.plan_formats import write_csv as write_table
from connector.cli.render.record_link import record_text, record_url
from connector.reports.table import Cell, Report

_MAX_ROWS: Final = 50
_BAR_WIDTH: Final = 24
_RECORD: Final = "record"
_LABELLED_COLUMNS: Final = frozenset({"stage", "next_stage", "lead_status", "before", "after"})


def document(report: Report, portal_id: str) -> dict[str, Any]:
    """Return a report as one JSON document."""
    sections = {section.name: _row_documents(section) for section in report.sections}
    rows = _row_documents(report)
    return {
        "report": report.name,
        "portal_id": portal_id,
        "rows": rows,
        **sections,
        **report.json_only,
    }


def _row_documents(report: Report) -> list[dict[str, Cell]]:
    return [dict(zip(report.columns, row, strict=True)) for row in report.rows]


def write_csv(out: TextIO, report: Report, portal_id: str) -> None:
    """Write a line for each row, under the names of the JSON; last the address of its record."""
    rows = ([_cell_text(cell) for cell in row] for row in report.rows)
    if _RECORD not in report.columns:
        write_table(out, report.columns, rows)
        return
    index = report.columns.index(_RECORD)
    addressed_rows = ((*row, record_url(portal_id, row[index])) for row in rows)
    write_table(out, (*report.columns, "url"), addressed_rows)


def renderable(
    report: Report, labels: Mapping[str, str], *, portal_id: str = "", with_bars: bool = True
) -> RenderableType:
    """Return the first rows of each table; `labels` names stages and lead statuses.

    Where the portal is named, records lead to HubSpot.
    """
    parts = (report, *report.sections)
    shown = parts if with_bars else [replace(part, bar_column="") for part in parts]
    tables = [_table(part, labels, report.name, portal_id) for part in shown]
    return Group(*tables)


def _table(
    report: Report, labels: Mapping[str, str], command: str, portal_id: str
) -> RenderableType:
    if not report.rows:
        return Group(Text(f"{report.title}: nothing to show yet."), *map(Text, report.notes))
    # A column without any value would only take room on a narrow terminal.
    columns = [
        index
        for index, _ in enumerate(report.columns)
        if any(row[index] is not None for row in report.rows)
    ]
    table = Table(title=f"{report.title}: {len(report.rows):,}", title_justify="left", box=None)
    for index in columns:
        cells = [row[index] for row in report.rows[:_MAX_ROWS]]
        holds_ids = any("/" in _cell_text(cell) for cell in cells)
        justify: JustifyMethod = "right" if all(map(_is_number, cells)) else "left"
        name = report.columns[index].replace("_", " ")
        table.add_column(name, no_wrap=holds_ids, overflow="fold", justify=justify)
    # Numbers that compare with each other are shown as bars too.
    bars = _bars(report)
    if bars:
        table.add_column("", no_wrap=True)
    for number, row in enumerate(report.rows[:_MAX_ROWS]):
        cells_of_row = list(_labelled_cells(report, row, labels, portal_id))
        table.add_row(*(cells_of_row[index] for index in columns), *bars[number : number + 1])
    # A long table says how many rows are missing, and the command that prints them all.
    hidden_rows = len(report.rows) - _MAX_ROWS
    section = "" if report.name == command else f" --table {report.name}"
    more_note = (
        f"… and {hidden_rows:,} more: `connector report {command} --csv{section}` has them all."
    )
    notes = (more_note, *report.notes) if hidden_rows > 0 else report.notes
    return Group(table, *map(Text, notes))


def _bars(report: Report) -> list[Text]:
    """Return a bar for each shown row, the longest for the largest number of its column."""
    if not report.bar_column:
        return []
    index = report.columns.index(report.bar_column)
    values = [row[index] for row in report.rows[:_MAX_ROWS]]
    numbers = [float(value) if isinstance(value, int | float) else 0.0 for value in values]
    largest = max(numbers, default=0.0) or 1.0
    return [Text("█" * round(_BAR_WIDTH * number / largest), style="cyan") for number in numbers]


def _is_number(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))


def _labelled_cells(
    report: Report, row: tuple[Cell, ...], labels: Mapping[str, str], portal_id: str
) -> Iterator[Text]:
    for column, cell in zip(report.columns, row, strict=True):
        text = _cell_text(cell)
        is_labelled = column in _LABELLED_COLUMNS
        yield Text(labels.get(text, text)) if is_labelled else record_text(portal_id, text)


def _cell_text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
