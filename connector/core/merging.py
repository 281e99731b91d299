"""Puts a policy file on top of the presets that it extends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from connector.core.mark import Problems, nearest, wrong
from connector.core.policy_file import Document
from connector.core.policy_form import Row, Rule

_LAST: Final = "keep"
_Entry = TypeVar("_Entry", Rule, Row)


def merge(below: Document, above: Document) -> Document:
    """Return the upper file on top of the lower one.

    Settings and lists replace. A rule replaces the one of its name where that one stands;
    a new rule goes before all others, or `before` the one that it names (`keep`: last).
    """
    problems = Problems()
    rules: list[Rule] = []
    rows: list[Row] = []
    with problems.collecting():
        rules = _merged(below.rules, above.rules)
    replaced = {one.name for one in above.rules}
    with problems.collecting():
        rows = _merged([one for one in below.rows if one.name not in replaced], above.rows)
    problems.tell()
    return replace(
        above,
        settings={**below.settings, **above.settings},
        lists={**below.lists, **above.lists},
        rules=tuple(rules),
        rows=tuple(rows),
    )


def _merged(below: Sequence[_Entry], above: Sequence[_Entry]) -> list[_Entry]:
    problems = Problems()
    found = list(below)
    front = 0
    for one in above:
        same = next((at for at, each in enumerate(found) if each.name == one.name), None)
        if same is not None:
            found.pop(same)
        with problems.collecting():
            at = _place(found, one) if one.before else (front if same is None else same)
            found.insert(at, one)
            front += same is None and not one.before
    problems.tell()
    return found


def _place(found: Sequence[_Entry], one: _Entry) -> int:
    """Return the place before the rule that an entry names."""
    if one.before == _LAST:
        return len(found)
    names = [each.name for each in found]
    if one.before not in names:
        raise wrong(one.mark, f"there is no rule {one.before!r} here{nearest(one.before, names)}")
    return names.index(one.before)
