"""Reads one policy file: its name, what it extends, its settings, lists and rules."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, Protocol, TypeVar

from connector.core.mark import Mark, Problems, wrong
from connector.core.policy_form import Row, Rule
from connector.core.policy_rules import read_rows, read_rules
from connector.core.policy_settings import Setting, Word, read_settings
from connector.core.setting_specs import SPECS, Form
from connector.core.yamlfile import Node, Section, read
from connector.core.yamlshape import section, text, texts

_KEYS: Final = (
    "name",
    "version",
    "description",
    "extends",
    "settings",
    "lists",
    "rules",
    "lead_status",
)
_LIST_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_TAKEN: Final = frozenset(
    {"stage", "status", "domain", "now", "today", "rules", "blank", "always", "never", "true"}
    | {"false", "yes", "no", "and", "or", "not", "in", "is", "matches", *SPECS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one file says; `own` is False for a preset."""

    name: str
    version: str
    own: bool
    source: str = ""
    extends: tuple[Word, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    lists: Mapping[str, Setting] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    rows: tuple[Row, ...] = ()


def read_document(content: str, *, source: str, own: bool) -> Document:
    """Return what a file says; raise PolicyError with everything that is wrong in it."""
    root = section(read(content, source=source), "a policy", known=_KEYS)
    reading = _Reading(root, own)
    rules, made = reading.part("rules", read_rules, ((), ()))
    document = Document(
        name=reading.part("name", _name, PurePath(source).name.removesuffix(".yaml")),
        version=reading.part("version", _version, ""),
        own=own,
        source=source,
        extends=reading.part("extends", _extends, ()),
        settings=reading.part("settings", read_settings, {}),
        lists=reading.part("lists", _lists, {}),
        rules=rules,
        rows=(*made, *reading.part("lead_status", read_rows, ())),
    )
    reading.problems.tell()
    return document


_Part = TypeVar("_Part")
_Part_co = TypeVar("_Part_co", covariant=True)


class _Reader(Protocol[_Part_co]):
    """Reads one part of a file."""

    def __call__(self, node: Node, *, own: bool) -> _Part_co: ...


class _Reading:
    """Reads the parts of one file, noting what is wrong in each."""

    def __init__(self, root: Section, own: bool) -> None:  # noqa: FBT001 - one caller, below a name
        self._root = root
        self._own = own
        self.problems = Problems()

    def part(self, key: str, reader: _Reader[_Part], absent: _Part) -> _Part:
        """Return one part of the file, or `absent` where it is missing or wrong."""
        node = self._root.get(key)
        if node is not None:
            with self.problems.collecting():
                return reader(node, own=self._own)
        return absent


def _name(node: Node, *, own: bool) -> str:
    return text(node, "name")


def _version(node: Node, *, own: bool) -> str:
    return text(node, "version")


def _extends(node: Node, *, own: bool) -> tuple[Word, ...]:
    return tuple(Word(one.text.strip(), one.mark, own) for one in texts(node, "extends"))


def _lists(node: Node, *, own: bool) -> dict[str, Setting]:
    problems = Problems()
    found: dict[str, Setting] = {}
    for name, (key, value) in section(node, "lists").entries.items():
        with problems.collecting():
            found[name] = _list(name, key.mark, value, own=own)
    problems.tell()
    return found


def _list(name: str, mark: Mark, node: Node, *, own: bool) -> Setting:
    if not _LIST_NAME.fullmatch(name):
        raise wrong(mark, f"a list's name has small letters, digits and underscores: {name!r}")
    if name in _TAKEN or keyword.iskeyword(name):
        raise wrong(mark, f"{name!r} has a meaning already: choose another name")
    words = tuple(Word(one.text.strip(), one.mark, own) for one in texts(node, name))
    return Setting(name=name, form=Form.TEXTS, mark=mark, own=own, words=words)
