"""List the moves that a policy makes: by which rule, from which stages, to which, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy, BoundRule, ObjectPolicy
from connector.core.explain.partial_condition import (
    KnownFacts,
    PartialCondition,
    partial_condition,
)
from connector.core.model import (
    DECIDED_TYPES,
    ObjectType,
)
from connector.core.policy.rule import RuleDirection

BLANK_FACT_SETTINGS: Final = {
    "contact.score": "score.property",
    "contact.subscription": "subscription.property",
    "contact.last_order": "commerce.last_order",
}
"""Facts that are blank in every record while their setting names no property."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMove:
    """A rule that moves records from some stages ("" for blank) to another, when `when` holds.

    `when` is "" where the stage alone is enough.
    """

    rule: str
    object_types: tuple[ObjectType, ...]
    sources: tuple[str, ...]
    target: str
    when: str


def known_facts(
    policy: BoundPolicy, labels: Mapping[str, str], stage: str | None = None
) -> KnownFacts:
    """Return what is known of the records in a stage ("" for blank), None for any stage."""
    blank_facts = {
        fact: setting
        for fact, setting in BLANK_FACT_SETTINGS.items()
        if not policy.policy.texts(setting)
    }
    values = {} if stage is None else {"stage": stage or None}
    return KnownFacts(values=values, blank=blank_facts, labels=labels)


def stage_labels(policy: BoundPolicy) -> dict[str, str]:
    """Return the stages that the policy names, with the portal's labels, in the portal's order.

    Parking places come last, stages of companies alone after those of contacts.
    """
    labels: dict[str, str] = {}
    parked: dict[str, str] = {}
    for object_type in DECIDED_TYPES:
        object_policy = policy.object_policies[object_type]
        for stage in sorted(object_policy.order, key=object_policy.order.__getitem__):
            if stage in object_policy.named_stages:
                group = parked if stage in object_policy.parked_stages else labels
                group.setdefault(stage, object_policy.labels[stage])
    return labels | {stage: label for stage, label in parked.items() if stage not in labels}


def stage_moves(policy: BoundPolicy, labels: Mapping[str, str]) -> tuple[StageMove, ...]:
    """Return the moves of all rules in their order; those that read alike are joined.

    A rule that follows another record's stage names no target, and is not among them.
    """
    stages_by_key: dict[tuple[str, str, str, ObjectType], list[str]] = {}
    for object_type in DECIDED_TYPES:
        for rule, source, target, when in _single_moves(
            policy, policy.object_policies[object_type], labels
        ):
            stages_by_key.setdefault((rule, target, when, object_type), []).append(source)
    # Contacts and companies that move alike share a sentence.
    types_by_key: dict[tuple[str, str, str, tuple[str, ...]], list[ObjectType]] = {}
    for (rule, target, when, object_type), sources in stages_by_key.items():
        types_by_key.setdefault((rule, target, when, tuple(sources)), []).append(object_type)
    return tuple(
        StageMove(rule=rule, object_types=tuple(types), sources=sources, target=target, when=when)
        for (rule, target, when, sources), types in types_by_key.items()
    )


def _single_moves(
    policy: BoundPolicy, object_policy: ObjectPolicy, labels: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield rule, source, target and condition of each move that is possible."""
    for rule in object_policy.rules:
        for source in ("", *decided_stages(object_policy)):
            target = rule.targets.get(source, rule.otherwise)
            if target is None:
                continue
            target = object_policy.aliases.get(target, target)
            left = partial_condition(rule.when, known_facts(policy, labels, source))
            if left.holds is not False and may_move(object_policy, rule, source, target):
                yield rule.name, source, target, left.text


def decided_stages(object_policy: ObjectPolicy) -> list[str]:
    """Return the stages that rules see: those that the policy names and that are no alias."""
    return [
        stage
        for stage in object_policy.order
        if stage in object_policy.named_stages and stage not in object_policy.aliases
    ]


def may_move(object_policy: ObjectPolicy, rule: BoundRule, source: str, target: str) -> bool:
    """Return whether a rule may move a record so: it moves, and in the rule's direction."""
    if not source:
        return bool(target) and rule.direction is not RuleDirection.BACKWARD
    if source == target:
        return False
    if source in object_policy.parked_stages:
        return rule.from_parked
    if rule.direction is RuleDirection.ANY:
        return True
    is_forward = object_policy.order.get(target, -1) > object_policy.order[source]
    return is_forward is (rule.direction is RuleDirection.FORWARD)


def never_holds(policy: BoundPolicy, labels: Mapping[str, str]) -> dict[str, PartialCondition]:
    """Return the rules and rows that no record can meet, each with what is left of it."""
    seen: dict[str, PartialCondition | None] = {}
    for object_type in DECIDED_TYPES:
        object_policy = policy.object_policies[object_type]
        stages = ("", *decided_stages(object_policy))
        for entry in (*object_policy.rules, *object_policy.rows):
            lefts = [
                partial_condition(entry.when, known_facts(policy, labels, stage))
                for stage in stages
            ]
            is_asleep = all(left.holds is False for left in lefts)
            # A rule sleeps only where it sleeps for contacts and companies alike.
            if not is_asleep:
                seen[entry.name] = None
            elif entry.name not in seen:
                seen[entry.name] = max(lefts, key=lambda left: len(left.empty_settings))
    return {name: left for name, left in seen.items() if left}
