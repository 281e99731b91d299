"""Write a plan, correction by correction, as JSON, Markdown or CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import orjson

from connector.cli.render.plan import Labels, change_text
from connector.cli.render.record_link import markdown_record
from connector.cli.render.unwanted import write_unwanted_markdown
from connector.core.corrections.holds import HeldBack
from connector.core.corrections.plan import correction_json
from connector.core.model import Correction
from connector.core.record_address import record_address
from connector.core.safe_text import markdown_cell, spreadsheet_cell

# GitHub takes comments of up to 65,536 characters; what is left is for heads and counts.
_MAX_CORRECTIONS_LENGTH, _MAX_HELD_BACK_LENGTH = 45_000, 15_000
FORMATS = ("text", "json", "markdown", "csv")
_COLUMNS = ("record", "property_name", "before", "after", "direction", "rule", "reason")


def held_back_document(held_back: HeldBack) -> dict[str, Any]:
    """Return what is held back as the plan's JSON shows it."""
    correction = correction_json(held_back.correction)
    return {
        **{name: correction[name] for name in ("record", "property_name", "before", "after")},
        "rule": held_back.correction.rule,
        "why": str(held_back.cause),
        "reason": held_back.reason,
        "by": held_back.by,
        "until": held_back.until.isoformat() if held_back.until else None,
    }


def write_json_plan(
    out: TextIO,
    head: Mapping[str, Any],
    corrections: Iterable[Correction],
    held_back: Iterable[HeldBack],
) -> None:
    """Write one JSON document, piece by piece: a plan may not fit in memory."""
    out.write(orjson.dumps(dict(head)).decode()[:-1])
    for name, lines in (
        ("corrections", map(correction_json, corrections)),
        ("aside", map(held_back_document, held_back)),
    ):
        out.write(f',"{name}":[')
        texts = (orjson.dumps(document).decode() for document in lines)
        out.writelines(f"{',' if index else ''}\n{text}" for index, text in enumerate(texts))
        out.write("\n]")
    out.write("}\n")


def write_csv_plan(out: TextIO, corrections: Iterable[Correction], portal_id: str) -> None:
    """Write a line for each correction, under the names of the JSON; last the record's address."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow([*_COLUMNS, "evidence", "url"])
    for correction in corrections:
        document = correction_json(correction)
        table.writerow(
            [
                *(spreadsheet_cell(str(document[name])) for name in _COLUMNS),
                spreadsheet_cell("; ".join(correction.evidence)),
                record_address(portal_id, correction.record),
            ]
        )


def write_csv(out: TextIO, names: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write any table under its names."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(names)
    for row in rows:
        table.writerow(["" if cell is None else spreadsheet_cell(str(cell)) for cell in row])


def correction_cells(correction: Correction, labels: Labels) -> tuple[str, ...]:
    """Return property, change, rule and reason of a correction, as pages show them."""
    change = change_text(correction, labels)
    return (correction.property_name, change, correction.rule, correction.reason)


def held_back_cells(entry: HeldBack, labels: Labels, zone: ZoneInfo) -> tuple[str, ...]:
    """Return change, reason and end of what is held back, as pages show them."""
    until = f"{entry.until.astimezone(zone):%Y-%m-%d %H:%M}" if entry.until else ""
    return (change_text(entry.correction, labels), f"{entry.cause}: {entry.reason}", until)


def write_markdown_plan(
    out: TextIO,
    head: Mapping[str, Any],
    corrections: Iterable[Correction],
    held_back: Iterable[HeldBack],
    labels: Labels,
    zone: ZoneInfo,
) -> None:
    """Write figures and tables that fit a comment on a change; times are in `zone`."""
    plan_summary = head["summary"]
    out.write(f"# Plan for portal {head['portal_id']} by policy {head['policy']['name']}\n\n")
    write_unwanted_markdown(out, plan_summary.get("unwanted", ()))
    out.write(f"{plan_summary['corrections']:,} corrections, digest `{head['digest'][:12]}`\n\n")
    out.write("| rule | corrections |\n|---|--:|\n")
    out.writelines(
        f"| {markdown_cell(rule)} | {sum(counts.values()):,} |\n"
        for rule, counts in plan_summary["by_rule"].items()
    )
    out.write("\n| record | property | change | rule | why |\n|---|---|---|---|---|\n")
    portal_id = str(head["portal_id"])
    rows = (
        (markdown_record(portal_id, correction.record), correction_cells(correction, labels))
        for correction in corrections
    )
    _write_markdown_rows(out, rows, room=_MAX_CORRECTIONS_LENGTH)
    held_back_rows = list(held_back)
    if held_back_rows:
        until = markdown_cell(f"until ({zone.key})")
        out.write(f"\n## Held back\n\n| record | change | why | {until} |\n|---|---|---|---|\n")
    held_back_table = (
        (markdown_record(portal_id, entry.correction.record), held_back_cells(entry, labels, zone))
        for entry in held_back_rows
    )
    _write_markdown_rows(out, held_back_table, room=_MAX_HELD_BACK_LENGTH)


def _write_markdown_rows(
    out: TextIO, rows: Iterable[tuple[str, tuple[str, ...]]], *, room: int
) -> None:
    """Write rows while there is room for them, in characters; then how many more there are.

    The first cell of a row is Markdown already.
    """
    hidden = 0
    for link, cells in rows:
        text = f"| {' | '.join((link, *map(markdown_cell, cells)))} |\n"
        room -= len(text)
        if room < 0:
            hidden += 1
        else:
            out.write(text)
    if hidden:
        out.write(f"\n… and {hidden:,} more: `connector plan --format csv` has all of them.\n")
