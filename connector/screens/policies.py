"""Show a policy in plain words: as text, as Markdown, as a page of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.portrait import Line, Portrait

_HEADINGS = ("rule", "for", "when", "then", "why")
_STATUS_HEADINGS = ("rule", "when", "lead status", "why")
_SETTINGS = ("setting", "value", "meaning")
_FIRST = "The first rule that holds wins; then the rules are tried again on its result."
_STATUS = "By the stage that results; the first line that holds wins."
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{border:1px solid #ccc;padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "th{background:#f3f3f3}"
)


def markdown(shown: Portrait) -> str:
    """Return the policy as a Markdown document."""
    return "\n".join([*_markdown(shown), ""])


def _markdown(shown: Portrait) -> Iterator[str]:
    yield f"# Policy {_title(shown)}"
    yield f"\nPath of portal {shown.portal_id}: {shown.stages}.\n"
    yield f"## Lifecycle stage\n\n{_FIRST}\n"
    yield from _table(_HEADINGS, map(_cells, shown.rules))
    yield f"\n## Lead status\n\n{_STATUS}\n"
    yield from _table(_STATUS_HEADINGS, map(_status_cells, shown.rows))
    yield "\n## Settings\n"
    yield from _table(_SETTINGS, shown.settings)
    if shown.warnings:
        yield "\n## Asleep in this portal\n"
        yield from (f"- {one}" for one in shown.warnings)


def _title(shown: Portrait) -> str:
    return f"{shown.name}, version {shown.version}" if shown.version else shown.name


def _cells(line: Line) -> tuple[str, ...]:
    return line.name, line.of, line.when, line.then, line.reason


def _status_cells(line: Line) -> tuple[str, ...]:
    return line.name, line.when, line.then, line.reason


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|---" * len(headings) + "|"
    for row in rows:
        yield f"| {' | '.join(_cell(one) for one in row)} |"


def _cell(text: str) -> str:
    """Return a text that breaks no table and marks nothing up."""
    safe = escape(text, quote=False).replace("\n", " ")
    for sign in "\\|*_`[]":
        safe = safe.replace(sign, f"\\{sign}")
    return safe


def html(shown: Portrait) -> str:
    """Return the policy as one page of HTML that needs nothing else."""
    parts = [
        f"<h1>Policy {escape(_title(shown))}</h1>",
        f"<p>Path of portal {escape(shown.portal_id)}: {escape(shown.stages)}.</p>",
        f"<h2>Lifecycle stage</h2><p>{_FIRST}</p>",
        _rows(_HEADINGS, map(_cells, shown.rules)),
        f"<h2>Lead status</h2><p>{_STATUS}</p>",
        _rows(_STATUS_HEADINGS, map(_status_cells, shown.rows)),
        "<h2>Settings</h2>",
        _rows(_SETTINGS, shown.settings),
    ]
    if shown.warnings:
        asleep = "".join(f"<li>{escape(one)}</li>" for one in shown.warnings)
        parts.append(f"<h2>Asleep in this portal</h2><ul>{asleep}</ul>")
    title = f"<title>Policy {escape(shown.name)}</title>"
    head = f'<meta charset="utf-8">{title}<style>{_STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _rows(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in headings)
    body = "\n".join(
        f"<tr>{''.join(f'<td>{escape(one)}</td>' for one in row)}</tr>" for row in rows
    )
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def screen(shown: Portrait) -> RenderableType:
    """Return the policy for the terminal."""
    parts: list[RenderableType] = [
        Text(f"Policy {_title(shown)}", style="bold"),
        Text(f"Path of portal {shown.portal_id}: {shown.stages}."),
        Text(f"\nLifecycle stage. {_FIRST}", style="bold"),
        _grid(_HEADINGS[:4], (_cells(one)[:4] for one in shown.rules)),
        Text(f"\nLead status. {_STATUS}", style="bold"),
        _grid(_STATUS_HEADINGS[:3], (_status_cells(one)[:3] for one in shown.rows)),
        Text("\nSettings", style="bold"),
        _grid(_SETTINGS, shown.settings),
    ]
    parts += [Text(f"asleep: {one}", style="yellow") for one in shown.warnings]
    return Group(*parts)


def _grid(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for one in headings:
        table.add_column(one, overflow="fold", no_wrap=one in {"rule", "setting"})
    for row in rows:
        table.add_row(*(Text(one) for one in row))
    return table
