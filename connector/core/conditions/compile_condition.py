"""Compile a parsed condition to one function, and keep its single tests for explanations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import assert_never

from connector.core.conditions.compile_comparison import ComparisonTest, Predicate, build_test
from connector.core.conditions.operands import Resolver
from connector.core.conditions.tree import (
    All,
    Comparison,
    Condition,
    Constant,
    Either,
    Negation,
    Tree,
)
from connector.core.conditions.values import Values
from connector.core.conditions.vocabulary import Fact, Vocabulary
from connector.core.problem import Problems


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCondition:
    """A condition as a function of the facts, with its tests in the order of the text."""

    text: str
    tree: Tree
    holds: Predicate
    tests: tuple[ComparisonTest, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Return the facts that it names."""
        return tuple(term.fact for test in self.tests for term in test.terms if term.fact)

    @property
    def due_times(self) -> tuple[Callable[[Values], datetime | None], ...]:
        """Return when time alone may change it, one function for each such test."""
        return tuple(test.due_time for test in self.tests if test.due_time)


def compile_condition(
    condition: Condition, vocabulary: Vocabulary, *, own: bool
) -> CompiledCondition:
    """Return the condition as a function; raise PolicyError with every problem in it.

    `own` says that a customer's file wrote it: then every option that it names must exist.
    """
    resolver = Resolver(condition, vocabulary, own)
    tests: list[ComparisonTest] = []
    problems = Problems()
    holds = _compile_tree(condition.tree, resolver, tests, problems)
    problems.raise_all()
    return CompiledCondition(
        text=condition.text, tree=condition.tree, holds=holds, tests=tuple(tests)
    )


def _never(_: Values) -> bool:
    return False


def _always(_: Values) -> bool:
    return True


def _compile_tree(
    tree: Tree, resolver: Resolver, tests: list[ComparisonTest], problems: Problems
) -> Predicate:
    """Return a tree as one function; append its tests in order, and collect its problems."""
    match tree:
        case Constant(value):
            return _always if value else _never
        case Negation(part):
            return _negation(_compile_tree(part, resolver, tests, problems))
        case All(parts):
            return _all(tuple(_compile_tree(part, resolver, tests, problems) for part in parts))
        case Either(parts):
            return _either(tuple(_compile_tree(part, resolver, tests, problems) for part in parts))
        case Comparison():
            return _compile_comparison(tree, resolver, tests, problems)
        case _:
            assert_never(tree)


def _compile_comparison(
    comparison: Comparison, resolver: Resolver, tests: list[ComparisonTest], problems: Problems
) -> Predicate:
    with problems.collecting():
        test = build_test(resolver, comparison)
        tests.append(test)
        return test.holds
    return _never


def _negation(part: Predicate) -> Predicate:
    return lambda values: not part(values)


def _all(parts: tuple[Predicate, ...]) -> Predicate:
    return reduce(_both, parts)


def _both(first: Predicate, second: Predicate) -> Predicate:
    return lambda values: first(values) and second(values)


def _either(parts: tuple[Predicate, ...]) -> Predicate:
    return reduce(_one_of, parts)


def _one_of(first: Predicate, second: Predicate) -> Predicate:
    return lambda values: first(values) or second(values)
