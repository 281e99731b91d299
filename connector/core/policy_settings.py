"""Reads the settings of a policy file, nested as their dotted names say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from connector.core.condition_tree import Condition
from connector.core.conditions import parse
from connector.core.mark import Mark, PolicyError, Problems, nearest, wrong
from connector.core.setting_specs import LISTS, SPECS, Form, Spec
from connector.core.yamlfile import Node, Scalar
from connector.core.yamlshape import choice, flag, is_empty, number, scalar, section, text, texts


@dataclass(frozen=True, slots=True)
class Word:
    """A text of a policy with its place; `own` is False where a preset says it."""

    text: str
    mark: Mark
    own: bool


Plain: TypeAlias = float | bool | Condition | None
"""A setting's value where it is no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as a policy says it: `words` hold its texts, `plain` whatever is none.

    An alias mapping holds two words for each pair.
    """

    name: str
    form: Form
    mark: Mark
    own: bool
    words: tuple[Word, ...] = ()
    plain: Plain = None

    @property
    def texts(self) -> tuple[str, ...]:
        """Return its texts without their places."""
        return tuple(one.text for one in self.words)


_NOWHERE: Final = Mark("default", 1, 1)


def defaults() -> dict[str, Setting]:
    """Return every setting as it is when no file says anything."""
    return {name: _default(spec) for name, spec in SPECS.items()}


def _default(spec: Spec) -> Setting:
    words: tuple[Word, ...] = ()
    plain: Plain = None
    if isinstance(spec.default, tuple):
        words = tuple(Word(one, _NOWHERE, own=False) for one in spec.default)
    else:
        plain = spec.default
    return Setting(
        name=spec.name, form=spec.form, mark=_NOWHERE, own=False, words=words, plain=plain
    )


def read_settings(node: Node, *, own: bool) -> dict[str, Setting]:
    """Return the settings of a file; raise PolicyError with everything that is wrong in them."""
    problems = Problems()
    found: dict[str, Setting] = {}
    for name, key, value in _leaves(node, "", problems):
        with problems.collecting():
            found[name] = _setting(SPECS[name], key.mark, value, own=own)
    problems.tell()
    return found


def _leaves(node: Node, prefix: str, problems: Problems) -> Iterator[tuple[str, Scalar, Node]]:
    """Yield each setting with its key and value, however deep it is nested."""
    entries: Mapping[str, tuple[Scalar, Node]] = {}
    with problems.collecting():
        entries = section(node, prefix.rstrip(".") or "settings").entries
    for word, (key, value) in entries.items():
        name = prefix + word
        if name in SPECS and "." not in word:
            yield name, key, value
        elif "." not in word and any(one.startswith(f"{name}.") for one in SPECS):
            yield from _leaves(value, f"{name}.", problems)
        else:
            with problems.collecting():
                raise _unknown(key, prefix)


def _unknown(key: Scalar, prefix: str) -> PolicyError:
    if f"{prefix}{key.text}" in SPECS:
        first, _, rest = key.text.partition(".")
        return wrong(key.mark, f"{key.text!r} is nested: write {first!r}, and {rest!r} below it")
    here = sorted({n.removeprefix(prefix).split(".")[0] for n in SPECS if n.startswith(prefix)})
    hint = nearest(key.text, here) or f"; known are: {', '.join(here)}"
    where = f"{prefix.rstrip('.')} has" if prefix else "there is"
    return wrong(key.mark, f"{where} no setting {key.text!r}{hint}")


def _setting(spec: Spec, mark: Mark, node: Node, *, own: bool) -> Setting:
    words: tuple[Word, ...] = ()
    plain: Plain = None
    if spec.form in {Form.NUMBER, Form.SHARE, Form.FLAG, Form.CONDITION}:
        plain = _plain(spec, node)
    else:
        words = tuple(Word(one.text.strip(), one.mark, own) for one in _texts(spec, node))
    return Setting(name=spec.name, form=spec.form, mark=mark, own=own, words=words, plain=plain)


def _plain(spec: Spec, node: Node) -> Plain:
    if spec.form is Form.FLAG:
        return flag(node, spec.name)
    if spec.form is Form.CONDITION:
        return parse(scalar(node, spec.name))
    value = number(node, spec.name)
    most = 1 if spec.form is Form.SHARE else 1_000_000
    if not 0 <= value <= most:
        raise wrong(node.mark, f"{spec.name} is between 0 and {most:,}, this is {value:g}")
    return value


def _texts(spec: Spec, node: Node) -> tuple[Scalar, ...]:
    if spec.form in LISTS:
        return texts(node, spec.name)
    if spec.form is Form.ALIASES:
        return tuple(_pairs(spec, node))
    one = scalar(node, spec.name)
    if spec.form is Form.CHOICE:
        choice(node, spec.name, spec.options)
    elif spec.form is Form.STATUS and (is_empty(one) or not one.text):
        return (Scalar("clear", one.mark),)
    elif spec.form is Form.PROPERTY and is_empty(one):
        return ()
    text(node, spec.name)
    return (one,)


def _pairs(spec: Spec, node: Node) -> Iterator[Scalar]:
    for key, value in section(node, spec.name).entries.values():
        text(key, f"a stage of {spec.name}")
        text(value, f"{spec.name}.{key.text}")
        yield key
        yield scalar(value, spec.name)
