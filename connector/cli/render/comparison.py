"""Show what a changed policy would change: for people, for scripts, for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.corrections.plan import correction_json
from connector.core.model import STAGE
from connector.core.safe_text import markdown_cell
from connector.operations.compare_policies import Change, Comparison

Labels = Mapping[str, str]
_DIRECTIONS = ("forward", "backward", "set", "clear")
_HEADINGS = ("record", "property", "is", "today it would become", "then it would become", "why")


def document(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as one JSON document."""
    return {
        "portal_id": comparison.portal.account.portal_id,
        "policy": comparison.new,
        "against": comparison.old,
        "records_looked_at": dict(comparison.looked_at),
        "records_that_change": comparison.records,
        "added": _by_rule(comparison.added),
        "dropped": _by_rule(comparison.dropped),
        "unknown_histories": comparison.unknown_histories,
        "examples": [
            {
                "record": str(change.record),
                "property_name": change.property_name,
                "found": change.current,
                "old": correction_json(change.old) if change.old else None,
                "new": correction_json(change.new) if change.new else None,
            }
            for change in comparison.examples
        ],
    }


def _by_rule(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    counts_by_rule: dict[str, dict[str, int]] = {}
    for (rule, direction), count in sorted(counts.items()):
        counts_by_rule.setdefault(rule, {})[direction] = count
    return counts_by_rule


def markdown(comparison: Comparison, labels: Labels) -> str:
    """Return the comparison as Markdown that fits a comment of a pull request."""
    return "\n".join([*_markdown_lines(comparison, labels), ""])


def _markdown_lines(comparison: Comparison, labels: Labels) -> Iterator[str]:
    yield f"### {_title(comparison)}\n"
    yield f"{_summary(comparison)}\n"
    if not comparison.records:
        return
    for heading, counts in _groups(comparison):
        yield f"| {heading} | {' | '.join(_DIRECTIONS)} |"
        yield "|---" + "|--:" * len(_DIRECTIONS) + "|"
        for rule, by_direction in _by_rule(counts).items():
            cells = " | ".join(f"{by_direction.get(direction, 0):,}" for direction in _DIRECTIONS)
            yield f"| {rule} | {cells} |"
        yield ""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|---" * len(_HEADINGS) + "|"
    for change in comparison.examples:
        yield f"| {' | '.join(markdown_cell(cell) for cell in _cells(change, labels))} |"


def _title(comparison: Comparison) -> str:
    portal = comparison.portal.account.portal_id
    return f"Portal {portal}: policy {comparison.new} in place of {comparison.old}"


def _summary(comparison: Comparison) -> str:
    looked_at = ", ".join(f"{count:,} {kind}" for kind, count in comparison.looked_at.items())
    summary = (
        f"{looked_at or 'Nothing'} looked at in the mirror; {comparison.records:,} would end "
        "differently."
    )
    if comparison.unknown_histories:
        summary += (
            f" {comparison.unknown_histories:,} deals count as never won, because their "
            "history was "
            "not read yet."
        )
    return summary


def _groups(comparison: Comparison) -> Iterator[tuple[str, Counter[tuple[str, str]]]]:
    yield "corrected then", comparison.added
    yield "corrected today", comparison.dropped


def _cells(change: Change, labels: Labels) -> tuple[str, ...]:
    correction = change.new or change.old
    reason = f"{correction.rule}: {correction.reason}" if correction else ""
    return (
        str(change.record),
        "stage" if change.property_name == STAGE else change.property_name,
        _label(change.current, labels),
        _label(change.old.after if change.old else change.current, labels),
        _label(change.new.after if change.new else change.current, labels),
        reason if change.new else f"no longer {reason}",
    )


def _label(value: str, labels: Labels) -> str:
    return labels.get(value, value) or "blank"


def renderable(comparison: Comparison, labels: Labels) -> RenderableType:
    """Return the comparison for the terminal."""
    parts: list[RenderableType] = [
        Text(_title(comparison), style="bold"),
        Text(_summary(comparison)),
    ]
    if not comparison.records:
        return Group(*parts)
    for heading, counts in _groups(comparison):
        parts += [Text(""), _count_table(heading, counts)]
    return Group(*parts, Text(""), _example_table(comparison, labels))


def _count_table(heading: str, counts: Counter[tuple[str, str]]) -> Table:
    """Return the corrections by rule and direction as a table."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column(heading)
    for direction in _DIRECTIONS:
        table.add_column(direction, justify="right")
    for rule, by_direction in _by_rule(counts).items():
        table.add_row(
            rule, *(f"{by_direction.get(direction, 0) or '·'}" for direction in _DIRECTIONS)
        )
    return table


def _example_table(comparison: Comparison, labels: Labels) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for change in comparison.examples:
        table.add_row(*(Text(cell) for cell in _cells(change, labels)))
    return table
