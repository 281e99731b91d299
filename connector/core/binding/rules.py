"""Bind rules and lead status rows to a portal: their targets, conditions and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.core.binding.bound_policy import BoundEntry, BoundRule, Render, SleepingRule
from connector.core.binding.settings import PortalNames
from connector.core.conditions.compile_condition import CompiledCondition, compile_condition
from connector.core.conditions.tree import Condition
from connector.core.conditions.value_text import format_value
from connector.core.conditions.values import Value, Values
from connector.core.conditions.vocabulary import LEAD_STATUS_FACT, TARGET_FACTS, Fact, Vocabulary
from connector.core.policy.check_condition_names import check_reason, names_in
from connector.core.policy.read_settings import PolicyWord, Setting
from connector.core.policy.rule import KEEP, Reason, Row, Rule, Target
from connector.core.policy.setting_type import SettingType
from connector.core.problem import Problems

_SYNC_MODES: Final = {
    "company.stage": ("primary", "both"),
    "contacts.furthest": ("roll-up", "both"),
}


def _followed_fact(target: Target) -> str:
    """Return the fact that holds the target, "" where the policy itself names a value."""
    name = target.otherwise.text.removeprefix("$") if target.otherwise else ""
    return name if name in TARGET_FACTS else ""


@dataclass(slots=True, kw_only=True)
class RuleBinder:
    """Binds the rules and rows of one object type; collects sleeping ones and problems."""

    vocabulary: Vocabulary
    names: PortalNames
    settings: Mapping[str, Setting]
    values: Mapping[str, Value]
    named_stages: frozenset[str]
    problems: Problems
    sleeping_rules: list[SleepingRule] = field(default_factory=list)

    def bind_rules(self, rules: Sequence[Rule]) -> tuple[BoundRule, ...]:
        """Return the rules for this object type that have a target."""
        return tuple(self._bind_rules(rules))

    def _bind_rules(self, rules: Sequence[Rule]) -> Iterator[BoundRule]:
        for rule in rules:
            if self.vocabulary.object_type not in rule.object_types or self._is_switched_off(rule):
                continue
            for entry in self._bind_entry(rule, rule.stage, SettingType.STAGE):
                yield BoundRule(
                    name=entry.name,
                    when=entry.when,
                    targets=entry.targets,
                    otherwise=entry.otherwise,
                    reason=entry.reason,
                    reason_facts=entry.reason_facts,
                    followed_fact=entry.followed_fact,
                    direction=rule.direction,
                    from_parked=rule.from_parked,
                    marks_former_customer=rule.marks_former_customer,
                )

    def bind_rows(self, rows: Sequence[Row]) -> tuple[BoundEntry, ...]:
        """Return the lead status rows that have a value to set."""
        reads_leads = self.values["lead_status.from"] == "leads"
        return tuple(
            entry
            for row in rows
            # A preset's rows of leads are there only while the setting asks for them.
            if row.own or reads_leads or _followed_fact(row.lead_status) != LEAD_STATUS_FACT
            for entry in self._bind_entry(row, row.lead_status, SettingType.STATUS)
        )

    def bind_condition(self, condition: Condition, *, own: bool) -> CompiledCondition | None:
        """Return a condition as a function, None where it is wrong."""
        with self.problems.collecting():
            return compile_condition(condition, self.vocabulary, own=own)
        return None

    def _bind_entry(
        self, entry: Rule | Row, target: Target, setting_type: SettingType
    ) -> Iterator[BoundEntry]:
        """Yield the entry, unless it is wrong, or rests on or leads to what the portal lacks."""
        missing_names = (
            () if entry.own else tuple(filter(self.vocabulary.lacks_property, names_in(entry)))
        )
        if missing_names:
            reason = f"the portal has no property {missing_names[0]}"
            self.sleeping_rules.append(SleepingRule(name=entry.name, reason=reason))
            return
        with self.problems.collecting():
            check_reason(entry.reason, self.vocabulary)
        with self.problems.collecting():
            when = compile_condition(entry.when, self.vocabulary, own=entry.own)
            stage_target = self._target_by_stage(target)
            if self._leads_nowhere(stage_target):
                return
            reason = next(
                filter(
                    None, (self._missing_reason(word, setting_type) for word in stage_target.words)
                ),
                "",
            )
            if reason:
                self.sleeping_rules.append(SleepingRule(name=entry.name, reason=reason))
                return
            yield BoundEntry(
                name=entry.name,
                when=when,
                targets=self._targets_by_stage(stage_target, setting_type),
                otherwise=self._internal_value(stage_target.otherwise, setting_type)
                if stage_target.otherwise
                else None,
                reason=self._reason_renderer(entry.reason),
                reason_facts=tuple(self._reason_facts(entry.reason)),
                followed_fact=_followed_fact(stage_target),
            )

    def _is_switched_off(self, rule: Rule) -> bool:
        """Return whether `company_sync.mode` excludes the direction of a preset's rule."""
        modes = _SYNC_MODES.get(_followed_fact(rule.stage))
        return not rule.own and modes is not None and self.values["company_sync.mode"] not in modes

    def _leads_nowhere(self, target: Target) -> bool:
        """Return whether the settings leave an entry without a target: then there is no such entry.

        No branch is for the chosen value, or the setting that it leads to is empty.
        """
        names = [word.text.removeprefix("$") for word in target.words if word.text[:1] == "$"]
        empty = [name for name in names if name in self.settings and not self.settings[name].words]
        return not target.words or bool(empty)

    def _target_by_stage(self, target: Target) -> Target:
        """Return a target by stage: where it is by a setting, the branch that the setting names.

        `by: type` chooses by the object type, contacts or companies.
        """
        if target.by == "stage":
            return target
        choice = str(self.vocabulary.object_type) if target.by == "type" else self.values[target.by]
        branch = next((word for key, word in target.branches if key.text == choice), None)
        return Target(otherwise=branch or target.otherwise)

    def _targets_by_stage(self, target: Target, setting_type: SettingType) -> dict[str, str | None]:
        branches = (
            (self.names.find(key, SettingType.STAGE), word) for key, word in target.branches
        )
        return {
            stage: self._internal_value(word, setting_type)
            for stage, word in branches
            if stage is not None
        }

    def _internal_value(self, word: PolicyWord, setting_type: SettingType) -> str | None:
        """Return the internal value of a word, None for `keep` and for what the portal lacks."""
        if word.text == KEEP:
            return None
        if word.text.removeprefix("$") in TARGET_FACTS:
            return None
        if word.text.startswith("$"):
            value = self.values[word.text.removeprefix("$")]
            return value if isinstance(value, str) else None
        return self.names.find(word, setting_type)

    def _missing_reason(self, word: PolicyWord, setting_type: SettingType) -> str:
        """Return why a target's word has no value in this portal, "" if it has one."""
        if word.text == KEEP or word.text.removeprefix("$") in TARGET_FACTS:
            return ""
        value = self._internal_value(word, setting_type)
        if value is None:
            return f"the portal has no {setting_type} {self._describe_word(word)}"
        if setting_type is SettingType.STAGE and value not in self.named_stages:
            return f"the stage {self._describe_word(word)} is not among `stages`"
        return ""

    def _describe_word(self, word: PolicyWord) -> str:
        name = word.text.removeprefix("$")
        if name == word.text:
            return repr(name)
        return f"{self.settings[name].texts[0]!r} (setting {name})"

    def _reason_renderer(self, reason: Reason) -> Render:
        """Return a function that puts the reason into words."""
        parts = [(text, self._fact_renderer(name)) for text, name in reason.parts]

        def render(values: Values) -> str:
            return "".join(text + render_fact(values) for text, render_fact in parts)

        return render

    def _reason_facts(self, reason: Reason) -> Iterator[Fact]:
        facts = (self.vocabulary.fact(name) for _, name in reason.parts if name)
        return (fact for fact in facts if fact)

    def _fact_renderer(self, name: str) -> Render:
        zone = self.vocabulary.zone
        if not name:
            return lambda _: ""
        fixed = self.vocabulary.fixed_names.get(name)
        if fixed:
            text = format_value(fixed.value, zone)
            return lambda _: text
        fact = self.vocabulary.fact(name)
        labels = {option.value: option.label for option in fact.options} if fact else {}
        return lambda values: format_value(values.get(name), zone, labels)
