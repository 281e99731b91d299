"""Show why a record should be what it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.explanation import Step, Verdict
from connector.core.model import STAGE, STATUS, Version
from connector.core.plan import line
from connector.explaining import Told
from connector.screens.formats import aside_line
from connector.screens.plan import asides

_SIGNS = {Verdict.WON: "✔", Verdict.FAILED: "✘", Verdict.LATER: "·", Verdict.SLEEPS: "z"}


def document(whole: Told) -> dict[str, Any]:
    """Return the explanation as one JSON document."""
    record, told = whole.record, whole.explanation
    decision = told.decision
    return {
        "record": str(record.ref),
        "is": {STAGE: record.value(STAGE), STATUS: record.properties.get(STATUS) or ""},
        "should_be": {STAGE: decision.stage, STATUS: decision.status},
        "rule": decision.rule,
        "reason": decision.reason,
        "settled": decision.settled,
        "due_at": decision.due_at,
        "corrections": [line(one) for one in decision.corrections],
        "aside": [aside_line(one) for one in whole.aside],
        "waits": whole.waits or None,
        "stage_rules": [_step(step) for step in told.stage_steps],
        "lead_status_rules": [_step(step) for step in told.status_steps],
        "what_would_change_it": list(whole.outlook),
        "last_changes": [{"property_name": name, **asdict(one)} for name, one in whole.changes],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "verdict": str(step.verdict),
        "when": step.condition,
        "comparisons": [
            {"text": one.text, "found": one.found, "held": one.held} for one in step.comparisons
        ],
    }


def screen(whole: Told, names: Mapping[str, str]) -> RenderableType:
    """Return the explanation for people: the verdict first, then every rule in its order."""
    record, told = whole.record, whole.explanation
    decision = told.decision
    parts: list[RenderableType] = [
        Text(str(record.ref), style="bold"),
        _line("stage", record.value(STAGE), decision.stage, names),
    ]
    if STATUS in record.properties:
        parts.append(_line("lead status", record.properties[STATUS] or "", decision.status, names))
    parts.append(Text(f"  rule         {decision.rule}: {decision.reason}"))
    evidence = {proof: None for one in decision.corrections for proof in one.evidence}
    parts.extend(Text(f"  evidence     {proof}") for proof in evidence)
    if whole.aside:
        parts.append(asides(whole.aside, names))
    if whole.waits:
        parts.append(Text(whole.waits))
    if decision.due_at:
        parts.append(Text(f"  looked at again on {decision.due_at:%Y-%m-%d %H:%M} UTC"))
    parts += [Text(""), _rules("Rules for the stage", told.stage_steps)]
    if told.status_steps:
        parts += [Text(""), _rules("Rules for the lead status", told.status_steps)]
    parts += _listed("It would become", whole.outlook)
    parts += _listed("Last changes", [_change(*each, names) for each in whole.changes])
    return Group(*parts)


def _listed(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(f"\n{title}"), *(Text(f"  · {one}") for one in lines)] if lines else []


def _change(name: str, one: Version, names: Mapping[str, str]) -> str:
    what = "stage" if name == STAGE else "lead status"
    who = " ".join(filter(None, (one.source_type, one.source_id, one.user_id)))
    return (
        f"{one.at:%Y-%m-%d %H:%M} UTC {what} {names.get(one.value, one.value) or 'blank'} by {who}"
    )


def _line(what: str, found: str, wanted: str, names: Mapping[str, str]) -> Text:
    before, after = (names.get(value, value) or "blank" for value in (found, wanted))
    change = f"is {before}, should be {after}" if found != wanted else f"is {before}, as it should"
    return Text(f"  {what:<12} {change}", style="yellow" if found != wanted else "")


def _rules(title: str, steps: Sequence[Step]) -> Table:
    table = Table(box=None, padding=(0, 1), title=title, title_justify="left", show_header=False)
    for step in steps:
        failed = [one for one in step.comparisons if not one.held]
        shown = step.comparisons if step.verdict is Verdict.WON else failed
        said = "; ".join(f"{one.text} (found {one.found})" for one in shown)
        table.add_row(_SIGNS[step.verdict], step.rule, str(step.verdict), said)
    return table
