"""Binds rules and rows: where they lead, their conditions and their reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connector.core.bound import BoundEntry, BoundRule, Render, Sleeper
from connector.core.bound_settings import Names
from connector.core.compiling import Compiled, compile_condition
from connector.core.condition_tree import Condition
from connector.core.mark import Problems
from connector.core.policy_check import check_reason, names_in
from connector.core.policy_form import KEEP, Reason, Row, Rule, Target
from connector.core.policy_settings import Setting, Word
from connector.core.setting_specs import Form
from connector.core.values import Value, Values
from connector.core.vocabulary import FOLLOWED, Fact, Vocabulary
from connector.core.wording import show

_MODES: Final = {
    "company.stage": ("primary", "both"),
    "contacts.furthest": ("roll-up", "both"),
}


def _followed(target: Target) -> str:
    """Return the fact that holds the stage to which a target leads, "" where it is said."""
    name = target.otherwise.text.removeprefix("$") if target.otherwise else ""
    return name if name in FOLLOWED else ""


@dataclass(slots=True, kw_only=True)
class Binder:
    """Binds the entries of one object type, noting what sleeps and what is wrong."""

    vocabulary: Vocabulary
    names: Names
    settings: Mapping[str, Setting]
    values: Mapping[str, Value]
    named: frozenset[str]
    problems: Problems
    sleepers: list[Sleeper] = field(default_factory=list)

    def rules(self, rules: Sequence[Rule]) -> tuple[BoundRule, ...]:
        """Return the rules for this object type that have somewhere to lead."""
        return tuple(self._rules(rules))

    def _rules(self, rules: Sequence[Rule]) -> Iterator[BoundRule]:
        for rule in rules:
            if self.vocabulary.object_type not in rule.kinds or self._is_off(rule):
                continue
            for entry in self._entry(rule, rule.stage, Form.STAGE):
                yield BoundRule(
                    name=entry.name,
                    when=entry.when,
                    to=entry.to,
                    otherwise=entry.otherwise,
                    reason=entry.reason,
                    told=entry.told,
                    follows=entry.follows,
                    way=rule.way,
                    from_parked=rule.from_parked,
                    marks=rule.marks,
                )

    def rows(self, rows: Sequence[Row]) -> tuple[BoundEntry, ...]:
        """Return the lead status rows that have something to set."""
        return tuple(one for row in rows for one in self._entry(row, row.lead_status, Form.STATUS))

    def condition(self, condition: Condition, *, own: bool) -> Compiled | None:
        """Return a condition as a function, None where it is wrong."""
        with self.problems.collecting():
            return compile_condition(condition, self.vocabulary, own=own)
        return None

    def _entry(self, entry: Rule | Row, target: Target, form: Form) -> Iterator[BoundEntry]:
        """Yield the entry, unless it is wrong, or rests on or leads to what the portal lacks."""
        lacking = () if entry.own else tuple(filter(self.vocabulary.lacks, names_in(entry)))
        if lacking:
            why = f"the portal has no property {lacking[0]}"
            self.sleepers.append(Sleeper(name=entry.name, why=why))
            return
        with self.problems.collecting():
            check_reason(entry.reason, self.vocabulary)
        with self.problems.collecting():
            when = compile_condition(entry.when, self.vocabulary, own=entry.own)
            chosen = self._chosen(target)
            why = next(filter(None, (self._lacking(word, form) for word in chosen.words)), "")
            if why:
                self.sleepers.append(Sleeper(name=entry.name, why=why))
                return
            yield BoundEntry(
                name=entry.name,
                when=when,
                to=self._branches(chosen, form),
                otherwise=self._value(chosen.otherwise, form) if chosen.otherwise else None,
                reason=self._reason(entry.reason),
                told=tuple(self._facts(entry.reason)),
                follows=_followed(chosen),
            )

    def _is_off(self, rule: Rule) -> bool:
        """Whether a preset's rule follows in a direction that `company_sync.mode` does not."""
        modes = _MODES.get(_followed(rule.stage))
        return not rule.own and modes is not None and self.values["company_sync.mode"] not in modes

    def _chosen(self, target: Target) -> Target:
        """Return a target by stage: where it is by a setting, the branch that the setting names."""
        if target.by == "stage":
            return target
        choice = self.values[target.by]
        branch = next((word for key, word in target.branches if key.text == choice), None)
        return Target(otherwise=branch or target.otherwise)

    def _branches(self, target: Target, form: Form) -> dict[str, str | None]:
        found = ((self.names.find(key, Form.STAGE), word) for key, word in target.branches)
        return {stage: self._value(word, form) for stage, word in found if stage is not None}

    def _value(self, word: Word, form: Form) -> str | None:
        """Return the internal value of a word, None for `keep` and for what the portal lacks."""
        if word.text == KEEP:
            return None
        if word.text.removeprefix("$") in FOLLOWED:
            return None
        if word.text.startswith("$"):
            value = self.values[word.text.removeprefix("$")]
            return value if isinstance(value, str) else None
        return self.names.find(word, form)

    def _lacking(self, word: Word, form: Form) -> str:
        """Return why a word leads nowhere in this portal, "" if it leads somewhere."""
        if word.text == KEEP or word.text.removeprefix("$") in FOLLOWED:
            return ""
        value = self._value(word, form)
        if value is None:
            return f"the portal has no {form} {self._said(word)}"
        if form is Form.STAGE and value not in self.named:
            return f"the stage {self._said(word)} is not among `stages`"
        return ""

    def _said(self, word: Word) -> str:
        name = word.text.removeprefix("$")
        if name == word.text:
            return repr(name)
        return f"{self.settings[name].texts[0]!r} (setting {name})"

    def _reason(self, reason: Reason) -> Render:
        """Return a function that puts the reason into words."""
        pieces = [(text, self._told(name)) for text, name in reason.parts]

        def render(values: Values) -> str:
            return "".join(text + told(values) for text, told in pieces)

        return render

    def _facts(self, reason: Reason) -> Iterator[Fact]:
        found = (self.vocabulary.fact(name) for _, name in reason.parts if name)
        return (fact for fact in found if fact)

    def _told(self, name: str) -> Render:
        zone = self.vocabulary.zone
        if not name:
            return lambda _: ""
        fixed = self.vocabulary.fixed.get(name)
        if fixed:
            words = show(fixed.value, zone)
            return lambda _: words
        fact = self.vocabulary.fact(name)
        labels = {one.value: one.label for one in fact.options} if fact else {}
        return lambda values: show(values.get(name), zone, labels)
