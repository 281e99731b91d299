"""Write to people and to scripts: one console, one JSON writer, one progress bar."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from connector.desk import Tell, silent


def console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """Return the console for results: as wide as the terminal, 120 columns in a pipe.

    Nothing in a text is markup: a portal's labels may hold brackets and colons.
    """
    file = file or sys.stdout
    width = width or (None if file.isatty() else 120)
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def write_json(value: Any) -> None:
    """Write one JSON document and a line end."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def write_json_line(value: Any) -> None:
    """Write one JSON line."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")


@contextmanager
def progress() -> Iterator[Tell]:
    """Show how far long work has come, on a terminal only; yield whom to tell."""
    if not sys.stderr.isatty():
        yield silent
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield tell
