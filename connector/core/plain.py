"""Says conditions in plain words, and tells which of their parts hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from connector.core.compiling import Compiled
from connector.core.condition_tests import Test
from connector.core.condition_tree import All, Comparison, Constant, Either, Negation, Tree
from connector.core.model import ObjectType, Portal
from connector.core.phrases import asked
from connector.core.values import Values
from connector.core.vocabulary import DEALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A part of a condition: its words, whether it holds, and the comparisons in it."""

    words: str
    holds: Callable[[Values], bool]
    tests: tuple[Test, ...]


def property_names(portal: Portal) -> dict[str, str]:
    """Return the portal's label of every property, by the name that conditions use."""
    spaces = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
    spaces |= dict.fromkeys(DEALS, ObjectType.DEALS)
    return {
        f"{space}.{name}": one.label
        for space, kind in spaces.items()
        for name, one in portal.definitions.get(kind, {}).items()
    }


def said(condition: Compiled, names: Mapping[str, str]) -> str:
    """Return a whole condition in plain words."""
    return _clause(condition.tree, iter(condition.tests), names, negated=False).words


def clauses(condition: Compiled, names: Mapping[str, str]) -> tuple[Clause, ...]:
    """Return the parts of a condition that must hold together."""
    tests = iter(condition.tests)
    parts = condition.tree.parts if isinstance(condition.tree, All) else (condition.tree,)
    return tuple(_clause(part, tests, names, negated=False) for part in parts)


def _clause(
    tree: Tree, tests: Iterator[Test], names: Mapping[str, str], *, negated: bool
) -> Clause:
    """Return a part as it is said; a negation is carried down to the comparisons."""
    match tree:
        case Constant(value):
            holds = value is not negated
            return Clause(words="always" if holds else "never", holds=lambda _: holds, tests=())
        case Negation(part):
            return _clause(part, tests, names, negated=not negated)
        case All(parts) | Either(parts):
            inner = [_clause(part, tests, names, negated=negated) for part in parts]
            return _joined(inner, every=isinstance(tree, All) is not negated)
        case Comparison():
            test = next(tests)
            return Clause(
                words=asked(test, names, negated=negated),
                holds=lambda values: test.holds(values) is not negated,
                tests=(test,),
            )
        case _:
            assert_never(tree)


def _joined(parts: list[Clause], *, every: bool) -> Clause:
    """Return parts joined by `and` (`every`) or by `or`."""
    asking = tuple(part.holds for part in parts)
    words = " and ".join if every else " or ".join
    needed = all if every else any
    return Clause(
        words=words(_enclosed(part) for part in parts),
        holds=lambda values: needed(holds(values) for holds in asking),
        tests=tuple(test for part in parts for test in part.tests),
    )


def _enclosed(part: Clause) -> str:
    return f"({part.words})" if len(part.tests) > 1 else part.words
