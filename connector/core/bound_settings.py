"""Resolves the stages, lead statuses, pipelines and properties of a policy's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from connector.core.condition_terms import resolve, unknown_option
from connector.core.mark import Problems, nearest, wrong
from connector.core.model import STAGE, STATUS, ObjectType, Option, Portal
from connector.core.policy_form import CLEAR
from connector.core.policy_settings import Setting, Word
from connector.core.setting_specs import LISTS, Form
from connector.core.values import Kind, Value
from connector.core.vocabularies import unbound_values
from connector.core.vocabulary import kind_of

_STAGES: Final = frozenset({Form.STAGE, Form.STAGES, Form.ALIASES})
_STATUSES: Final = frozenset({Form.STATUS, Form.STATUSES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The stages, lead statuses and pipelines of a portal, for one object type.

    Where a portal has no stages at all for an object type, nothing can be said of a word.
    """

    stages: tuple[Option, ...]
    statuses: tuple[Option, ...]
    pipelines: tuple[Option, ...]

    def options(self, form: Form) -> tuple[Option, ...]:
        """Return what a setting of this form chooses from."""
        if form in _STAGES:
            return self.stages
        return self.statuses if form in _STATUSES else self.pipelines

    def find(self, word: Word, form: Form) -> str | None:
        """Return the internal value of a word, None where a preset names what is not there.

        Raise PolicyError where a customer's file does.
        """
        if form in _STATUSES and word.text == CLEAR:
            return ""
        options = self.options(form)
        found = resolve(word.text, options)
        if found is None and word.own and (options or form is Form.PIPELINES):
            raise wrong(word.mark, unknown_option(word.text, options))
        return found


def names_of(portal: Portal, object_type: ObjectType) -> Names:
    """Return the names that a policy may use for contacts or companies of a portal.

    Lead statuses are always those of contacts: a company's is left alone.
    """
    pipelines = (
        Option(value=one.id, label=one.label, order=at) for at, one in enumerate(portal.pipelines)
    )
    return Names(
        stages=portal.options(object_type, STAGE),
        statuses=portal.options(ObjectType.CONTACTS, STATUS),
        pipelines=tuple(pipelines),
    )


def bound_values(settings: Mapping[str, Setting], names: Names) -> dict[str, Value]:
    """Return every setting's value in the portal: None where it sleeps, "" for `clear`."""
    problems = Problems()
    values = unbound_values(settings)
    for name, setting in settings.items():
        if setting.form in _STAGES | _STATUSES | {Form.PIPELINES}:
            with problems.collecting():
                values[name] = _bound(setting, names)
    problems.tell()
    return values


def _bound(setting: Setting, names: Names) -> Value:
    if setting.form is Form.ALIASES:
        return tuple(chain.from_iterable(_paired(setting, names)))
    found = [(names.find(word, setting.form), word) for word in setting.words]
    if setting.form not in LISTS:
        return found[0][0]
    _refuse_twins([(value, word) for value, word in found if value is not None])
    return tuple(value for value, _ in found if value is not None)


def _paired(setting: Setting, names: Names) -> list[tuple[str, str]]:
    """Return the aliases, each stage with the one that it counts as."""
    words = list(zip(setting.words[::2], setting.words[1::2], strict=True))
    found = [(names.find(one, setting.form), names.find(two, setting.form)) for one, two in words]
    _refuse_twins([(value, word) for (value, _), (word, _) in zip(found, words, strict=True)])
    sources = {value for value, _ in found}
    for (_, end), (_, word) in zip(found, words, strict=True):
        if end and end in sources:
            raise wrong(
                word.mark, f"{word.text!r} is an alias itself: name the stage it stands for"
            )
    return [(one, two) for one, two in found if one and two]


def _refuse_twins(found: Sequence[tuple[str | None, Word]]) -> None:
    seen: dict[str, Word] = {}
    for value, word in found:
        if value is None:
            continue
        if value in seen:
            first = seen[value]
            raise wrong(
                word.mark, f"{word.text!r} is {first.text!r} of line {first.mark.line} once more"
            )
        seen[value] = word


def named_property(name: str, settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the contact property that a setting names, "" for none; raise if there is none."""
    words = settings[name].words
    known = portal.definitions.get(ObjectType.CONTACTS, {})
    if words and words[0].text not in known:
        hint = nearest(words[0].text, list(known))
        raise wrong(words[0].mark, f"contacts have no property {words[0].text!r}{hint}")
    return words[0].text if words else ""


def score_property(settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the name of the score property, "" while scores sleep; raise PolicyError if unfit."""
    return _named_of("score.property", settings, portal, kind=Kind.NUMBER, what="a score")


def activity_property(settings: Mapping[str, Setting], portal: Portal) -> str:
    """Return the name of the property of the last activity, "" for none; raise if unfit."""
    return _named_of("follow_up.activity", settings, portal, kind=Kind.TIME, what="an activity")


def _named_of(
    setting: str, settings: Mapping[str, Setting], portal: Portal, *, kind: Kind, what: str
) -> str:
    """Return the contact property that a setting names; raise where it holds another kind."""
    name = named_property(setting, settings, portal)
    if not name:
        return ""
    found = kind_of(portal.definitions[ObjectType.CONTACTS][name])
    if found is not kind:
        raise wrong(settings[setting].words[0].mark, f"{name} is a {found}, {what} is a {kind}")
    return name
