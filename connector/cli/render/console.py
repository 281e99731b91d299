"""Write results: to a terminal as wide as it is, to a pipe tab by tab, and as JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

import click
import orjson
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from connector.core.safe_text import one_line, safe_text

_PIPE_WIDTH: Final = 100_000  # so wide that nothing is folded
_NARROW: Final = 72
"""On a terminal with fewer columns, a table that would have to fold is shown row by row."""


_LONG_WORD: Final = 40
"""Longer words, such as paths, may be folded."""

_WHOLE_COLUMNS: Final = frozenset({"at", "outcome", "record", "rule", "run", "until"})


class ResultConsole(Console):
    """A console whose tables suit what they are written to.

    In a pipe a table is one line a row, with tabs between the cells, and nothing is folded. On a
    terminal that is much too narrow for a table, each row is shown as lines `heading: cell`.
    Control characters never get through, wherever in a text they stand.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of anything that can be shown."""
        if isinstance(renderable, Table):
            if not self.is_terminal:
                yield from _tab_separated(renderable)
                return
            if self._is_too_narrow_for(renderable, options or self.options):
                yield from super().render(_row_by_row(renderable), options)
                return
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=safe_text(segment.text))

    def _is_too_narrow_for(self, table: Table, options: ConsoleOptions) -> bool:
        measured = Measurement.get(self, options.update(max_width=_PIPE_WIDTH), table)
        width = options.max_width
        return _least_width(table) > width or (width < _NARROW and measured.maximum > width)


def new_table(*headings: str, right: Iterable[str] = (), gap: int = 2) -> Table:
    """Return an empty table whose ids, times and names of rules never fold.

    `right` are the headings of the columns with numbers, `gap` the spaces beside a column.
    """
    table = Table(box=None, padding=(0, gap), header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            overflow="fold",
            no_wrap=heading in _WHOLE_COLUMNS,
            justify="right" if heading in set(right) else "left",
        )
    return table


def console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """Return the console for results; a `width` makes it a terminal of that width.

    Nothing in a text is markup: a portal's labels may hold brackets and colons.
    """
    file = file or sys.stdout
    is_terminal = width is not None or file.isatty()
    return ResultConsole(
        file=file,
        width=width if is_terminal else _PIPE_WIDTH,
        force_terminal=is_terminal,
        color_system="auto" if file.isatty() else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _tab_separated(table: Table) -> Iterable[Segment]:
    if table.title:
        yield Segment(f"{one_line(str(table.title))}\n")
    rows = _rows(table)
    if table.show_header:
        yield Segment("\t".join(one_line(str(column.header)) for column in table.columns) + "\n")
    for row in rows:
        yield Segment("\t".join(row) + "\n")


def _least_width(table: Table) -> int:
    """Return the columns that a table needs, so that no id and no word of it is folded."""
    _, right, _, left = table.padding
    widths = []
    for column in table.columns:
        texts = [_cell_text(cell) for cell in (column.header, *column.cells)]
        parts = texts if column.no_wrap else [word for text in texts for word in text.split()]
        widths.append(max((cell_len(part) for part in parts), default=0))
    return sum(min(width, _LONG_WORD) for width in widths) + len(widths) * (left + right)


def _row_by_row(table: Table) -> Text:
    """Return each row as lines `heading: cell`, a blank line between two rows; links stay."""
    headings = [one_line(str(column.header)) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    blocks = [
        Text("\n").join(
            Text.assemble(f"{heading}: " if heading and table.show_header else "", _linked(cell))
            for heading, cell in zip(headings, row, strict=True)
            if _cell_text(cell)
        )
        for row in rows
    ]
    title = [Text(one_line(str(table.title)))] if table.title else []
    return Text("\n\n").join([*title, *blocks])


def _linked(cell: RenderableType) -> Text:
    """Return what a cell says, with its styles where it is a text of one line."""
    plain = _cell_text(cell)
    return cell if isinstance(cell, Text) and cell.plain == plain else Text(plain)


def _rows(table: Table) -> list[tuple[str, ...]]:
    columns = [[_cell_text(cell) for cell in column.cells] for column in table.columns]
    return list(zip(*columns, strict=True))


def _cell_text(cell: RenderableType) -> str:
    return one_line(cell.plain if isinstance(cell, Text) else str(cell))


def echo(text: str, *, err: bool = False) -> None:
    """Write a line to standard output, or to standard error, without control characters."""
    click.echo(safe_text(text), err=err)


@contextmanager
def open_private(path: Path) -> Iterator[TextIO]:
    """Open a file for writing that only this user may read: it names records of people."""
    with open(path, "w", encoding="utf-8", opener=_open_private) as file:
        os.fchmod(file.fileno(), 0o600)  # it may have been there before
        yield file


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def write_json(value: Any) -> None:
    """Write one JSON document and a line end."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def write_json_line(value: Any) -> None:
    """Write one JSON line."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
