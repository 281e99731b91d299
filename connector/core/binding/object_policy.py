"""Bind a policy for one object type of a portal: contacts or companies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.binding.bound_policy import (
    BoundEntry,
    BoundRule,
    ObjectPolicy,
    Parse,
    PropertyReader,
)
from connector.core.binding.rules import RuleBinder
from connector.core.binding.settings import PortalNames, bound_values, portal_names, texts_of
from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.operands import option_value
from connector.core.conditions.stage_bounds import stages_where
from connector.core.conditions.tree import Condition, Constant
from connector.core.conditions.values import (
    Kind,
    Value,
    parse_choices,
    parse_date,
    parse_domain,
    parse_number,
    parse_text,
    parse_time,
    parse_yes_no,
)
from connector.core.conditions.vocabulary import (
    ENTERED_PREFIX,
    STAGE_HISTORY_FACTS,
    STATUS_HISTORY_FACTS,
    Fact,
    Vocabulary,
)
from connector.core.model import STATUS, ObjectType, Portal
from connector.core.policy.load import Policy
from connector.core.policy.read_settings import PolicyWord
from connector.core.policy.rule import KEEP
from connector.core.policy.setting_names import fixed_names, unbound_values
from connector.core.policy.setting_type import SettingType
from connector.core.problem import Problems

_LOSS_FACTS: Final = frozenset({"deals.lost_at", "conversion.since_loss", "conversion.counts"})


@dataclass(frozen=True, slots=True)
class _ObjectPolicyBinder:
    """The inputs for binding one object type."""

    policy: Policy
    portal: Portal
    object_type: ObjectType
    zone: ZoneInfo
    names: PortalNames
    values: Mapping[str, Value]
    problems: Problems

    @property
    def parked_stages(self) -> frozenset[str]:
        return frozenset(texts_of(self.values["parked"]))

    @property
    def path(self) -> dict[str, int]:
        """Return the rank of every stage that is not parked."""
        return {
            stage: rank for stage, rank in self.order.items() if stage not in self.parked_stages
        }

    @property
    def order(self) -> dict[str, int]:
        return {option.value: rank for rank, option in enumerate(self.names.stages)}

    def named_stages(self) -> frozenset[str]:
        """Return the stages that the policy names.

        Those of the setting `stages`, and whatever a customer's own file names beside it.
        """
        words = [
            word
            for setting in self.policy.settings.values()
            if setting.type in {SettingType.STAGE, SettingType.STAGES, SettingType.ALIASES}
            for word in setting.words
        ]
        words += [word for rule in self.policy.rules for word in rule.stage.words]
        stages = {
            self.names.find(word, SettingType.STAGE) for word in words if _is_stage_name(word)
        }
        return frozenset(stage for stage in stages if stage) | set(texts_of(self.values["stages"]))

    def _aliases(self) -> dict[str, str]:
        flat = texts_of(self.values["aliases"])
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def vocabulary(self, *, for_rows: bool = False, missing_namespace: str = "") -> Vocabulary:
        known = {**self.policy.settings, **self.policy.lists}
        values = {**unbound_values(self.policy.lists), **self.values}
        return Vocabulary(
            object_type=self.object_type,
            fixed_names=fixed_names(known, values),
            definitions=self.portal.definitions,
            options={Kind.STAGE: self.names.stages, Kind.STATUS: self.names.statuses},
            deal_options={
                "pipeline": self.names.pipelines,
                "dealstage": self.names.deal_stages,
            },
            lead_options=self.names.lead_stages,
            path=self.path,
            zone=self.zone,
            for_rows=for_rows,
            missing_namespace=missing_namespace,
        )

    def rule_binder(self, *, for_rows: bool = False, missing_namespace: str = "") -> RuleBinder:
        return RuleBinder(
            vocabulary=self.vocabulary(for_rows=for_rows, missing_namespace=missing_namespace),
            names=self.names,
            settings=self.policy.settings,
            values=self.values,
            named_stages=self.named_stages(),
            problems=self.problems,
        )

    def follow_up_fit(self) -> CompiledCondition | None:
        """Return the condition of `follow_up.fit`, which is one of contacts."""
        setting = self.policy.settings["follow_up.fit"]
        condition = setting.plain_value
        is_contacts = self.object_type is ObjectType.CONTACTS
        if not is_contacts or not isinstance(condition, Condition):
            return None
        if condition.tree == Constant(value=False):
            return None
        return self.rule_binder().bind_condition(condition, own=setting.own)

    def scope(self) -> CompiledCondition | None:
        """Return the condition of the scope; a company has no contact's properties."""
        setting = self.policy.settings["scope"]
        if not isinstance(setting.plain_value, Condition):
            return None
        return self.rule_binder(missing_namespace="contact").bind_condition(
            setting.plain_value, own=setting.own
        )

    def _decides_lead_status(self) -> bool:
        """Return whether lead status is decided: a company's is left alone."""
        known = self.portal.definitions.get(self.object_type, {})
        return self.object_type is ObjectType.CONTACTS and STATUS in known

    def bind(self) -> ObjectPolicy:
        """Return the bound policy of the object type."""
        # Each entry is bound once; what it names decides which facts the type needs.
        scope, follow_up_fit = self.scope(), self.follow_up_fit()
        binder, row_binder = self.rule_binder(), self.rule_binder(for_rows=True)
        rules = binder.bind_rules(self.policy.rules)
        rows = row_binder.bind_rows(self.policy.rows) if self._decides_lead_status() else ()
        conditions = [entry.when for entry in (*rules, *rows)] + ([scope] if scope else [])
        facts = [fact for condition in conditions for fact in condition.facts]
        facts += [fact for entry in (*rules, *rows) for fact in entry.reason_facts]
        facts += follow_up_fit.facts if follow_up_fit else ()
        # The `uses_…` and `…_stages` fields say for which records histories must be read.
        return ObjectPolicy(
            object_type=self.object_type,
            labels={option.value: option.label for option in self.names.stages},
            status_labels={option.value: option.label for option in self.names.statuses},
            order=self.order,
            path=self.path,
            named_stages=self.named_stages(),
            parked_stages=self.parked_stages,
            aliases=self._aliases(),
            scope=scope,
            follow_up_fit=follow_up_fit,
            rules=rules,
            rows=rows,
            sleeping_rules=(*binder.sleeping_rules, *row_binder.sleeping_rules),
            due_times=tuple(
                due_time for condition in conditions for due_time in condition.due_times
            ),
            readers=tuple(self._readers(facts)),
            past_win_stages=self._stages_using("deals.were_won", rules, rows),
            uses_losses=any(fact.key in _LOSS_FACTS for fact in facts),
            stage_history_stages=self._stage_history_stages(facts, rules, rows),
            entered_stages=tuple(sorted(_entered_stages(facts))),
            uses_status_author=any(fact.key in STATUS_HISTORY_FACTS for fact in facts),
            uses_status_time=any(fact.key == "status.since" for fact in facts),
        )

    def _readers(self, facts: Iterable[Fact]) -> Iterator[PropertyReader]:
        """Yield the reader of each fact that is a HubSpot property, each once."""
        for fact in dict.fromkeys(candidate for candidate in facts if candidate.property_name):
            definition = self.portal.definitions[ObjectType(fact.source)][fact.property_name]
            yield PropertyReader(
                key=fact.key,
                namespace=fact.key.partition(".")[0],
                property_name=fact.property_name,
                parse=self._parse(fact.kind, definition.type),
            )

    def _parse(self, kind: Kind, property_type: str) -> Parse:
        if kind is Kind.TIME and property_type == "date":
            return partial(parse_date, zone=self.zone)
        return _PARSERS.get(kind, parse_text)

    def _stage_history_stages(
        self, facts: Iterable[Fact], rules: Iterable[BoundRule], rows: Iterable[BoundEntry]
    ) -> frozenset[str] | None:
        """Return the stages in which the history of the stage matters, None for all."""
        entered = {ENTERED_PREFIX + stage for stage in _entered_stages(facts)}
        stages: frozenset[str] = frozenset()
        for name in (*STAGE_HISTORY_FACTS, *sorted(entered)):
            name_stages = self._stages_using(name, rules, rows)
            if name_stages is None:
                return None
            stages |= name_stages
        return stages

    def _stages_using(
        self, name: str, rules: Iterable[BoundRule], rows: Iterable[BoundEntry]
    ) -> frozenset[str] | None:
        """Return the stages in which a condition uses a fact, None for all."""
        used_stages: set[str] = set()
        for tree in (entry.when.tree for entry in (*rules, *rows)):
            for stages in stages_where(tree, name, self._stage_value, self._stage_lists()):
                if stages is None:
                    return None
                used_stages |= stages
        return frozenset(used_stages)

    def _stage_lists(self) -> dict[str, frozenset[str]]:
        """Return the settings that are lists of stages, in internal values."""
        return {
            name: frozenset(texts_of(self.values[name]))
            for name, setting in self.policy.settings.items()
            if setting.type is SettingType.STAGES
        }

    def _stage_value(self, word: str) -> str:
        return option_value(word, self.names.stages) or word


def bind_object_policy(
    policy: Policy, portal: Portal, object_type: ObjectType, zone: ZoneInfo
) -> ObjectPolicy:
    """Return the policy for contacts or companies; raise PolicyError where it cannot be."""
    names = portal_names(portal, object_type)
    values = bound_values(policy.settings, names)
    problems = Problems()
    object_policy = _ObjectPolicyBinder(
        policy, portal, object_type, zone, names, values, problems
    ).bind()
    problems.raise_all()
    return object_policy


_PARSERS: Final[dict[Kind, Parse]] = {
    Kind.NUMBER: parse_number,
    Kind.TIME: parse_time,
    Kind.YES_NO: parse_yes_no,
    Kind.CHOICES: parse_choices,
    Kind.DOMAIN: parse_domain,
}


def _entered_stages(facts: Iterable[Fact]) -> set[str]:
    """Return the stages whose last entry is named, as `stage.entered.…`."""
    return {
        fact.key.removeprefix(ENTERED_PREFIX)
        for fact in facts
        if fact.key.startswith(ENTERED_PREFIX)
    }


def _is_stage_name(word: PolicyWord) -> bool:
    return word.own and word.text != KEEP and not word.text.startswith("$")
