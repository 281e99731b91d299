"""Find own rules that keep a record from the stage to which its deals would move it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, BoundRule, ObjectPolicy
from connector.core.decide.decision import find_exemption
from connector.core.decide.rounds import Rounds
from connector.core.lint.loops import sample_facts
from connector.core.policy.rule import Rule, RuleDirection
from connector.core.problem import Problem

_DEAL_RULES: Final = ("won", "open-deal")


def find_deal_blockers(policy: BoundPolicy, now: datetime) -> Iterator[Problem]:
    """Yield each own forward rule that always wins where `won` or `open-deal` leads further.

    Own rules come before the preset's unless they say otherwise, and the first that holds wins.
    A rule that only keeps the stage is an exception on purpose.
    """
    own_rules = {
        rule.name: rule
        for rule in policy.policy.rules
        if rule.own and rule.direction is RuleDirection.FORWARD
    }
    for object_policy in policy.object_policies.values():
        yield from (
            _blockers_for_object_type(policy, object_policy, own_rules, now)
            if _candidate_rules(object_policy, own_rules)
            else ()
        )


def _candidate_rules(object_policy: ObjectPolicy, own_rules: dict[str, Rule]) -> list[BoundRule]:
    """Return the own rules with a target that come before a rule that uses deals."""
    names = [rule.name for rule in object_policy.rules]
    last_index = max((names.index(name) for name in _DEAL_RULES if name in names), default=0)
    return [
        rule
        for rule in object_policy.rules[:last_index]
        if rule.name in own_rules and (rule.otherwise or rule.targets)
    ]


def _blockers_for_object_type(
    policy: BoundPolicy, object_policy: ObjectPolicy, own_rules: dict[str, Rule], now: datetime
) -> Iterator[Problem]:
    unreported = {rule.name for rule in _candidate_rules(object_policy, own_rules)}
    for facts in sample_facts(policy, object_policy, now):
        if not unreported:
            return
        if find_exemption(object_policy, facts):
            continue
        rounds = Rounds(object_policy, facts, frozenset())
        winner = _keeping_rule(rounds)
        blocked_rule = (
            _blocked_rule(object_policy, rounds, winner)
            if winner and winner.name in unreported
            else ""
        )
        if winner and blocked_rule:
            unreported.discard(winner.name)
            yield _problem(object_policy, rounds, own_rules[winner.name], blocked_rule)


def _keeping_rule(rounds: Rounds) -> BoundRule | None:
    """Return the rule that keeps a record in its resulting stage, None if none does."""
    return rounds.winner if rounds.run() else None


def _blocked_rule(object_policy: ObjectPolicy, rounds: Rounds, winner: BoundRule) -> str:
    """Return the rule on deals that also holds and would lead further, "" if none does."""
    later_rules = object_policy.rules[object_policy.rules.index(winner) + 1 :]
    for rule in later_rules:
        if rule.name in _DEAL_RULES and rule.when.holds(rounds.values):
            return rule.name if rounds.target_stage(rule) != rounds.stage else ""
    return ""


def _problem(object_policy: ObjectPolicy, rounds: Rounds, rule: Rule, blocked_rule: str) -> Problem:
    stage = object_policy.labels.get(rounds.stage, rounds.stage)
    fix = "from_parked: yes" if rounds.stage in object_policy.parked_stages else "before: handover"
    return Problem(
        rule.place,
        f"the rule {rule.name} comes before {blocked_rule} and wins wherever both hold: it keeps a "
        f"record in {stage} whatever its deals say; write `{fix}` in it, or ask for "
        "`deals.count == 0`",
    )
