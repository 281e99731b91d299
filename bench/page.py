"""Write docs/performance.md and its charts from the last result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pygal
from pygal.style import CleanStyle

_CHARTS: Final = {
    "mirror of contacts": ("performance-contacts.svg", "CPU seconds for a mirror of the contacts"),
    "mirror of a whole portal": (
        "performance-portal.svg",
        "CPU seconds for a mirror with companies and deals",
    ),
    "start": ("performance-start.svg", "CPU seconds of a command that has nothing to do"),
}
_HEAD: Final = """# Performance

HubSpot allows an app about 190 requests in ten seconds; what is felt is how much of that is used,
and how soon a command answers. `make bench` measures it on your machine: each round runs every
program once, the figures are medians, and only ratios within one run can be compared. The portal
is served by another process from canned pages (`bench/canned_portal.py`), fast enough for the
reading program to be the slower side.

The *anchor* (`bench/anchor.py`) is the least that a mirror needs: the same requests by urllib3,
decoded by orjson, stored by `executemany` of sqlite3. It knows nothing of limits, retries, merges,
changes, bad answers, interruption or due records.

"""


def write_page(result: Mapping[str, Any], folder: Path) -> None:
    """Write the page and its charts into the folder of the documentation."""
    lines = [
        _HEAD,
        f"Measured {result['measured_at'][:10]} with Python {result['python']}: "
        f"{result['contacts']:,} contacts, {result['rounds']} rounds. On average "
        f"{result['busy']} programs wanted each core when it began: above 1, seconds and shares of "
        "the allowance are worse than on an idle machine, and only ratios say something.\n",
    ]
    for name, (file_name, title) in _CHARTS.items():
        costs = result[name]
        (folder / file_name).write_bytes(_chart(title, costs))
        lines += [f"## {name.capitalize()}\n", f"![{title}]({file_name})\n", _table(costs), ""]
    lines += ["## Allowance\n", "A first pull, its start included, where an answer takes long.\n"]
    lines += ["| an answer takes | share of 190 requests in ten seconds |"]
    lines.append("|---|---|")
    lines += [f"| {latency} | {share:.0%} |" for latency, share in result["allowance"].items()]
    (folder / "performance.md").write_text("\n".join(lines) + "\n")


def _table(costs: Mapping[str, Mapping[str, float]]) -> str:
    """Return a table with each program's cost, and its CPU beside the anchor's."""
    anchor = costs.get("anchor")
    rows = ["| program | CPU s | MiB | requests | × anchor |", "|---|---|---|---|---|"]
    for name, cost in costs.items():
        ratio = f"{cost['cpu'] / anchor['cpu']:.1f}" if anchor else ""
        cells = f"{cost['cpu']:.2f} | {cost['memory']:.0f} | {cost['requests']:,} | {ratio}"
        rows.append(f"| {name} | {cells} |")
    return "\n".join(rows) + "\n"


def _chart(title: str, costs: Mapping[str, Mapping[str, float]]) -> bytes:
    """Return a bar chart as an SVG that loads nothing."""
    chart = pygal.HorizontalBar(
        title=title, style=CleanStyle, js=(), height=120 + 60 * len(costs), show_legend=False
    )
    chart.x_labels = list(costs)
    chart.add("CPU s", [round(cost["cpu"], 2) for cost in costs.values()])
    svg: bytes = chart.render(disable_xml_declaration=True).encode()
    return svg
