"""Read one policy file: its name, what it extends, its settings, lists and rules."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final, Protocol, TypeVar

from connector.core.policy.read_rules import read_rows, read_rules
from connector.core.policy.read_settings import PolicyWord, Setting, read_settings
from connector.core.policy.rule import Row, Rule
from connector.core.policy.setting_table import SETTING_SPECS
from connector.core.policy.setting_type import SettingType
from connector.core.problem import Place, Problems, policy_error
from connector.core.yaml.nodes import Node, Section, read_yaml
from connector.core.yaml.values import section, text, texts

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
_RESERVED_NAMES: Final = frozenset(
    {"stage", "status", "domain", "now", "today", "rules", "blank", "always", "never", "true"}
    | {"false", "yes", "no", "and", "or", "not", "in", "is", "matches", *SETTING_SPECS}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The content of one file; `own` is False for a preset."""

    name: str
    version: str
    own: bool
    source: str = ""
    extends: tuple[PolicyWord, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    lists: Mapping[str, Setting] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    rows: tuple[Row, ...] = ()


def read_document(content: str, *, source: str, own: bool) -> Document:
    """Return the content of a file; raise PolicyError with every problem in it."""
    root = section(read_yaml(content, source=source), "a policy", known=_KEYS)
    document_reader = _DocumentReader(root, own)
    rules, rule_rows = document_reader.read_part("rules", read_rules, ((), ()))
    document = Document(
        name=document_reader.read_part(
            "name", _read_name, PurePath(source).name.removesuffix(".yaml")
        ),
        version=document_reader.read_part("version", _read_version, ""),
        own=own,
        source=source,
        extends=document_reader.read_part("extends", _read_extends, ()),
        settings=document_reader.read_part("settings", read_settings, {}),
        lists=document_reader.read_part("lists", _read_lists, {}),
        rules=rules,
        rows=(*rule_rows, *document_reader.read_part("lead_status", read_rows, ())),
    )
    document_reader.problems.raise_all()
    return document


_Part = TypeVar("_Part")
_Part_co = TypeVar("_Part_co", covariant=True)


class _PartReader(Protocol[_Part_co]):
    """Reads one part of a file."""

    def __call__(self, node: Node, *, own: bool) -> _Part_co: ...


class _DocumentReader:
    """Reads the parts of one file, and collects the problems of each."""

    def __init__(self, root: Section, own: bool) -> None:  # noqa: FBT001 - one caller, below a name
        self._root = root
        self._own = own
        self.problems = Problems()

    def read_part(self, key: str, reader: _PartReader[_Part], default: _Part) -> _Part:
        """Return one part of the file, or `default` where it is missing or wrong."""
        node = self._root.get(key)
        if node is not None:
            with self.problems.collecting():
                return reader(node, own=self._own)
        return default


def _read_name(node: Node, *, own: bool) -> str:
    return text(node, "name")


def _read_version(node: Node, *, own: bool) -> str:
    return text(node, "version")


def _read_extends(node: Node, *, own: bool) -> tuple[PolicyWord, ...]:
    return tuple(PolicyWord(item.text.strip(), item.place, own) for item in texts(node, "extends"))


def _read_lists(node: Node, *, own: bool) -> dict[str, Setting]:
    problems = Problems()
    lists: dict[str, Setting] = {}
    for name, (key, value) in section(node, "lists").entries.items():
        with problems.collecting():
            lists[name] = _read_list(name, key.place, value, own=own)
    problems.raise_all()
    return lists


def _read_list(name: str, place: Place, node: Node, *, own: bool) -> Setting:
    if not _LIST_NAME.fullmatch(name):
        raise policy_error(
            place, f"a list's name has small letters, digits and underscores: {name!r}"
        )
    if name in _RESERVED_NAMES or keyword.iskeyword(name):
        raise policy_error(place, f"{name!r} has a meaning already: choose another name")
    words = tuple(PolicyWord(item.text.strip(), item.place, own) for item in texts(node, name))
    return Setting(name=name, type=SettingType.TEXTS, place=place, own=own, words=words)
