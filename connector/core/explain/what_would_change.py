"""Say in plain words what would change a decision."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.binding.bound_policy import BoundPolicy, BoundRule
from connector.core.conditions.value_text import format_date
from connector.core.decide.decision import decide, find_exemption
from connector.core.decide.facts import Facts
from connector.core.decide.rounds import Rounds
from connector.core.explain.condition_text import clauses, property_labels
from connector.core.model import Portal


def what_would_change(policy: BoundPolicy, portal: Portal, facts: Facts) -> Iterator[str]:
    """Yield the evidence that rules before the winner miss, which would change the decision.

    Rules that need another stage than the record has are left out: no evidence changes it.
    """
    object_policy = policy.object_policies[facts.record.object_type]
    if not find_exemption(object_policy, facts):
        rounds = Rounds(object_policy, facts, frozenset())
        rounds.run()
        labels = property_labels(portal)
        for rule in object_policy.rules:
            if rule is rounds.winner:
                break
            target = rounds.target_stage(rule)
            missing = _missing_parts(rule, rounds, labels)
            if target != rounds.stage and missing:
                yield f"{object_policy.labels[target]}, if {missing} ({rule.name})"
    due_at = decide(policy, facts).due_at
    if due_at:
        yield f"on {format_date(due_at, policy.zone)} time alone may change it"


def _missing_parts(rule: BoundRule, rounds: Rounds, labels: dict[str, str]) -> str:
    """Return which parts of a rule's condition do not hold, "" where the stage is one."""
    missing_clauses = [
        clause for clause in clauses(rule.when, labels) if not clause.holds(rounds.values)
    ]
    if any(test.terms[-1].value == () for clause in missing_clauses for test in clause.tests):
        return ""  # nothing is in an empty list
    fact_keys = {
        term.fact.key
        for clause in missing_clauses
        for test in clause.tests
        for term in test.terms
        if term.fact
    }
    return "" if "stage" in fact_keys else " and ".join(clause.text for clause in missing_clauses)
