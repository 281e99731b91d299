"""Explain a decision: every rule in order, each comparison with the value that it compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connector.core.binding.bound_policy import BoundEntry, BoundPolicy, ObjectPolicy
from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.values import Values
from connector.core.conditions.vocabulary import RULES_FACT
from connector.core.decide.decision import Decision, decide, find_exemption
from connector.core.decide.facts import Facts


class RuleResult(StrEnum):
    """The result of trying a rule."""

    WON = "won"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    SLEEPING = "sleeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonResult:
    """One comparison of a rule: its text, the compared value, and whether it held."""

    text: str
    value: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedRule:
    """One rule as it was tried; `note` is its reason if it won, or why it sleeps."""

    rule: str
    result: RuleResult
    condition: str = ""
    comparisons: tuple[ComparisonResult, ...] = ()
    target: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The reason of a decision: every rule with its result.

    `stage_rules` are the rules tried on the record as it is, `status_rules` the lead status
    rows for the stage that results; both end with the rules that sleep.
    """

    decision: Decision
    stage_rules: tuple[ExplainedRule, ...]
    status_rules: tuple[ExplainedRule, ...]


def explain(
    policy: BoundPolicy, facts: Facts, *, pinned: frozenset[str] = frozenset()
) -> Explanation:
    """Return the decision together with every rule in order, and the result of each comparison."""
    object_policy = policy.object_policies[facts.record.object_type]
    decision = decide(policy, facts, pinned=pinned)
    stage = object_policy.aliases.get(facts.stage, facts.stage)
    resulting_stage = object_policy.aliases.get(decision.stage, decision.stage)
    values = {**facts.values, "stage": stage or None}
    row_values = {**values, "stage": resulting_stage or None, RULES_FACT: decision.rules}
    exemption = find_exemption(object_policy, facts)
    exempting_rules = (_exempting_rule(object_policy, facts, *exemption),) if exemption else ()
    return Explanation(
        decision=decision,
        stage_rules=(
            *exempting_rules,
            *_explain_entries(
                object_policy.rules, values, stage, object_policy.labels, is_reached=not exemption
            ),
            *_explain_sleeping(object_policy),
        ),
        status_rules=tuple(
            _explain_entries(
                object_policy.rows,
                row_values,
                resulting_stage,
                object_policy.status_labels,
                is_reached=bool(resulting_stage) and not exemption,
            )
        ),
    )


def _exempting_rule(
    object_policy: ObjectPolicy, facts: Facts, rule: str, note: str
) -> ExplainedRule:
    """Return the entry of the scope or setting that exempts a record from all rules."""
    scope = object_policy.scope if rule == "out-of-scope" else None
    return ExplainedRule(
        rule=rule,
        result=RuleResult.WON,
        condition=scope.text if scope else "",
        comparisons=_comparison_results(scope, facts.values) if scope else (),
        target="keep",
        note=note,
    )


def _explain_entries(
    entries: Sequence[BoundEntry],
    values: Values,
    stage: str,
    labels: Mapping[str, str],
    *,
    is_reached: bool,
) -> Iterator[ExplainedRule]:
    """Yield each entry as it is tried, until one wins; `is_reached` is False if none is tried."""
    for entry in entries:
        holds = is_reached and entry.when.holds(values)
        result = RuleResult.FAILED if is_reached else RuleResult.NOT_REACHED
        target = entry.target_for(stage, values)
        yield ExplainedRule(
            rule=entry.name,
            result=RuleResult.WON if holds else result,
            condition=entry.when.text,
            comparisons=_comparison_results(entry.when, values),
            target="keep" if target is None else labels.get(target, target) or "clear",
            note=entry.reason(values) if holds else "",
        )
        is_reached = is_reached and not holds


def _comparison_results(
    condition: CompiledCondition, values: Values
) -> tuple[ComparisonResult, ...]:
    return tuple(
        ComparisonResult(
            text=test.text, value=test.describe_values(values), holds=test.holds(values)
        )
        for test in condition.tests
    )


def _explain_sleeping(object_policy: ObjectPolicy) -> Iterator[ExplainedRule]:
    for sleeping_rule in object_policy.sleeping_rules:
        yield ExplainedRule(
            rule=sleeping_rule.name, result=RuleResult.SLEEPING, note=sleeping_rule.reason
        )
