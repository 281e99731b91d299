"""Group the corrections and omissions of a first plan that somebody may not want."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.text_patterns import TextPattern
from connector.core.corrections.plan import UnwantedGroup
from connector.core.deals import DealState, sounds_like_no_sales
from connector.core.decide.decision import Decision
from connector.core.decide.facts import Facts
from connector.core.model import STAGE, Correction, ObjectType
from connector.core.policy.rule import Row, Rule
from connector.core.yaml.write import YamlValue, flow_text

_EXAMPLE_COUNT: Final = 3
_LEFT_ALONE: Final = "left as it is"
_NO_SLUG: Final = re.compile(r"[^a-z0-9]+")
_YEARS: Final = 3650.0
"""A number of days for which no form is too old."""
_STATES_BY_FACT: Final = {
    "deals.open": DealState.OPEN,
    "deals.won": DealState.WON,
    "deals.lost": DealState.LOST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What the records of one group have in common; an ordinary kind is shown only if large."""

    rule: str
    name: str
    text: str
    setting: str
    is_corrected: bool = True
    is_ordinary: bool = False


class UnwantedCounter:
    """Groups decisions one after the other, without keeping them.

    Corrections count where their rule is not `introduced` in the portal. Unchanged records count
    only while no rule at all is introduced, which is before the first review. An ordinary group
    is shown where it has more records than `limits.first_use`, since it then waits for a review.
    """

    def __init__(
        self, policy: BoundPolicy, pipelines: Mapping[str, str], introduced: Set[str]
    ) -> None:
        """`pipelines` are the labels of the portal's deal pipelines by their ids."""
        self._policy = policy
        self._introduced = introduced
        self._is_first_plan = not introduced
        self._kinds = _Kinds(policy, pipelines)
        self._records: Counter[tuple[_Kind, ObjectType]] = Counter()
        self._examples: dict[tuple[_Kind, ObjectType], list[str]] = {}

    def add(self, facts: Facts, decision: Decision) -> None:
        """Count a record in each group that it belongs to."""
        kinds = [
            self._kinds.of_correction(facts, correction)
            for correction in decision.corrections
            if correction.rule not in self._introduced
        ]
        if self._is_first_plan and not decision.corrections:
            kinds += self._kinds.of_unchanged(facts, decision)
        # Stage and lead status with the same cause form one group, which one setting changes.
        by_setting = {kind.setting: kind for kind in reversed(kinds)}
        for kind in by_setting.values():
            key = kind, facts.record.object_type
            self._records[key] += 1
            examples = self._examples.setdefault(key, [])
            if len(examples) < _EXAMPLE_COUNT:
                examples.append(str(facts.record))

    def groups(self) -> tuple[UnwantedGroup, ...]:
        """Return the groups: corrected records before unchanged ones, the largest first."""
        limit = self._policy.policy.number("limits.first_use")
        groups = (
            UnwantedGroup(
                rule=kind.rule,
                kind=kind.name,
                object_type=str(object_type),
                records=count,
                text=kind.text,
                examples=tuple(self._examples[kind, object_type]),
                setting=kind.setting,
                is_corrected=kind.is_corrected,
            )
            for (kind, object_type), count in self._records.items()
            if not kind.is_ordinary or count > limit
        )
        return tuple(
            sorted(groups, key=lambda group: (not group.is_corrected, -group.records, group.text))
        )


