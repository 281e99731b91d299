"""Write to people and to scripts: one console, one JSON writer."""

from __future__ import annotations

import sys
from typing import Any, TextIO

import orjson
from rich.console import Console


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
