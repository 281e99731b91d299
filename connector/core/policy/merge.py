"""Merge a policy file with the presets that it extends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from connector.core.policy.document import Document
from connector.core.policy.rule import Row, Rule
from connector.core.problem import Problems, did_you_mean, policy_error

_LAST_RULE: Final = "keep"
_Entry = TypeVar("_Entry", Rule, Row)


def merge(base: Document, override: Document) -> Document:
    """Return `base` with the entries of `override`.

    Settings and lists replace those of `base`. A rule replaces the rule of its name in its place.
    A new rule goes before all others, or before the rule that its `before` names (`keep`: last).
    """
    problems = Problems()
    rules: list[Rule] = []
    rows: list[Row] = []
    with problems.collecting():
        rules = _merge_entries(base.rules, override.rules)
    replaced_names = {rule.name for rule in override.rules}
    with problems.collecting():
        rows = _merge_entries(
            [row for row in base.rows if row.name not in replaced_names], override.rows
        )
    problems.raise_all()
    return replace(
        override,
        settings={**base.settings, **override.settings},
        lists={**base.lists, **override.lists},
        rules=tuple(rules),
        rows=tuple(rows),
    )


def _merge_entries(base: Sequence[_Entry], override: Sequence[_Entry]) -> list[_Entry]:
    problems = Problems()
    entries = list(base)
    front_index = 0
    for entry in override:
        existing_index = next(
            (index for index, existing in enumerate(entries) if existing.name == entry.name), None
        )
        if existing_index is not None:
            entries.pop(existing_index)
        with problems.collecting():
            index = (
                _insert_index(entries, entry)
                if entry.before
                else (front_index if existing_index is None else existing_index)
            )
            entries.insert(index, entry)
            front_index += existing_index is None and not entry.before
    problems.raise_all()
    return entries


def _insert_index(entries: Sequence[_Entry], entry: _Entry) -> int:
    """Return the place before the rule that an entry names."""
    if entry.before == _LAST_RULE:
        return len(entries)
    names = [existing.name for existing in entries]
    if entry.before not in names:
        raise policy_error(
            entry.place,
            f"there is no rule {entry.before!r} here{did_you_mean(entry.before, names)}",
        )
    return names.index(entry.before)
