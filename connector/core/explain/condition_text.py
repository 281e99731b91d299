"""Put conditions into plain words, and say which of their parts hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from connector.core.conditions.compile_comparison import ComparisonTest
from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.tree import All, Comparison, Constant, Either, Negation, Tree
from connector.core.conditions.values import Values
from connector.core.conditions.vocabulary import DEALS
from connector.core.explain.comparison_text import comparison_text
from connector.core.model import ObjectType, Portal


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A part of a condition: its words, whether it holds, and the comparisons in it."""

    text: str
    holds: Callable[[Values], bool]
    tests: tuple[ComparisonTest, ...]


def property_labels(portal: Portal) -> dict[str, str]:
    """Return the portal's label of every property, by the name that conditions use."""
    object_types = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
    object_types |= dict.fromkeys(DEALS, ObjectType.DEALS)
    return {
        f"{namespace}.{name}": definition.label
        for namespace, object_type in object_types.items()
        for name, definition in portal.definitions.get(object_type, {}).items()
    }


def condition_text(condition: CompiledCondition, labels: Mapping[str, str]) -> str:
    """Return a whole condition in plain words."""
    return _clause(condition.tree, iter(condition.tests), labels, negated=False).text


def clauses(condition: CompiledCondition, labels: Mapping[str, str]) -> tuple[Clause, ...]:
    """Return the parts of a condition that must hold together."""
    tests = iter(condition.tests)
    parts = condition.tree.parts if isinstance(condition.tree, All) else (condition.tree,)
    return tuple(_clause(part, tests, labels, negated=False) for part in parts)


def _clause(
    tree: Tree, tests: Iterator[ComparisonTest], labels: Mapping[str, str], *, negated: bool
) -> Clause:
    """Return a part in words; a negation is applied to the comparisons inside."""
    match tree:
        case Constant(value):
            holds = value is not negated
            return Clause(text="always" if holds else "never", holds=lambda _: holds, tests=())
        case Negation(part):
            return _clause(part, tests, labels, negated=not negated)
        case All(parts) | Either(parts):
            part_clauses = [_clause(part, tests, labels, negated=negated) for part in parts]
            return _join_clauses(part_clauses, is_and=isinstance(tree, All) is not negated)
        case Comparison():
            test = next(tests)
            return Clause(
                text=comparison_text(test, labels, negated=negated),
                holds=lambda values: test.holds(values) is not negated,
                tests=(test,),
            )
        case _:
            assert_never(tree)


def _join_clauses(parts: list[Clause], *, is_and: bool) -> Clause:
    """Return parts joined by `and` (`every`) or by `or`."""
    predicates = tuple(part.holds for part in parts)
    join = " and ".join if is_and else " or ".join
    combine = all if is_and else any
    return Clause(
        text=join(_in_parentheses(part) for part in parts),
        holds=lambda values: combine(holds(values) for holds in predicates),
        tests=tuple(test for part in parts for test in part.tests),
    )


def _in_parentheses(part: Clause) -> str:
    return f"({part.text})" if len(part.tests) > 1 else part.text
