"""Binds a policy for one object type of a portal: contacts or companies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from connector.core.bound import BoundEntry, BoundRule, Parse, Reader, Side
from connector.core.bound_entries import Binder
from connector.core.bound_settings import Names, bound_values, names_of
from connector.core.compiling import Compiled
from connector.core.condition_terms import resolve
from connector.core.condition_tree import Condition
from connector.core.confinement import stages_where
from connector.core.mark import Problems
from connector.core.model import STATUS, ObjectType, Portal
from connector.core.policy import Policy
from connector.core.policy_form import KEEP
from connector.core.policy_settings import Word
from connector.core.setting_specs import Form
from connector.core.values import Kind, Value, choices, day, domain, moment, number, text, yes_no
from connector.core.vocabularies import fixed_names, unbound_values
from connector.core.vocabulary import Fact, Vocabulary

_LOSS: Final = frozenset({"deals.lost_at", "conversion.since_loss", "conversion.counts"})


@dataclass(frozen=True, slots=True)
class _Ground:
    """What binding one object type rests on."""

    policy: Policy
    portal: Portal
    object_type: ObjectType
    zone: ZoneInfo
    names: Names
    values: Mapping[str, Value]
    problems: Problems

    @property
    def parked(self) -> frozenset[str]:
        return frozenset(_texts(self.values["parked"]))

    @property
    def path(self) -> dict[str, int]:
        """Return the rank of every stage that is no parking place."""
        return {one: rank for one, rank in self.order.items() if one not in self.parked}

    @property
    def order(self) -> dict[str, int]:
        return {one.value: rank for rank, one in enumerate(self.names.stages)}

    def named(self) -> frozenset[str]:
        """Return the stages that the policy names.

        Those of the setting `stages`, and whatever a customer's own file names beside it.
        """
        own = [
            word
            for setting in self.policy.settings.values()
            if setting.form in {Form.STAGE, Form.STAGES, Form.ALIASES}
            for word in setting.words
        ]
        own += [word for rule in self.policy.rules for word in rule.stage.words]
        found = {self.names.find(word, Form.STAGE) for word in own if _is_name(word)}
        return frozenset(one for one in found if one) | set(_texts(self.values["stages"]))

    def _aliases(self) -> dict[str, str]:
        flat = _texts(self.values["aliases"])
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def vocabulary(self, *, rows: bool = False, blind: str = "") -> Vocabulary:
        known = {**self.policy.settings, **self.policy.lists}
        values = {**unbound_values(self.policy.lists), **self.values}
        return Vocabulary(
            object_type=self.object_type,
            fixed=fixed_names(known, values),
            definitions=self.portal.definitions,
            options={Kind.STAGE: self.names.stages, Kind.STATUS: self.names.statuses},
            path=self.path,
            zone=self.zone,
            rows=rows,
            blind=blind,
        )

    def binder(self, *, rows: bool = False, blind: str = "") -> Binder:
        return Binder(
            vocabulary=self.vocabulary(rows=rows, blind=blind),
            names=self.names,
            settings=self.policy.settings,
            values=self.values,
            named=self.named(),
            problems=self.problems,
        )

    def scope(self) -> Compiled | None:
        """Return the condition of the scope; a company has no contact's properties."""
        setting = self.policy.settings["scope"]
        if not isinstance(setting.plain, Condition):
            return None
        return self.binder(blind="contact").condition(setting.plain, own=setting.own)

    def _has_status(self) -> bool:
        """Whether lead status is decided: a company's is left alone."""
        known = self.portal.definitions.get(self.object_type, {})
        return self.object_type is ObjectType.CONTACTS and STATUS in known

    def side(self) -> Side:
        """Return everything, bound."""
        scope = self.scope()
        binder, row_binder = self.binder(), self.binder(rows=True)
        rules = binder.rules(self.policy.rules)
        rows = row_binder.rows(self.policy.rows) if self._has_status() else ()
        conditions = [one.when for one in (*rules, *rows)] + ([scope] if scope else [])
        facts = [fact for one in conditions for fact in one.facts]
        facts += [fact for one in (*rules, *rows) for fact in one.told]
        return Side(
            object_type=self.object_type,
            labels={one.value: one.label for one in self.names.stages},
            status_labels={one.value: one.label for one in self.names.statuses},
            order=self.order,
            path=self.path,
            named=self.named(),
            parked=self.parked,
            aliases=self._aliases(),
            scope=scope,
            rules=rules,
            rows=rows,
            sleepers=(*binder.sleepers, *row_binder.sleepers),
            flips=tuple(flip for one in conditions for flip in one.flips),
            readers=tuple(self._readers(facts)),
            needs_won=self._needs_won(rules, rows),
            needs_loss=any(fact.key in _LOSS for fact in facts),
        )

    def _readers(self, facts: Iterable[Fact]) -> Iterator[Reader]:
        """Yield how each fact that is a HubSpot property is read, each once."""
        for fact in dict.fromkeys(one for one in facts if one.property_name):
            definition = self.portal.definitions[ObjectType(fact.source)][fact.property_name]
            yield Reader(
                key=fact.key,
                space=fact.key.partition(".")[0],
                property_name=fact.property_name,
                parse=self._parse(fact.kind, definition.type),
            )

    def _parse(self, kind: Kind, property_type: str) -> Parse:
        if kind is Kind.TIME and property_type == "date":
            return partial(day, zone=self.zone)
        return _PARSES.get(kind, text)

    def _needs_won(
        self, rules: Iterable[BoundRule], rows: Iterable[BoundEntry]
    ) -> frozenset[str] | None:
        """Return the stages in which it matters whether a deal was won once, None for all."""
        found: set[str] = set()
        for tree in (one.when.tree for one in (*rules, *rows)):
            for stages in stages_where(tree, "deals.were_won", self._stage):
                if stages is None:
                    return None
                found |= stages
        return frozenset(found)

    def _stage(self, word: str) -> str:
        return resolve(word, self.names.stages) or word


def bind_side(policy: Policy, portal: Portal, object_type: ObjectType, zone: ZoneInfo) -> Side:
    """Return the policy for contacts or companies; raise PolicyError where it cannot be."""
    names = names_of(portal, object_type)
    values = bound_values(policy.settings, names)
    problems = Problems()
    side = _Ground(policy, portal, object_type, zone, names, values, problems).side()
    problems.tell()
    return side


_PARSES: Final[dict[Kind, Parse]] = {
    Kind.NUMBER: number,
    Kind.TIME: moment,
    Kind.YES_NO: yes_no,
    Kind.CHOICES: choices,
    Kind.DOMAIN: domain,
}


def _is_name(word: Word) -> bool:
    return word.own and word.text != KEEP and not word.text.startswith("$")


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()
