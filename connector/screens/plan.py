"""Show a plan: figures by rule, examples with their reasons, and what was left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.holds import Aside
from connector.core.model import STAGE, Correction, Option

Labels = Mapping[str, str]
_NAMED: Final = 5


def labels(options: Iterable[Option]) -> dict[str, str]:
    """Return the portal's own label for each internal value."""
    return {one.value: one.label for one in options}


def change(correction: Correction, names: Labels) -> str:
    """Return `Customer → Opportunity` in the portal's words."""
    before, after = (names.get(value, value) or "blank" for value in _ends(correction))
    return f"{before} → {after}"


def _ends(correction: Correction) -> tuple[str, str]:
    return correction.before, correction.after


def summary(figures: Mapping[str, Any]) -> Table:
    """Return the corrections by rule and direction as a table."""
    directions = ("forward", "backward", "set", "clear")
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("rule")
    for name in directions:
        table.add_column(name, justify="right")
    for rule, counts in figures["by_rule"].items():
        table.add_row(rule, *(f"{counts.get(name, 0) or '·'}" for name in directions))
    totals = figures["by_direction"]
    table.add_row("all", *(f"{totals[name]:,}" for name in directions), style="bold")
    return table


def examples(corrections: Sequence[Correction], names: Labels) -> Table:
    """Return corrections with their reasons as a table."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("record", "property", "change", "rule", "why"):
        table.add_column(heading, overflow="fold")
    for one in corrections:
        what = "stage" if one.property_name == STAGE else "lead status"
        table.add_row(str(one.record), what, change(one, names), one.rule, one.reason)
    return table


def asides(left: Iterable[Aside], names: Labels) -> RenderableType:
    """Return what is held or quarantined, with the reason and the end."""
    shown = list(left)
    if not shown:
        return Text("")
    table = Table(box=None, padding=(0, 2), header_style="bold", title="Left aside")
    for heading in ("record", "change", "why", "until"):
        table.add_column(heading, overflow="fold")
    for one in shown:
        until = f"{one.until:%Y-%m-%d %H:%M}" if one.until else ""
        record, what = str(one.correction.record), change(one.correction, names)
        table.add_row(record, what, f"{one.why}: {one.reason}", until)
    return table


def side_effects(figures: Mapping[str, Any]) -> list[Text]:
    """Return what a plan changes besides the two properties."""
    effects = figures["side_effects"]
    said = []
    if effects["stage_dates_changed"]:
        dates = ", ".join(
            f"{name} ({count:,})" for name, count in effects["stage_dates_changed"].items()
        )
        said.append(Text(f"Backward moves change these dates for good: {dates}."))
    behind = effects["contacts_behind_their_company"]
    if behind:
        said.append(
            Text(
                f"{behind['companies']:,} companies move forward with {behind['contacts']:,} "
                "contacts behind them, which HubSpot's own company sync would carry along."
                + _waiting(behind.get("waiting", 0))
            )
        )
    return said


def _workflows(found: Sequence[Mapping[str, str]] | None) -> str:
    if found is None:
        return (
            "Which workflows enrol on stage or lead status is not known: the token lacks the "
            "scope `automation`, or they could not be read."
        )
    if not found:
        return "No active workflow enrols on stage or lead status."
    names = ", ".join(f"{one['name']} ({one['id']})" for one in found)
    return f"These active workflows enrol on stage or lead status, and may start: {names}."


def _waiting(count: int) -> str:
    if not count:
        return ""
    return f" {count:,} of them wait until a plan file (`--out`) is reviewed and applied."


def screen(
    head: Mapping[str, Any], corrections: Sequence[Correction], names: Labels
) -> RenderableType:
    """Return a whole plan: what was looked at, what is wrong, some examples, what to do next."""
    figures = head["summary"]
    looked = ", ".join(f"{count:,} {kind}" for kind, count in figures["records_looked_at"].items())
    title = Text(f"Plan for portal {head['portal_id']} by policy {head['policy']['name']}")
    title.stylize("bold")
    if not figures["corrections"]:
        right = Text(f"{looked or 'Nothing was due'}: everything is as it should be.")
        return Group(title, right, *tasks(head))
    count = sum(figures["records_to_correct"].values())
    parts: list[RenderableType] = [
        title,
        Text(f"{looked} looked at; {count:,} records need {figures['corrections']:,} corrections."),
        Text(""),
        summary(figures),
        Text(""),
        examples(corrections, names),
    ]
    if figures["corrections"] > len(corrections):
        parts.append(Text("… and more: `connector plan --json` shows all of them."))
    if figures["left_alone"]:
        left = ", ".join(f"{number:,} by {why}" for why, number in figures["left_alone"].items())
        parts += [Text(""), Text(f"Left alone: {left}.")]
    if "workflows" in head:
        parts.append(Text(_workflows(head["workflows"])))
    return Group(*parts, *side_effects(figures), *tasks(head))


def tasks(head: Mapping[str, Any]) -> list[Text]:
    """Return whose owners would get a task; nothing where the policy wants none."""
    found = head.get("tasks") or []
    if not found:
        return []
    named = ", ".join(f"{one['record']} (owner {one['owner_id']})" for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return [Text(f"{len(found):,} owners' tasks for overlooked contacts: {named}{more}.")]
