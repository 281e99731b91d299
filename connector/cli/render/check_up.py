"""Show a check-up, line by line, with what to do where something is not good."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.operations.finding import CheckResult, Finding

_STYLES = {CheckResult.OK: "green", CheckResult.WARNING: "yellow", CheckResult.FAIL: "bold red"}


def renderable(findings: Iterable[Finding]) -> RenderableType:
    """Return the findings as a table."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for finding in findings:
        table.add_row(
            Text(finding.result, style=_STYLES[finding.result]), finding.name, finding.message
        )
    return table