class _Kinds:
    """Assigns decisions to kinds, by one policy in one portal."""

    def __init__(self, policy: BoundPolicy, pipelines: Mapping[str, str]) -> None:
        self._policy = policy
        self._pipelines = {
            pipeline: label for pipeline, label in pipelines.items() if sounds_like_no_sales(label)
        }
        entries: tuple[Rule | Row, ...] = (*policy.policy.rules, *policy.policy.rows)
        self._entries = {entry.name: entry for entry in entries}
        self._conditions: dict[tuple[ObjectType, str], CompiledCondition] = {
            (object_type, entry.name): entry.when
            for object_type, object_policy in policy.object_policies.items()
            for entry in (*object_policy.rules, *object_policy.rows)
        }

    def of_correction(self, facts: Facts, correction: Correction) -> _Kind:
        """Return the kind of a correction, shared with others of its rule."""
        target = self._target_text(correction)
        # The rule used deals of a pipeline that sells nothing: the stage is wrong as well.
        pipeline = self._no_sales_pipeline(facts, correction.rule)
        if pipeline:
            excluded = [*self._policy.policy.texts("deals.pipelines.exclude"), pipeline]
            return _Kind(
                rule=correction.rule,
                name="pipeline",
                text=f"by deals in the pipeline {pipeline}, which sounds like no sales → {target}",
                setting=_setting("deals.pipelines.exclude", list(dict.fromkeys(excluded))),
            )
        # A value that a person set would be replaced.
        if correction.property_name != STAGE and facts.values["status.by_person"]:
            return self._status_by_hand(correction, target)
        # A form caused it: the setting needs the pattern that fits the form.
        if correction.rule in {"handover", "subscribed"}:
            kind = self._form(facts, correction.rule, target)
            if kind:
                return kind
        # Nothing is known of the record.
        if correction.rule == "blank":
            is_company = correction.record.object_type is ObjectType.COMPANIES
            return _Kind(
                rule="blank",
                name="blank",
                text=f"without a stage, and without a form or deal that gives one → {target}",
                setting=_setting("company_default_stage", None)
                if is_company
                else self._keep_instead("blank"),
            )
        return _Kind(
            rule=correction.rule,
            name="ordinary",
            text=f"→ {target}",
            setting=self._keep_instead(correction.rule),
            is_ordinary=True,
        )

    def of_unchanged(self, facts: Facts, decision: Decision) -> list[_Kind]:
        """Return the kind of a record that stays as it is, None where nothing looks odd."""
        kinds = (
            self._kept_without_deal(facts, decision),
            self._kept_subscriber(facts, decision),
            self._kept_by_person(facts, decision),
            self._kept_in_spite_of_old_form(facts),
        )
        return [kind for kind in kinds if kind]

    def _kept_without_deal(self, facts: Facts, decision: Decision) -> _Kind | None:
        """Return the kind of a customer, or of a blank company, that no deal explains."""
        if facts.stage == "customer" and not facts.deals:
            labels = self._policy.object_policies[facts.record.object_type].labels
            return _Kind(
                rule=decision.rule,
                name="customer-without-deal",
                text=f"without any deal, which stay {labels['customer']}",
                setting=_own_rule(
                    "customer-without-deal",
                    'stage == "customer" and deals.count == 0',
                    stage="lead",
                ),
                is_corrected=False,
            )
        if not facts.stage and facts.record.object_type is ObjectType.COMPANIES:
            return _Kind(
                rule=decision.rule,
                name="blank-company",
                text="without a stage, a deal or a default, which stay blank",
                setting=_setting("company_default_stage", "lead"),
                is_corrected=False,
            )
        return None

    def _kept_subscriber(self, facts: Facts, decision: Decision) -> _Kind | None:
        if decision.rule != "subscribed":
            return None
        labels = self._policy.object_policies[facts.record.object_type].labels
        kind = self._form(facts, "subscribed", labels.get(facts.stage, facts.stage))
        if kind is None:
            return None
        return replace(kind, is_corrected=False, text=kind.text.replace("→", "which stay"))

    def _kept_by_person(self, facts: Facts, decision: Decision) -> _Kind | None:
        """Return the kind of a contact that a person's lead status keeps as it is."""
        if decision.rule == "verdict":
            return _Kind(
                rule="verdict",
                name="verdict",
                text="which a person disqualified, and which stay until a newer form or a deal",
                setting=_setting("lead_status.verdicts", []),
                is_corrected=False,
            )
        if self._row_name(facts, decision) == "status-by-hand":
            return _Kind(
                rule="status-by-hand",
                name="status-by-hand",
                text="whose lead status a person set outside of sales, and which keep it",
                setting=_setting("lead_status.outside", "clear"),
                is_corrected=False,
            )
        return None

    def _kept_in_spite_of_old_form(self, facts: Facts) -> _Kind | None:
        pattern = self._old_form(facts)
        if not pattern:
            return None
        days = self._policy.policy.number("handover.days")
        return _Kind(
            rule="handover",
            name="old-form",
            text=f"whose latest form fits “{pattern}” and is older than {days:g} days, which "
            "stay where they are",
            setting=_setting("handover.days", _YEARS),
            is_corrected=False,
        )

    def _target_text(self, correction: Correction) -> str:
        object_policy = self._policy.object_policies[correction.record.object_type]
        labels = {**object_policy.labels, **object_policy.status_labels}
        return labels.get(correction.after, correction.after) or "blank"

    def _no_sales_pipeline(self, facts: Facts, rule: str) -> str:
        """Return the pipeline of the deals that a rule goes by, if all lie in one of no sales."""
        condition = self._conditions.get((facts.record.object_type, rule))
        states = {
            _STATES_BY_FACT[fact.key]
            for fact in (condition.facts if condition else ())
            if fact.key in _STATES_BY_FACT
        }
        pipelines = {deal.pipeline for deal in facts.deals if deal.state in states}
        if not pipelines or not pipelines <= self._pipelines.keys():
            return ""
        return self._pipelines[min(pipelines)]

    def _status_by_hand(self, correction: Correction, target: str) -> _Kind:
        labels = self._policy.object_policies[ObjectType.CONTACTS].status_labels
        value = correction.before
        label = labels.get(value, value)
        if correction.rule == "status-clear":
            setting = _setting("lead_status.outside", "keep-by-hand")
        else:
            name = f"keep-{_NO_SLUG.sub('-', value.casefold()).strip('-') or 'status'}"
            setting = _own_rule(
                name, f'status == "{value}" and status.by_person', lead_status="keep"
            )
        return _Kind(
            rule=correction.rule,
            name="status-by-hand",
            text=f"whose lead status {label} a person set → {target}",
            setting=setting,
        )

    def _form(self, facts: Facts, rule: str, target: str) -> _Kind | None:
        """Return the kind of a handover or subscription form, None where another fact decided."""
        setting = f"{rule}.forms"
        patterns = self._policy.policy.texts(setting)
        fitting = _fitting(patterns, facts.values.get("contact.last_conversion"))
        if not fitting:
            return None
        forms = "latest form fits" if rule == "handover" else "only forms fit"
        return _Kind(
            rule=rule,
            name="form",
            text=f"whose {forms} “{fitting[0]}” → {target}",
            setting=_setting(
                setting, [pattern for pattern in patterns if pattern not in set(fitting)]
            ),
        )

    def _old_form(self, facts: Facts) -> str:
        """Return the pattern of a contact's handover form that is older than the policy allows."""
        object_policy = self._policy.object_policies[facts.record.object_type]
        rule = next((rule for rule in object_policy.rules if rule.name == "handover"), None)
        converted_at = facts.values.get("contact.last_conversion_at")
        days = timedelta(days=self._policy.policy.number("handover.days"))
        if (
            rule is None
            or not facts.values.get("conversion.counts")
            or not isinstance(converted_at, type(facts.now))
            or converted_at >= facts.now - days
        ):
            return ""
        target = rule.target_for(facts.stage, facts.values) or ""
        path = object_policy.path
        if path.get(facts.stage, len(path)) >= path.get(target, -1):
            return ""
        patterns = self._policy.policy.texts("handover.forms")
        return next(iter(_fitting(patterns, facts.values.get("contact.last_conversion"))), "")

    def _row_name(self, facts: Facts, decision: Decision) -> str:
        """Return the lead status row that keeps a record's status."""
        if not facts.status or facts.record.object_type is not ObjectType.CONTACTS:
            return ""
        values = {**facts.values, "rules": decision.rules}
        rows = self._policy.object_policies[ObjectType.CONTACTS].rows
        return next((row.name for row in rows if row.when.holds(values)), "")

    def _keep_instead(self, name: str) -> str:
        """Return the rule or row of this name, changed to keep the record as it is."""
        entry = self._entries.get(name)
        if entry is None:
            return _setting("aliases", {})
        when = " ".join(entry.when.text.split())
        if isinstance(entry, Row):
            return _own_rule(name, when, lead_status="keep")
        both = len(entry.object_types) > 1
        applies_to = "both" if both else str(next(iter(entry.object_types)))
        return _own_rule(name, when, applies_to=applies_to, stage="keep")


