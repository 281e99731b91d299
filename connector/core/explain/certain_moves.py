"""Say whether a policy moves every record with a stage or lead status, whatever else it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from connector.core.binding.bound_policy import BoundEntry, BoundPolicy, ObjectPolicy
from connector.core.explain.partial_condition import KnownFacts, partial_condition
from connector.core.explain.stage_moves import decided_stages, known_facts, may_move
from connector.core.model import ObjectType

_Entry = TypeVar("_Entry", bound=BoundEntry)


def always_moves_stage(policy: BoundPolicy, object_type: ObjectType, stage: str) -> bool:
    """Return whether every record in a stage ("" for blank) gets another stage.

    False also where only some records do, where the policy leaves the stage alone, and where
    its scope leaves some records out.
    """
    object_policy = policy.object_policies[object_type]
    known = known_facts(policy, {}, stage)
    if stage and stage not in decided_stages(object_policy):
        return False
    if not _decides_all(object_policy, known):
        return False
    for rule, always_holds in _possible_winners(object_policy.rules, known):
        target = _target(object_policy, rule, stage)
        # A rule that may keep the record leaves open what happens to it.
        if target is None or not may_move(object_policy, rule, stage, target):
            return False
        if always_holds:
            return True
    return False


def always_moves_status(policy: BoundPolicy, object_type: ObjectType, status: str) -> bool:
    """Return whether a lead status ("" for blank) is replaced in every stage that is decided."""
    object_policy = policy.object_policies[object_type]
    stages = decided_stages(object_policy)
    return bool(stages) and all(
        _replaces_status(object_policy, known_facts(policy, {}, stage), stage, status)
        for stage in stages
    )


def _replaces_status(
    object_policy: ObjectPolicy, known: KnownFacts, stage: str, status: str
) -> bool:
    known = replace(known, values={**known.values, "status": status or None})
    if not _decides_all(object_policy, known):
        return False
    for row, always_holds in _possible_winners(object_policy.rows, known):
        target = row.targets.get(stage, row.otherwise)
        if target is None or target == status:
            return False
        if always_holds:
            return True
    return False


def _decides_all(object_policy: ObjectPolicy, known: KnownFacts) -> bool:
    """Return whether no record of which this is known lies outside of the policy's scope."""
    scope = object_policy.scope
    return scope is None or partial_condition(scope, known).holds is True


def _possible_winners(
    entries: Sequence[_Entry], known: KnownFacts
) -> Iterator[tuple[_Entry, bool]]:
    """Yield the entries that may hold, in their order, and whether they do for every record."""
    for entry in entries:
        holds = partial_condition(entry.when, known).holds
        if holds is not False:
            yield entry, holds is True


def _target(object_policy: ObjectPolicy, rule: BoundEntry, stage: str) -> str | None:
    """Return where a rule leads, None where it keeps, or follows another record."""
    target = None if rule.followed_fact else rule.targets.get(stage, rule.otherwise)
    return None if target is None else object_policy.aliases.get(target, target)
