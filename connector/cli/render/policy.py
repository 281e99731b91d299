"""Show a policy in plain words: as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.explain.policy_text import PolicyText, RuleText
from connector.core.safe_text import markdown_cell

_STAGE_HEADINGS = ("rule", "for", "when", "then", "why")
_STATUS_HEADINGS = ("rule", "when", "lead status", "why")
_SETTING_HEADINGS = ("setting", "value", "meaning")
_STAGE_NOTE = "The first rule that holds wins; then the rules are tried again on its result."
_STATUS_NOTE = "By the stage that results; the first line that holds wins."


def markdown(policy_text: PolicyText) -> str:
    """Return the policy as a Markdown document."""
    return "\n".join([*_markdown_lines(policy_text), ""])


def _markdown_lines(policy_text: PolicyText) -> Iterator[str]:
    yield f"# Policy {_title(policy_text)}"
    yield f"\nPath of portal {policy_text.portal_id}: {policy_text.stages}.\n"
    yield f"## Lifecycle stage\n\n{_STAGE_NOTE}\n"
    yield from _markdown_table(_STAGE_HEADINGS, map(_stage_cells, policy_text.rules))
    yield f"\n## Lead status\n\n{_STATUS_NOTE}\n"
    yield from _markdown_table(_STATUS_HEADINGS, map(_status_cells, policy_text.rows))
    yield "\n## Settings\n"
    yield from _markdown_table(_SETTING_HEADINGS, policy_text.settings)
    if policy_text.warnings:
        yield "\n## Asleep in this portal\n"
        yield from (f"- {warning}" for warning in policy_text.warnings)


def _title(policy_text: PolicyText) -> str:
    return (
        f"{policy_text.name}, version {policy_text.version}"
        if policy_text.version
        else policy_text.name
    )


def _stage_cells(line: RuleText) -> tuple[str, ...]:
    return line.name, line.object_types, line.when, line.then, line.reason


def _status_cells(line: RuleText) -> tuple[str, ...]:
    return line.name, line.when, line.then, line.reason


def _markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    for row in rows:
        yield f"| {' | '.join(markdown_cell(cell) for cell in row)} |"


def renderable(policy_text: PolicyText) -> RenderableType:
    """Return the policy for the terminal."""
    parts: list[RenderableType] = [
        Text(f"Policy {_title(policy_text)}", style="bold"),
        Text(f"Path of portal {policy_text.portal_id}: {policy_text.stages}."),
        Text(f"\nLifecycle stage. {_STAGE_NOTE}", style="bold"),
        _terminal_table(
            _STAGE_HEADINGS[:4], (_stage_cells(line)[:4] for line in policy_text.rules)
        ),
        Text(f"\nLead status. {_STATUS_NOTE}", style="bold"),
        _terminal_table(
            _STATUS_HEADINGS[:3], (_status_cells(line)[:3] for line in policy_text.rows)
        ),
        Text("\nSettings", style="bold"),
        _terminal_table(_SETTING_HEADINGS, policy_text.settings),
    ]
    parts += [Text(f"asleep: {warning}", style="yellow") for warning in policy_text.warnings]
    return Group(*parts)


def _terminal_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in {"rule", "setting"})
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
