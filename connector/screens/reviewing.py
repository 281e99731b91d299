"""Show what became of a reviewed plan, and of an undo."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.plan import line
from connector.reviewed import Reviewed
from connector.screens.outcomes import cut_document, ended
from connector.undo import Left, Undo, Undone

_LOST = (
    "What cannot be taken back: workflows that the writes have triggered, and the dates of entry "
    'into a stage ("Became a … date"), which HubSpot sets anew for {count:,} stages.'
)
_CUT = (
    "The audit until {cut.latest:%Y-%m-%d %H:%M:%S} was cut into files, the last of them "
    "{cut.file}: what was written before that cannot be undone."
)
_SHOWN = 50


def document(done: Reviewed) -> dict[str, Any]:
    """Return what became of a reviewed plan as one JSON document."""
    return {
        "run": done.run,
        "outcomes": {str(one): count for one, count in sorted(done.outcomes.items())},
        "skipped": [{**line(one.correction), "why": one.why} for one in done.skipped],
    }


def screen(done: Reviewed) -> RenderableType:
    """Return what became of a reviewed plan, and what of it was skipped."""
    rows = [
        (str(one.correction.record), one.correction.property_name, one.why) for one in done.skipped
    ]
    return Group(ended(done.outcomes), *_named("Skipped", rows), Text(_run(done.run)))


def undo_document(prepared: Undo, done: Undone | None) -> dict[str, Any]:
    """Return an undo, done or only looked at, as one JSON document."""
    left = done.left if done else prepared.left
    return {
        "run": done.run if done else None,
        "selection": prepared.selection.told,
        "corrections": [line(one) for each in prepared.moves for one in each],
        "outcomes": _counted(done) if done else {},
        "left": [
            {"record": str(one.record), "property_name": one.property_name, "why": one.why}
            for one in left
        ],
        "stage_dates_lost": prepared.backward,
        "cut": cut_document(prepared.cut),
    }


def undo_screen(prepared: Undo, done: Undone | None) -> RenderableType:
    """Return an undo for people: what goes back, what is left, what cannot be restored."""
    head = f"Undo of {prepared.selection.told}: {len(prepared.moves):,} records, "
    parts: list[RenderableType] = [Text(head + f"{prepared.corrections:,} properties go back.")]
    if prepared.cut:
        parts.append(Text(_CUT.format(cut=prepared.cut)))
    parts += _named("Left as they are", _lines(done.left if done else prepared.left))
    if prepared.moves:
        parts.append(Text(_LOST.format(count=prepared.backward)))
    if done:
        parts += [ended(done.outcomes), Text(_run(done.run))]
    else:
        parts.append(Text("Nothing was written: leave out --dry-run to do it."))
    return Group(*parts)


def _counted(done: Undone) -> Mapping[str, int]:
    return {str(one): count for one, count in sorted(done.outcomes.items())}


def _lines(left: Iterable[Left]) -> list[tuple[str, str, str]]:
    return [(str(one.record), one.property_name, one.why) for one in left]


def _named(title: str, rows: list[tuple[str, str, str]]) -> list[RenderableType]:
    if not rows:
        return []
    table = Table(box=None, padding=(0, 2), show_header=False)
    for row in rows[:_SHOWN]:
        table.add_row(*row)
    more = [Text("… and more: --json names all of them.")] if len(rows) > _SHOWN else []
    return [Text(f"{title}: {len(rows):,}", style="bold"), table, *more]


def _run(run: str) -> str:
    shows = f"`connector audit --run {run}` shows every write"
    return f"Run {run}: {shows}, `connector undo {run}` takes them back."
