"""Show a check-up, line by line, with what to do where something is not good."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from connector.operations.finding import CheckResult, Finding

_STYLES = {CheckResult.OK: "green", CheckResult.WARNING: "yellow", CheckResult.FAIL: "bold red"}


_WORDS = {CheckResult.OK: "ok", CheckResult.WARNING: "look", CheckResult.FAIL: "wrong"}


def renderable(findings: Iterable[Finding]) -> RenderableType:
    """Return the findings as a table, each section below its name."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for section, section_findings in _by_section(findings).items():
        table.add_row("", Text(section, style="bold"), "")
        for finding in section_findings:
            table.add_row(
                Text(finding.result, style=_STYLES[finding.result]), finding.name, finding.message
            )
    return table


def markdown(findings: Iterable[Finding]) -> str:
    """Return the findings as tables in Markdown, for a ticket."""
    lines = ["# Check-up"]
    for section, section_findings in _by_section(findings).items():
        lines += ["", f"## {section.capitalize()}", "", "| | check | result |", "|---|---|---|"]
        for finding in section_findings:
            message = finding.message.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| {_WORDS[finding.result]} | {finding.name} | {message} |")
    return "\n".join(lines)


def _by_section(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    sections: dict[str, list[Finding]] = {}
    for finding in findings:
        sections.setdefault(finding.section, []).append(finding)
    return sections