def _fitting(patterns: tuple[str, ...], name: object) -> tuple[str, ...]:
    """Return the patterns that fit the name of a form."""
    if not isinstance(name, str):
        return ()
    return tuple(pattern for pattern in patterns if _compiled_pattern(pattern).fits(name))


@cache
def _compiled_pattern(pattern: str) -> TextPattern:
    return TextPattern([pattern])


def _setting(name: str, value: YamlValue) -> str:
    """Return a setting as one line of a policy file, nested as its dotted name says.

    >>> _setting("handover.days", 365.0)
    'settings: {handover: {days: 365}}'
    """
    for part in reversed(name.split(".")):
        value = {part: value}
    return f"settings: {flow_text(value)}"


def _own_rule(
    name: str, when: str, *, applies_to: str = "", stage: str = "", lead_status: str = ""
) -> str:
    """Return a rule, or a lead status row, as one line of a policy file."""
    if lead_status:
        row = {"name": name, "when": when, "lead_status": lead_status, "reason": _LEFT_ALONE}
        return f"lead_status: {flow_text([row])}"
    reason = _LEFT_ALONE if stage == "keep" else "no deal"
    rule = {"name": name, "for": applies_to or "both", "when": when, "stage": stage}
    return f"rules: {flow_text([{**rule, 'direction': 'any', 'reason': reason}])}"
