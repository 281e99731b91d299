"""Show a plan: figures by rule, examples with their reasons, and what was left alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.console import new_table
from connector.cli.render.record_link import record_text
from connector.cli.render.unwanted import unwanted_lines
from connector.core.corrections.holds import HeldBack
from connector.core.model import STAGE, Correction, Option

Labels = Mapping[str, str]
_MAX_NAMED: Final = 5


def labels_by_value(options: Iterable[Option]) -> dict[str, str]:
    """Return the portal's own label for each internal value."""
    return {option.value: option.label for option in options}


def change_text(correction: Correction, labels: Labels) -> str:
    """Return `Customer → Opportunity` in the portal's words."""
    before, after = (labels.get(value, value) or "blank" for value in _values(correction))
    return f"{before} → {after}"


def _values(correction: Correction) -> tuple[str, str]:
    return correction.before, correction.after


def summary_table(plan_summary: Mapping[str, Any]) -> Table:
    """Return the corrections by rule and direction as a table."""
    directions = ("forward", "backward", "set", "clear")
    table = Table(box=None, padding=(0, 2), header_style="bold")
    table.add_column("rule")
    for name in directions:
        table.add_column(name, justify="right")
    for rule, counts in plan_summary["by_rule"].items():
        table.add_row(rule, *(f"{counts.get(name, 0) or '·'}" for name in directions))
    totals = plan_summary["by_direction"]
    table.add_row("all", *(f"{totals[name]:,}" for name in directions), style="bold")
    return table


def example_table(corrections: Sequence[Correction], labels: Labels, portal_id: str) -> Table:
    """Return corrections with their reasons as a table; records lead to HubSpot."""
    table = new_table("record", "property", "change", "rule", "why")
    for correction in corrections:
        property_label = "stage" if correction.property_name == STAGE else "lead status"
        table.add_row(
            record_text(portal_id, str(correction.record)),
            property_label,
            change_text(correction, labels),
            correction.rule,
            correction.reason,
        )
    return table


def held_back_table(
    held_back: Iterable[HeldBack], labels: Labels, zone: ZoneInfo, portal_id: str
) -> RenderableType:
    """Return what is held or quarantined, with the reason, and the end in `zone`."""
    rows = list(held_back)
    if not rows:
        return Text("")
    table = new_table("record", "change", "why", "until")
    table.columns[-1].header = f"until ({zone.key})"
    table.title = "Held back"
    for row in rows:
        until = f"{row.until.astimezone(zone):%Y-%m-%d %H:%M}" if row.until else ""
        record = record_text(portal_id, str(row.correction.record))
        table.add_row(
            record, change_text(row.correction, labels), f"{row.cause}: {row.reason}", until
        )
    return table


def side_effects(plan_summary: Mapping[str, Any]) -> list[Text]:
    """Return what a plan changes besides the two properties."""
    effects = plan_summary["side_effects"]
    lines = []
    if effects["stage_dates_changed"]:
        dates = ", ".join(
            f"{name} ({count:,})" for name, count in effects["stage_dates_changed"].items()
        )
        lines.append(Text(f"Backward moves change these dates for good: {dates}."))
    contacts_behind = effects["contacts_behind_their_company"]
    if contacts_behind:
        lines.append(
            Text(
                f"{contacts_behind['companies']:,} companies move forward with "
                f"{contacts_behind['contacts']:,} "
                "contacts behind them, which HubSpot's own company sync would carry along."
                + _waiting_text(contacts_behind.get("waiting", 0))
            )
        )
        lines += [
            Text(f"  {company} waits, and behind it {', '.join(contacts)}")
            for company, contacts in effects.get("waiting_companies", {}).items()
        ]
    return lines


def _workflow_text(workflows: Sequence[Mapping[str, str]] | None) -> str:
    if workflows is None:
        return (
            "Which workflows enrol on stage or lead status is not known: the token lacks the "
            "scope `automation`, or they could not be read."
        )
    if not workflows:
        return "No active workflow enrols on stage or lead status."
    names = ", ".join(f"{workflow['name']} ({workflow['id']})" for workflow in workflows)
    return f"These active workflows enrol on stage or lead status, and may start: {names}."


def _waiting_text(count: int) -> str:
    if not count:
        return ""
    return f" {count:,} of them wait until a plan file (`--out`) is reviewed and applied."


def renderable(
    head: Mapping[str, Any], corrections: Sequence[Correction], labels: Labels
) -> RenderableType:
    """Return a whole plan: what was looked at, what is wrong, some examples, what to do next."""
    plan_summary = head["summary"]
    decided = _decided_text(plan_summary["records_looked_at"], head.get("mirrored", {}))
    title = Text(f"Plan for portal {head['portal_id']} by policy {head['policy']['name']}")
    title.stylize("bold")
    unwanted = unwanted_lines(plan_summary.get("unwanted", ()))
    if not plan_summary["corrections"]:
        message = Text(f"{decided}: everything is as it should be.")
        return Group(title, *unwanted, message, *task_lines(head))
    count = sum(plan_summary["records_to_correct"].values())
    parts: list[RenderableType] = [
        title,
        *unwanted,
        Text(f"{decided}; {count:,} records need {plan_summary['corrections']:,} corrections."),
        Text(""),
        summary_table(plan_summary),
        Text(""),
        example_table(corrections, labels, str(head["portal_id"])),
    ]
    if plan_summary["corrections"] > len(corrections):
        parts.append(Text("… and more: `connector plan --json` shows all of them."))
    if plan_summary["left_alone"]:
        left_alone = ", ".join(
            f"{number:,} by {reason}" for reason, number in plan_summary["left_alone"].items()
        )
        parts += [Text(""), Text(f"Left alone: {left_alone}.")]
    if "workflows" in head:
        parts.append(Text(_workflow_text(head["workflows"])))
    return Group(*parts, *side_effects(plan_summary), *task_lines(head))


def _decided_text(decided: Mapping[str, int], mirrored: Mapping[str, int]) -> str:
    """Return how many records were decided now, each count beside the whole of its type.

    >>> _decided_text({"contacts": 12}, {"contacts": 1885, "deals": 3})
    'Decided now: 12 of 1,885 contacts'
    >>> _decided_text({}, {"contacts": 1885})
    'Nothing was due (1,885 contacts)'
    """
    if not any(decided.values()):
        whole = ", ".join(
            f"{count:,} {kind}" for kind, count in mirrored.items() if kind != "deals"
        )
        return f"Nothing was due ({whole})" if whole else "Nothing was due"
    counts = ", ".join(
        f"{count:,} of {mirrored[kind]:,} {kind}" if kind in mirrored else f"{count:,} {kind}"
        for kind, count in decided.items()
    )
    return f"Decided now: {counts}"


def next_step(text: str) -> RenderableType:
    """Return the last line of a plan: what to do next."""
    return Text(text, style="bold")


def task_lines(head: Mapping[str, Any]) -> list[Text]:
    """Return whose owners would get a task; nothing where the policy wants none."""
    upcoming_tasks = head.get("tasks") or []
    if not upcoming_tasks:
        return []
    names = ", ".join(
        f"{task['record']} (owner {task['owner_id']})" for task in upcoming_tasks[:_MAX_NAMED]
    )
    more_text = (
        f" and {len(upcoming_tasks) - _MAX_NAMED:,} more"
        if len(upcoming_tasks) > _MAX_NAMED
        else ""
    )
    return [
        Text(f"{len(upcoming_tasks):,} owners' tasks for overlooked contacts: {names}{more_text}.")
    ]
