"""Show what a changed policy would change: for people, for scripts, for a pull request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.comparing import Change, Comparison
from connector.core.model import STAGE
from connector.core.plan import line

Labels = Mapping[str, str]
_DIRECTIONS = ("forward", "backward", "set", "clear")
_HEADINGS = ("record", "property", "is", "today it would become", "then it would become", "why")


def document(found: Comparison) -> dict[str, Any]:
    """Return the comparison as one JSON document."""
    return {
        "portal_id": found.portal.account.portal_id,
        "policy": found.new,
        "against": found.old,
        "records_looked_at": dict(found.looked_at),
        "records_that_change": found.records,
        "added": _by_rule(found.added),
        "dropped": _by_rule(found.dropped),
        "unknown_histories": found.unknown_histories,
        "examples": [
            {
                "record": str(one.record),
                "property_name": one.property_name,
                "found": one.found,
                "old": line(one.old) if one.old else None,
                "new": line(one.new) if one.new else None,
            }
            for one in found.examples
        ],
    }


def _by_rule(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    told: dict[str, dict[str, int]] = {}
    for (rule, direction), count in sorted(counts.items()):
        told.setdefault(rule, {})[direction] = count
    return told


def markdown(found: Comparison, names: Labels) -> str:
    """Return the comparison as Markdown that fits a comment of a pull request."""
    return "\n".join([*_markdown(found, names), ""])


def _markdown(found: Comparison, names: Labels) -> Iterator[str]:
    yield f"### {_title(found)}\n"
    yield f"{_summary(found)}\n"
    if not found.records:
        return
    for heading, counts in _groups(found):
        yield f"| {heading} | {' | '.join(_DIRECTIONS)} |"
        yield "|---" + "|--:" * len(_DIRECTIONS) + "|"
        for rule, told in _by_rule(counts).items():
            figures = " | ".join(f"{told.get(one, 0):,}" for one in _DIRECTIONS)
            yield f"| {rule} | {figures} |"
        yield ""
    yield f"| {' | '.join(_HEADINGS)} |"
    yield "|---" * len(_HEADINGS) + "|"
    for one in found.examples:
        yield f"| {' | '.join(_escaped(cell) for cell in _cells(one, names))} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _title(found: Comparison) -> str:
    portal = found.portal.account.portal_id
    return f"Portal {portal}: policy {found.new} in place of {found.old}"


def _summary(found: Comparison) -> str:
    looked = ", ".join(f"{count:,} {kind}" for kind, count in found.looked_at.items())
    said = (
        f"{looked or 'Nothing'} looked at in the mirror; {found.records:,} would end differently."
    )
    if found.unknown_histories:
        said += (
            f" {found.unknown_histories:,} deals count as never won, because their history was "
            "not read yet."
        )
    return said


def _groups(found: Comparison) -> Iterator[tuple[str, Counter[tuple[str, str]]]]:
    yield "corrected then", found.added
    yield "corrected today", found.dropped


def _cells(one: Change, names: Labels) -> tuple[str, ...]:
    why = one.new or one.old
    reason = f"{why.rule}: {why.reason}" if why else ""
    return (
        str(one.record),
        "stage" if one.property_name == STAGE else one.property_name,
        _said(one.found, names),
        _said(one.old.after if one.old else one.found, names),
        _said(one.new.after if one.new else one.found, names),
        reason if one.new else f"no longer {reason}",
    )


def _said(value: str, names: Labels) -> str:
    return names.get(value, value) or "blank"


def screen(found: Comparison, names: Labels) -> RenderableType:
    """Return the comparison for the terminal."""
    parts: list[RenderableType] = [Text(_title(found), style="bold"), Text(_summary(found))]
    if not found.records:
        return Group(*parts)
    for heading, counts in _groups(found):
        table = Table(box=None, padding=(0, 2), header_style="bold")
        table.add_column(heading)
        for one in _DIRECTIONS:
            table.add_column(one, justify="right")
        for rule, told in _by_rule(counts).items():
            table.add_row(rule, *(f"{told.get(one, 0) or '·'}" for one in _DIRECTIONS))
        parts += [Text(""), table]
    examples = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in _HEADINGS:
        examples.add_column(heading, overflow="fold")
    for each in found.examples:
        examples.add_row(*(Text(cell) for cell in _cells(each, names)))
    return Group(*parts, Text(""), examples)
