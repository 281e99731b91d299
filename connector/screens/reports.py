"""Show a report: a table for people, a document for scripts, lines for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.reporting.report import Cell, Report
from connector.screens.formats import write_csv as write_table

_SHOWN: Final = 50
_LABELLED: Final = frozenset({"stage", "lead_status"})


def document(report: Report, portal_id: str) -> dict[str, Any]:
    """Return a report as one JSON document."""
    rows = [dict(zip(report.columns, row, strict=True)) for row in report.rows]
    return {"report": report.name, "portal_id": portal_id, "rows": rows, **report.more}


def write_csv(out: TextIO, report: Report) -> None:
    """Write a line for each row, under the names of the JSON."""
    write_table(out, report.columns, ([_text(cell) for cell in row] for row in report.rows))


def screen(report: Report, names: Mapping[str, str]) -> RenderableType:
    """Return the first rows as a table; `names` labels stages and lead statuses."""
    if not report.rows:
        return Text(f"{report.title}: nothing to tell yet.")
    table = Table(title=f"{report.title}: {len(report.rows):,}", title_justify="left", box=None)
    for at, column in enumerate(report.columns):
        ids = any("/" in _text(row[at]) for row in report.rows[:_SHOWN])
        table.add_column(column.replace("_", " "), no_wrap=ids, overflow="fold")
    for row in report.rows[:_SHOWN]:
        table.add_row(*_labelled(report, row, names))
    more = len(report.rows) - _SHOWN
    told = f"… and {more:,} more: `connector report {report.name} --csv` has them all."
    notes = (told, *report.notes) if more > 0 else report.notes
    return Group(table, *map(Text, notes))


def _labelled(report: Report, row: tuple[Cell, ...], names: Mapping[str, str]) -> Iterator[Text]:
    for column, cell in zip(report.columns, row, strict=True):
        text = _text(cell)
        yield Text(names.get(text, text) if column in _LABELLED else text)


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
