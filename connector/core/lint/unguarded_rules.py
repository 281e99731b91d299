"""Find rules that no case guards, by removing one rule at a time and running the cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from connector.core.lint.cases import CaseResult
from connector.core.policy.load import Policy
from connector.core.policy.rule import KEEP, Row, Rule
from connector.core.problem import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class UnguardedRule:
    """A rule that no case guards, and in what way."""

    rule: str
    place: Place
    reason: str


def find_unguarded_rules(
    policy: Policy, results: Sequence[CaseResult], run: Callable[[Policy], Iterable[CaseResult]]
) -> Iterator[UnguardedRule]:
    """Yield each rule of the policy's own file that the cases do not guard.

    A rule is guarded if it wins in one case and not in another, and if some case fails without
    it. `results` are those of the whole policy, `run` gives those of another one, one by one.
    """
    for entry in own_entries(policy):
        wins = [entry.name in _winning_rules(result) for result in results]
        reason = ""
        if not _any_case_fails(run(policy_without(policy, entry.name))):
            reason = "no case fails when it is taken out"
        elif _is_observable(entry) and not any(wins):
            reason = "it wins in no case"
        elif _is_observable(entry) and all(wins):
            reason = "there is no case in which it does not win"
        if reason:
            yield UnguardedRule(rule=entry.name, place=entry.place, reason=reason)


def own_entries(policy: Policy) -> tuple[Rule | Row, ...]:
    """Return the rules and rows of the policy's own file, each name once."""
    entries: list[Rule | Row] = [*policy.rules, *policy.rows]
    entries_by_name = {
        entry.name: entry for entry in reversed(entries) if entry.place.source == policy.source
    }
    return tuple(sorted(entries_by_name.values(), key=lambda entry: entry.place.line))


def policy_without(policy: Policy, name: str) -> Policy:
    """Return the policy without one rule, and without the row that it makes."""
    return replace(
        policy,
        rules=tuple(rule for rule in policy.rules if rule.name != name),
        rows=tuple(row for row in policy.rows if row.name != name),
        document=replace(
            policy.document,
            rules=tuple(rule for rule in policy.document.rules if rule.name != name),
            rows=tuple(row for row in policy.document.rows if row.name != name),
        ),
    )


def _winning_rules(result: CaseResult) -> set[str]:
    return {
        *result.decision.rules,
        *(correction.rule for correction in result.decision.corrections),
    }


def _is_observable(entry: Rule | Row) -> bool:
    """Return whether a case can see the entry win; a row that only keeps changes nothing."""
    return isinstance(entry, Rule) or any(word.text != KEEP for word in entry.lead_status.words)


def _any_case_fails(results: Iterable[CaseResult]) -> bool:
    return any(result.differences for result in results)
