"""Show a check-up, line by line, with what to do where something is not good."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.checking import Finding, Light

_STYLES = {Light.GOOD: "green", Light.WARNING: "yellow", Light.BAD: "bold red"}


def screen(findings: Iterable[Finding]) -> RenderableType:
    """Return the findings as a table."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for one in findings:
        table.add_row(Text(one.light, style=_STYLES[one.light]), one.name, one.message)
    return table
