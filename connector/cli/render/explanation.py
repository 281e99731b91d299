"""Show why a record should be what it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.plan import held_back_table
from connector.cli.render.plan_formats import held_back_document
from connector.core.corrections.plan import correction_json
from connector.core.explain.explanation import ExplainedRule, RuleResult
from connector.core.model import STAGE, STATUS, Version
from connector.operations.explain import RecordExplanation

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
        "settled": decision.settled,
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


def renderable(record_explanation: RecordExplanation, labels: Mapping[str, str]) -> RenderableType:
    """Return the explanation for people: the verdict first, then every rule in its order."""
    record, explanation = record_explanation.record, record_explanation.explanation
    decision = explanation.decision
    parts: list[RenderableType] = [
        Text(str(record.ref), style="bold"),
        _property_line("stage", record.value(STAGE), decision.stage, labels),
    ]
    if STATUS in record.properties:
        parts.append(
            _property_line("lead status", record.properties[STATUS] or "", decision.status, labels)
        )
    parts.append(Text(f"  rule         {decision.rule}: {decision.reason}"))
    evidence = {text: None for correction in decision.corrections for text in correction.evidence}
    parts.extend(Text(f"  evidence     {text}") for text in evidence)
    if record_explanation.held_back:
        parts.append(held_back_table(record_explanation.held_back, labels))
    if record_explanation.wait_message:
        parts.append(Text(record_explanation.wait_message))
    if decision.due_at:
        parts.append(Text(f"  looked at again on {decision.due_at:%Y-%m-%d %H:%M} UTC"))
    parts += [Text(""), _rule_table("Rules for the stage", explanation.stage_rules)]
    if explanation.status_rules:
        parts += [Text(""), _rule_table("Rules for the lead status", explanation.status_rules)]
    parts += _bullet_list("It would become", record_explanation.possible_changes)
    parts += _bullet_list(
        "Last changes",
        [_change_text(*change, labels) for change in record_explanation.latest_changes],
    )
    return Group(*parts)


def _bullet_list(title: str, lines: Sequence[str]) -> list[RenderableType]:
    return [Text(f"\n{title}"), *(Text(f"  · {text}") for text in lines)] if lines else []


def _change_text(name: str, version: Version, labels: Mapping[str, str]) -> str:
    property_label = "stage" if name == STAGE else "lead status"
    writer = " ".join(filter(None, (version.source_type, version.source_id, version.user_id)))
    return (
        f"{version.at:%Y-%m-%d %H:%M} UTC {property_label} "
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
