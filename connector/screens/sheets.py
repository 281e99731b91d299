"""Show a sheet: a table, and its notes below."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.reporting.sheet import Sheet


def screen(sheet: Sheet) -> RenderableType:
    """Return a sheet for people."""
    title = Text(sheet.title, style="bold")
    if not sheet.rows:
        return Group(title, Text("Nothing is known yet: run `connector sync` first."))
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for name in sheet.columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in sheet.rows:
        table.add_row(*(_cell(row[name]) for name in sheet.columns))
    return Group(title, table, *(Text(note) for note in sheet.notes))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value or "")
