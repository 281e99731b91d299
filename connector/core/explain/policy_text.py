"""Describe a policy in plain words, as an agreement of marketing and sales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connector.core.binding.bound_policy import BoundEntry, BoundPolicy, ObjectPolicy
from connector.core.explain.condition_text import condition_text, property_labels
from connector.core.model import (
    DECIDED_TYPES,
    STATUS,
    ObjectType,
    Portal,
)
from connector.core.policy.read_settings import Setting
from connector.core.policy.rule import Reason, Rule, RuleDirection
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.policy.setting_type import SettingType

_DIRECTION_TEXTS = {
    RuleDirection.FORWARD: "only forward",
    RuleDirection.BACKWARD: "only backward",
    RuleDirection.ANY: "forward or backward",
}
_LABELLED_TYPES = frozenset(
    {
        SettingType.STAGE,
        SettingType.STAGES,
        SettingType.STATUS,
        SettingType.STATUSES,
        SettingType.PIPELINES,
        SettingType.LEAD_STAGES,
    }
)
_PAIR_TEXTS: Final = {
    SettingType.ALIASES: "{} as {}",
    SettingType.LEAD_STATUSES: "{} as {}",
    SettingType.TERMS: "{} {} days",
}
_FOLLOWED: Final = {
    "company.stage": "the stage of the primary company",
    "contacts.furthest": "the furthest stage of its contacts",
    "lead.status": "what the stage of the lead means",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """One rule or row in words."""

    name: str
    object_types: str
    when: str
    then: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A policy in words; `settings` are name, value and meaning."""

    name: str
    version: str
    portal_id: str
    stages: str
    rules: tuple[RuleText, ...]
    rows: tuple[RuleText, ...]
    settings: tuple[tuple[str, str, str], ...]
    warnings: tuple[str, ...]


def describe_policy(policy: BoundPolicy, portal: Portal) -> PolicyText:
    """Return a bound policy in words, in the portal's labels."""
    object_policy = policy.object_policies[ObjectType.CONTACTS]
    labels = property_labels(portal)
    return PolicyText(
        name=policy.name,
        version=policy.policy.version,
        portal_id=policy.portal_id,
        stages=" → ".join(object_policy.labels[stage] for stage in object_policy.path),
        rules=tuple(_rules(policy, labels)),
        rows=tuple(_rows(policy, object_policy, labels)),
        settings=tuple(_settings(policy, portal)),
        warnings=(*policy.warnings, *_blank_fact_warnings(policy)),
    )


def _rules(policy: BoundPolicy, labels: Mapping[str, str]) -> Iterator[RuleText]:
    """Yield the rules for the stage in their order, each once."""
    for rule in policy.policy.rules:
        bound_rules = [
            (object_policy, candidate)
            for object_type in DECIDED_TYPES
            for object_policy in (policy.object_policies[object_type],)
            for candidate in object_policy.rules
            if candidate.name == rule.name
        ]
        if bound_rules:
            object_policy, bound_rule = bound_rules[0]
            yield RuleText(
                name=rule.name,
                object_types=" and ".join(
                    str(object_policy.object_type) for object_policy, _ in bound_rules
                ),
                when=condition_text(bound_rule.when, labels),
                then=_stage_target_text(rule, object_policy, bound_rule),
                reason=_reason_text(policy, rule.reason),
            )


def _stage_target_text(rule: Rule, object_policy: ObjectPolicy, bound_rule: BoundEntry) -> str:
    then = _target_text(bound_rule, object_policy.labels, object_policy.labels)
    if then == "keep":
        return then
    parked = ", out of a parking place too" if rule.from_parked else ""
    return f"{then} ({_DIRECTION_TEXTS[rule.direction]}{parked})"


def _rows(
    policy: BoundPolicy, object_policy: ObjectPolicy, labels: Mapping[str, str]
) -> Iterator[RuleText]:
    reasons = {row.name: row.reason for row in policy.policy.rows}
    for row in object_policy.rows:
        yield RuleText(
            name=row.name,
            object_types="contacts",
            when=condition_text(row.when, labels),
            then=_target_text(row, object_policy.labels, object_policy.status_labels),
            reason=_reason_text(policy, reasons[row.name]),
        )


def _target_text(entry: BoundEntry, stages: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return the target of an entry in words, by the record's present stage."""
    if entry.followed_fact:
        return _FOLLOWED[entry.followed_fact]
    otherwise = _value_label(entry.otherwise, labels)
    return "; ".join(
        [
            *(
                f"from {stages[stage]}: {_value_label(value, labels)}"
                for stage, value in entry.targets.items()
            ),
            f"otherwise: {otherwise}" if entry.targets else otherwise,
        ]
    )


def _value_label(value: str | None, labels: Mapping[str, str]) -> str:
    return "keep" if value is None else labels.get(value, value) or "clear"


def _reason_text(policy: BoundPolicy, reason: Reason) -> str:
    """Return a reason with the policy's values filled in; the facts of a record stay open."""
    known = policy.policy.settings
    texts_by_name = {
        name: _setting_text(known[name], {}) for _, name in reason.parts if name in known
    }
    return "".join(
        text + (texts_by_name.get(name, "…") if name else "") for text, name in reason.parts
    )


_NEEDED_SETTINGS: Final = {
    "contact.score": "score.property",
    "contact.subscription": "subscription.property",
    "contact.last_order": "commerce.last_order",
}


def _blank_fact_warnings(policy: BoundPolicy) -> Iterator[str]:
    """Yield the facts that are blank for every record, because no property is named for them."""
    rules = policy.object_policies[ObjectType.CONTACTS].rules
    fact_keys = {fact.key for rule in rules for fact in rule.when.facts}
    for key, setting in _NEEDED_SETTINGS.items():
        if key in fact_keys and not policy.policy.texts(setting):
            yield f"{key} is always blank: the setting {setting} is empty"


def _settings(policy: BoundPolicy, portal: Portal) -> Iterator[tuple[str, str, str]]:
    object_policy = policy.object_policies[ObjectType.CONTACTS]
    labels = {option.value: option.label for option in portal.options(ObjectType.CONTACTS, STATUS)}
    labels |= {
        **object_policy.labels,
        **{pipeline.id: pipeline.label for pipeline in portal.pipelines},
        **{
            stage.id: stage.label
            for pipeline in portal.lead_pipelines or ()
            for stage in pipeline.stages
        },
    }
    for name, setting in policy.policy.settings.items():
        yield name, _setting_text(setting, labels), SETTING_SPECS[name].meaning


def _setting_text(setting: Setting, labels: Mapping[str, str]) -> str:
    """Return the value of a setting in words, by its type; texts in the portal's labels."""
    # An empty condition excludes nothing.
    if setting.type is SettingType.CONDITION:
        text = getattr(setting.plain_value, "text", "")
        return text or ("never" if setting.name == "follow_up.fit" else "always")
    # A mapping holds pairs: a stage, and what stands for it.
    if setting.type in _PAIR_TEXTS:
        pairs = zip(setting.texts[::2], setting.texts[1::2], strict=True)
        texts = [
            _PAIR_TEXTS[setting.type].format(labels.get(stage, stage), labels.get(value, value))
            for stage, value in pairs
        ]
        return ", ".join(texts) or "none"
    if isinstance(setting.plain_value, bool):
        return "yes" if setting.plain_value else "no"
    if isinstance(setting.plain_value, float):
        return f"{setting.plain_value:g}"
    # Stages and lead statuses have labels in the portal; other texts are shown as they are.
    known = labels if setting.type in _LABELLED_TYPES else {}
    return ", ".join(known.get(value, value) for value in setting.texts) or "none"
