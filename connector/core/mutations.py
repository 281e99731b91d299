"""Takes one rule at a time out of a policy, to see whether a case notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from connector.core.cases import Result
from connector.core.mark import Mark
from connector.core.policy import Policy
from connector.core.policy_form import KEEP, Row, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Unguarded:
    """A rule that no case guards, and in what way."""

    rule: str
    mark: Mark
    why: str


def unguarded(
    policy: Policy, results: Sequence[Result], run: Callable[[Policy], Iterable[Result]]
) -> Iterator[Unguarded]:
    """Yield each rule of the policy's own file that the cases do not guard.

    A rule is guarded if it wins in one case and not in another, and if some case fails without
    it. `results` are those of the whole policy, `run` gives those of another one, one by one.
    """
    for entry in own_entries(policy):
        fired = [entry.name in _winners(one) for one in results]
        why = ""
        if not _notices(run(without(policy, entry.name))):
            why = "no case fails when it is taken out"
        elif _acts(entry) and not any(fired):
            why = "it wins in no case"
        elif _acts(entry) and all(fired):
            why = "there is no case in which it does not win"
        if why:
            yield Unguarded(rule=entry.name, mark=entry.mark, why=why)


def own_entries(policy: Policy) -> tuple[Rule | Row, ...]:
    """Return the rules and rows that the policy's own file says, each name once."""
    every: list[Rule | Row] = [*policy.rules, *policy.rows]
    found = {one.name: one for one in reversed(every) if one.mark.source == policy.source}
    return tuple(sorted(found.values(), key=lambda one: one.mark.line))


def without(policy: Policy, name: str) -> Policy:
    """Return the policy without one rule, and without the row that it makes."""
    return replace(
        policy,
        rules=tuple(one for one in policy.rules if one.name != name),
        rows=tuple(one for one in policy.rows if one.name != name),
        document=replace(
            policy.document,
            rules=tuple(one for one in policy.document.rules if one.name != name),
            rows=tuple(one for one in policy.document.rows if one.name != name),
        ),
    )


def _winners(result: Result) -> set[str]:
    return {*result.decision.rules, *(one.rule for one in result.decision.corrections)}


def _acts(entry: Rule | Row) -> bool:
    """Whether it can be seen to win: a row that only keeps leaves no trace."""
    return isinstance(entry, Rule) or any(one.text != KEEP for one in entry.lead_status.words)


def _notices(results: Iterable[Result]) -> bool:
    return any(one.differences for one in results)
