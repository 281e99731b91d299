"""Read the settings of a policy file, which are nested by the parts of their dotted names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from connector.core.conditions.parser import parse_condition
from connector.core.conditions.tree import Condition
from connector.core.policy.business_hours import check_business_word
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.policy.setting_type import LISTS, SettingSpec, SettingType
from connector.core.problem import Place, PolicyError, Problems, did_you_mean, policy_error
from connector.core.yaml.nodes import Node, Scalar
from connector.core.yaml.values import choice, flag, is_empty, number, scalar, section, text, texts


@dataclass(frozen=True, slots=True)
class PolicyWord:
    """A text of a policy with its place; `own` is False where it comes from a preset."""

    text: str
    place: Place
    own: bool


_DAYS: Final = re.compile(r"(\d{1,4}(?:\.\d+)?)(?: days?)?")
PlainValue: TypeAlias = float | bool | Condition | None
"""A setting's value where it is no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a policy; `words` holds its texts.

    `plain_value` is its number, flag or condition. A mapping holds two words for each pair.
    """

    name: str
    type: SettingType
    place: Place
    own: bool
    words: tuple[PolicyWord, ...] = ()
    plain_value: PlainValue = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Return its texts without their places."""
        return tuple(word.text for word in self.words)


_DEFAULT_PLACE: Final = Place("default", 1, 1)


def default_settings() -> dict[str, Setting]:
    """Return the default of every setting."""
    return {name: _default_setting(spec) for name, spec in SETTING_SPECS.items()}


def _default_setting(spec: SettingSpec) -> Setting:
    words: tuple[PolicyWord, ...] = ()
    plain_value: PlainValue = None
    if isinstance(spec.default, tuple):
        words = tuple(
            PolicyWord(default_text, _DEFAULT_PLACE, own=False) for default_text in spec.default
        )
    else:
        plain_value = spec.default
    return Setting(
        name=spec.name,
        type=spec.type,
        place=_DEFAULT_PLACE,
        own=False,
        words=words,
        plain_value=plain_value,
    )


def read_settings(node: Node, *, own: bool) -> dict[str, Setting]:
    """Return the settings of a file; raise PolicyError with every problem in them."""
    problems = Problems()
    settings: dict[str, Setting] = {}
    for name, key, value in _setting_nodes(node, "", problems):
        with problems.collecting():
            settings[name] = _read_setting(SETTING_SPECS[name], key.place, value, own=own)
    problems.raise_all()
    return settings


def _setting_nodes(
    node: Node, prefix: str, problems: Problems
) -> Iterator[tuple[str, Scalar, Node]]:
    """Yield each setting with its key and value, however deep it is nested."""
    entries: Mapping[str, tuple[Scalar, Node]] = {}
    with problems.collecting():
        entries = section(node, prefix.rstrip(".") or "settings").entries
    for word, (key, value) in entries.items():
        name = prefix + word
        if name in SETTING_SPECS and "." not in word:
            yield name, key, value
        elif "." not in word and any(
            known_name.startswith(f"{name}.") for known_name in SETTING_SPECS
        ):
            yield from _setting_nodes(value, f"{name}.", problems)
        else:
            with problems.collecting():
                raise _unknown_setting(key, prefix)


def _unknown_setting(key: Scalar, prefix: str) -> PolicyError:
    if f"{prefix}{key.text}" in SETTING_SPECS:
        first, _, nested_key = key.text.partition(".")
        return policy_error(
            key.place, f"{key.text!r} is nested: write {first!r}, and {nested_key!r} below it"
        )
    known_names = sorted(
        {
            name.removeprefix(prefix).split(".")[0]
            for name in SETTING_SPECS
            if name.startswith(prefix)
        }
    )
    hint = did_you_mean(key.text, known_names) or f"; known are: {', '.join(known_names)}"
    where = f"{prefix.rstrip('.')} has" if prefix else "there is"
    return policy_error(key.place, f"{where} no setting {key.text!r}{hint}")


def _read_setting(spec: SettingSpec, place: Place, node: Node, *, own: bool) -> Setting:
    words: tuple[PolicyWord, ...] = ()
    plain_value: PlainValue = None
    if spec.type in {
        SettingType.NUMBER,
        SettingType.SHARE,
        SettingType.FLAG,
        SettingType.CONDITION,
    }:
        plain_value = _read_plain_value(spec, node)
    else:
        items = _read_texts(spec, node)
        for item in items:
            check_business_word(spec, item)
        words = tuple(PolicyWord(item.text.strip(), item.place, own) for item in items)
    return Setting(
        name=spec.name, type=spec.type, place=place, own=own, words=words, plain_value=plain_value
    )


def _read_plain_value(spec: SettingSpec, node: Node) -> PlainValue:
    if spec.type is SettingType.FLAG:
        return flag(node, spec.name)
    if spec.type is SettingType.CONDITION:
        return parse_condition(scalar(node, spec.name))
    value = number(node, spec.name)
    maximum = 1 if spec.type is SettingType.SHARE else 1_000_000
    if not 0 <= value <= maximum:
        raise policy_error(
            node.place, f"{spec.name} is between 0 and {maximum:,}, this is {value:g}"
        )
    return value


def _read_texts(spec: SettingSpec, node: Node) -> tuple[Scalar, ...]:
    """Return the texts of a setting, by its type; raise PolicyError where they do not fit."""
    # Several words: a list, or a mapping as a flat list of pairs.
    if spec.type in LISTS:
        return texts(node, spec.name)
    if spec.type in {SettingType.ALIASES, SettingType.LEAD_STATUSES}:
        return tuple(_read_pairs(spec, node))
    if spec.type is SettingType.TERMS:
        return tuple(_read_terms(spec, node))
    # A single word, or nothing where the setting may be empty.
    item = scalar(node, spec.name)
    if spec.type is SettingType.CHOICE:
        choice(node, spec.name, spec.options)
    elif spec.type is SettingType.STATUS and (is_empty(item) or not item.text):
        return (Scalar("clear", item.place),)
    elif is_empty(item) and (spec.type is SettingType.PROPERTY or spec.default == ()):
        return ()
    text(node, spec.name)
    return (item,)


def _read_terms(spec: SettingSpec, node: Node) -> Iterator[Scalar]:
    """Yield each stage and its number of days, `5 days` as well as `5`."""
    for key, value in section(node, spec.name).entries.values():
        text(key, f"a stage of {spec.name}")
        term = scalar(value, f"{spec.name}.{key.text}")
        match = _DAYS.fullmatch(term.text.strip())
        if match is None:
            raise policy_error(
                term.place, f"{spec.name}.{key.text} is a number of days such as 5, or `5 days`"
            )
        yield key
        yield replace(term, text=match[1])


def _read_pairs(spec: SettingSpec, node: Node) -> Iterator[Scalar]:
    for key, value in section(node, spec.name).entries.values():
        text(key, f"a stage of {spec.name}")
        text(value, f"{spec.name}.{key.text}")
        yield key
        yield scalar(value, spec.name)
