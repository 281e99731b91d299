"""Write a plan as one page of HTML that needs nothing else: to send, to sort, and to follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

from connector.cli.render.plan import Labels
from connector.cli.render.plan_formats import correction_cells, held_back_cells
from connector.core.corrections.holds import HeldBack
from connector.core.model import Correction, Ref
from connector.core.record_address import record_address
from connector.core.safe_text import one_line

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_STYLE: Final = """\
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100%; margin-bottom: 2em }
th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #8884; vertical-align: top }
th { cursor: pointer; position: sticky; top: 0; background: Canvas }
td:first-child { white-space: nowrap }
"""
# A click on a heading sorts by its column, numbers as numbers; a second click turns the order.
_SCRIPT: Final = """\
for (const th of document.querySelectorAll("th")) th.onclick = () => {
  const body = th.closest("table").tBodies[0], column = th.cellIndex;
  const up = th.dataset.up = th.dataset.up === "1" ? "0" : "1";
  const text = row => row.cells[column].textContent;
  const compare = (a, b) => text(a).localeCompare(text(b), undefined, {numeric: true});
  const rows = [...body.rows].sort(compare);
  body.append(...(up === "1" ? rows : rows.reverse()));
};
"""


def write_html_plan(
    out: TextIO,
    head: Mapping[str, Any],
    corrections: Iterable[Correction],
    held_back: Iterable[HeldBack],
    labels: Labels,
    zone: ZoneInfo,
) -> None:
    """Write the page piece by piece: a plan may not fit in memory. Records lead to HubSpot.

    Times are in `zone`.
    """
    portal_id = str(head["portal_id"])
    _write_head(out, head)
    _write_table(
        out,
        ("record", "property", "change", "rule", "why"),
        (
            (
                _record_link(portal_id, correction.record),
                *map(_text, correction_cells(correction, labels)),
            )
            for correction in corrections
        ),
    )
    out.write("<h2>Held back</h2>\n")
    _write_table(
        out,
        ("record", "change", "why", _text(f"until ({zone.key})")),
        (
            (
                _record_link(portal_id, entry.correction.record),
                *map(_text, held_back_cells(entry, labels, zone)),
            )
            for entry in held_back
        ),
    )
    out.write(f"<script>{_SCRIPT}</script>\n</body></html>\n")


def _write_head(out: TextIO, head: Mapping[str, Any]) -> None:
    """Write the page's head, and the corrections of each rule."""
    plan_summary = head["summary"]
    title = escape(f"Plan for portal {head['portal_id']} by policy {head['policy']['name']}")
    out.write(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f"<p>{plan_summary['corrections']:,} corrections, made {escape(str(head['created_at']))}, "
        f"digest <code>{escape(str(head['digest'])[:12])}</code>. Nothing was written.</p>\n"
    )
    by_rule = (
        (escape(rule), f"{sum(counts.values()):,}")
        for rule, counts in plan_summary["by_rule"].items()
    )
    _write_table(out, ("rule", "corrections"), by_rule)


def _write_table(out: TextIO, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; the cells are HTML already."""
    head = "".join(f"<th>{heading}</th>" for heading in headings)
    out.write(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n")
    out.writelines(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    out.write("</tbody>\n</table>\n")


def _record_link(portal_id: str, ref: Ref) -> str:
    return f'<a href="{escape(record_address(portal_id, ref))}">{ref}</a>'


def _text(text: str) -> str:
    return escape(one_line(text))
