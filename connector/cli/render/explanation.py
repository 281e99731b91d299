"""Show why a record should be what it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.plan import change_text
from connector.cli.render.plan_formats import held_back_document
from connector.cli.render.record_link import record_text
from connector.core.corrections.holds import HeldBack
from connector.core.corrections.plan import correction_json
from connector.core.decide.decision import Decision
from connector.core.explain.explanation import ExplainedRule, RuleResult
from connector.core.model import STAGE, STATUS, Version
from connector.operations.explain import RecordExplanation

_UTC: Final = ZoneInfo("UTC")
_MAX_CHANGES: Final = 2
_VERDICT_SIGNS = {
    RuleResult.WON: "✔",
    RuleResult.FAILED: "✘",
    RuleResult.NOT_REACHED: "·",
    RuleResult.SLEEPING: "z",
}


def document(record_explanation: RecordExplanation) -> dict[str, Any]:
    """Return the explanation as one JSON document."""
    record, explanation = record_explanation.record, record_explanation.explanation
    decision = explanation.decision
    return {
        "record": str(record.ref),
        "is": {STAGE: record.value(STAGE), STATUS: record.properties.get(STATUS) or ""},
        "should_be": {STAGE: decision.stage, STATUS: decision.status},
        "rule": decision.rule,
        "reason": decision.reason,
        "settled": decision.converged,
        "due_at": decision.due_at,
        "corrections": [correction_json(correction) for correction in decision.corrections],
        "aside": [held_back_document(held_back) for held_back in record_explanation.held_back],
        "waits": record_explanation.wait_message or None,
        "stage_rules": [_step_document(step) for step in explanation.stage_rules],
        "lead_status_rules": [_step_document(step) for step in explanation.status_rules],
        "what_would_change_it": list(record_explanation.possible_changes),
        "last_changes": [
            {"property_name": name, **asdict(version)}
            for name, version in record_explanation.latest_changes
        ],
    }


def _step_document(step: ExplainedRule) -> dict[str, Any]:
    return {
        "rule": step.rule,
        "verdict": str(step.result),
        "when": step.condition,
        "comparisons": [
            {"text": comparison.text, "found": comparison.value, "held": comparison.holds}
            for comparison in step.comparisons
        ],
    }


def renderable(
    record_explanation: RecordExplanation,
    labels: Mapping[str, str],
    zone: ZoneInfo = _UTC,
    *,
    portal_id: str = "",
    is_whole: bool = False,
) -> RenderableType:
    """Return the explanation for people: what is, what should be, why, until when, what else.

    `is_whole` adds every rule that was tried and the latest changes. Times are in `zone`. Where
    the portal is named, the record leads to HubSpot.
    """
    record, decision = record_explanation.record, record_explanation.explanation.decision
    parts: list[RenderableType] = [
        Text.assemble(record_text(portal_id, str(record.ref)), style="bold"),
        _property_line("stage", record.value(STAGE), decision.stage, labels),
    ]
    if STATUS in record.properties:
        parts.append(
            _property_line("lead status", record.properties[STATUS] or "", decision.status, labels)
        )
    parts.append(Text(f"  {'why':<12} {_why_text(decision)}"))
    parts += [
        Text(f"  {'held':<12} {_held_text(held_back, labels, zone)}", style="yellow")
        for held_back in record_explanation.held_back
    ]
    if record_explanation.wait_message:
        parts.append(Text(f"  {'waits':<12} {record_explanation.wait_message}"))
    parts += _outlook_lines(record_explanation, zone, is_whole=is_whole)
    if is_whole:
        parts += _trace(record_explanation, labels, zone)
    return Group(*parts)


def time_text(at: datetime, zone: ZoneInfo) -> str:
    """Return a time in the portal's zone, with the zone.

    >>> time_text(datetime(2026, 11, 2, 9, 30, tzinfo=ZoneInfo("UTC")), ZoneInfo("Europe/Oslo"))
    '2026-11-02 10:30 Europe/Oslo'
    """
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def _why_text(decision: Decision) -> str:
    evidence = {text: None for correction in decision.corrections for text in correction.evidence}
    proof = f" (evidence {'; '.join(evidence)})" if evidence else ""
    return f"{decision.rule}: {decision.reason}{proof}"


def _held_text(held_back: HeldBack, labels: Mapping[str, str], zone: ZoneInfo) -> str:
    """Return what the policy wants in place of what is held, why, and when the hold ends."""
    end = f"until {time_text(held_back.until, zone)}" if held_back.until else "until it is removed"
    wanted = change_text(held_back.correction, labels)
    return f"{wanted} by {held_back.correction.rule} is {held_back.cause} {end}: {held_back.reason}"


def _outlook_lines(
    record_explanation: RecordExplanation, zone: ZoneInfo, *, is_whole: bool
) -> list[RenderableType]:
    changes = record_explanation.possible_changes
    shown = changes if is_whole else changes[:_MAX_CHANGES]
    more = f"; {len(changes) - len(shown)} more with --verbose" if len(changes) > len(shown) else ""
    lines = [Text(f"  {'would become':<12} {'; '.join(shown)}{more}")] if shown else []
    due_at = record_explanation.explanation.decision.due_at
    if due_at:
        lines.append(Text(f"  looked at again on {time_text(due_at, zone)}"))
    return [*lines]


def _trace(
    record_explanation: RecordExplanation, labels: Mapping[str, str], zone: ZoneInfo
) -> list[RenderableType]:
    """Return every rule in its order, and the latest changes."""
    explanation = record_explanation.explanation
    parts: list[RenderableType] = [
        Text(""),
        _rule_table("Rules for the stage", explanation.stage_rules),
    ]
    if explanation.status_rules:
        parts += [Text(""), _rule_table("Rules for the lead status", explanation.status_rules)]
    return parts + _bullet_list(
        "Last changes",
        [_change_text(*change, labels, zone) for change in record_explanation.latest_changes],
    )


def _bullet_list(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(f"\n{title}"), *(Text(f"  · {text}") for text in lines)] if lines else []


def _change_text(name: str, version: Version, labels: Mapping[str, str], zone: ZoneInfo) -> str:
    property_label = "stage" if name == STAGE else "lead status"
    writer = " ".join(filter(None, (version.source_type, version.source_id, version.user_id)))
    return (
        f"{time_text(version.at, zone)} {property_label} "
        f"{labels.get(version.value, version.value) or 'blank'} by {writer}"
    )


def _property_line(
    property_label: str, current: str, decided: str, labels: Mapping[str, str]
) -> Text:
    before, after = (labels.get(value, value) or "blank" for value in (current, decided))
    change = (
        f"is {before}, should be {after}" if current != decided else f"is {before}, as it should"
    )
    return Text(f"  {property_label:<12} {change}", style="yellow" if current != decided else "")


def _rule_table(title: str, steps: Sequence[ExplainedRule]) -> Table:
    table = Table(box=None, padding=(0, 1), title=title, title_justify="left", show_header=False)
    for step in steps:
        failed = [comparison for comparison in step.comparisons if not comparison.holds]
        comparisons = step.comparisons if step.result is RuleResult.WON else failed
        details = "; ".join(
            f"{comparison.text} (found {comparison.value})" for comparison in comparisons
        )
        table.add_row(_VERDICT_SIGNS[step.result], step.rule, str(step.result), details)
    return table
