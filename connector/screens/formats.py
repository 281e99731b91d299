"""Write a plan, correction by correction, as JSON, Markdown or CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import orjson

from connector.core.holds import Aside
from connector.core.model import Correction
from connector.core.plan import line
from connector.screens.plan import Labels, change

FORMATS = ("text", "json", "markdown", "csv")
_COLUMNS = ("record", "property_name", "before", "after", "direction", "rule", "reason")


def aside_line(one: Aside) -> dict[str, Any]:
    """Return what is left aside as the plan's JSON shows it."""
    correction = line(one.correction)
    return {
        **{name: correction[name] for name in ("record", "property_name", "before", "after")},
        "rule": one.correction.rule,
        "why": str(one.why),
        "reason": one.reason,
        "by": one.by,
        "until": one.until.isoformat() if one.until else None,
    }


def write_json_plan(
    out: TextIO,
    head: Mapping[str, Any],
    corrections: Iterable[Correction],
    asides: Iterable[Aside],
) -> None:
    """Write one JSON document, piece by piece: a plan may not fit in memory."""
    out.write(orjson.dumps(dict(head)).decode()[:-1])
    for name, lines in (
        ("corrections", map(line, corrections)),
        ("aside", map(aside_line, asides)),
    ):
        out.write(f',"{name}":[')
        texts = (orjson.dumps(one).decode() for one in lines)
        out.writelines(f"{',' if at else ''}\n{text}" for at, text in enumerate(texts))
        out.write("\n]")
    out.write("}\n")


def write_csv_plan(out: TextIO, corrections: Iterable[Correction]) -> None:
    """Write a line for each correction, under the names of the JSON."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*_COLUMNS, "evidence"])
    for one in corrections:
        told = line(one)
        table.writerow([*(safe(str(told[name])) for name in _COLUMNS), "; ".join(one.evidence)])


def write_csv(out: TextIO, names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write any table under its names."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(names)
    for row in rows:
        table.writerow(["" if one is None else safe(str(one)) for one in row])


def write_markdown_plan(
    out: TextIO,
    head: Mapping[str, Any],
    corrections: Iterable[Correction],
    asides: Iterable[Aside],
    names: Labels,
) -> None:
    """Write figures and tables that fit a comment on a change."""
    figures = head["summary"]
    out.write(f"# Plan for portal {head['portal_id']} by policy {head['policy']['name']}\n\n")
    out.write(f"{figures['corrections']:,} corrections, digest `{head['digest'][:12]}`\n\n")
    out.write("| record | property | change | rule | why |\n|---|---|---|---|---|\n")
    for one in corrections:
        cells = (str(one.record), one.property_name, change(one, names), one.rule, one.reason)
        out.write(f"| {' | '.join(_cell(each) for each in cells)} |\n")
    left = list(asides)
    if left:
        out.write("\n## Left aside\n\n| record | change | why | until |\n|---|---|---|---|\n")
    for each in left:
        until = f"{each.until:%Y-%m-%d}" if each.until else ""
        what = change(each.correction, names)
        told = (str(each.correction.record), what, f"{each.why}: {each.reason}", until)
        out.write(f"| {' | '.join(_cell(one) for one in told)} |\n")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@"} else text
