"""Define the parsed condition: a tree of comparisons, joined by and, or, not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never

from connector.core.problem import Place


class Op(StrEnum):
    """The operator of a comparison."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    MATCHES = "matches"
    NOT_MATCHES = "not matches"
    BLANK = "is blank"
    NOT_BLANK = "is not blank"
    TRUE = "is true"


@dataclass(frozen=True, slots=True)
class DottedName:
    """A fact or setting, by its dotted name."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, yes or no that the condition itself contains."""

    value: str | float | bool
    start: int


@dataclass(frozen=True, slots=True)
class LiteralList:
    """A list of literals."""

    values: tuple[Literal, ...]
    start: int


@dataclass(frozen=True, slots=True)
class ShiftedTime:
    """A time some days later (`sign` 1) or earlier (-1)."""

    base: Operand
    sign: int
    days: Operand
    start: int


Operand: TypeAlias = DottedName | Literal | LiteralList | ShiftedTime


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of facts; `text` is its source in the policy."""

    op: Op
    left: Operand
    right: Operand | None
    text: str
    start: int


@dataclass(frozen=True, slots=True)
class All:
    """A condition that holds if every part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """A condition that holds if any part holds."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """A condition that holds if its part does not."""

    part: Tree


@dataclass(frozen=True, slots=True)
class Constant:
    """A condition that always holds, or never."""

    value: bool


Tree: TypeAlias = Comparison | All | Either | Negation | Constant


@dataclass(frozen=True, slots=True)
class Condition:
    """A parsed condition; `place_at` maps an offset in its text to a place in the file."""

    text: str
    tree: Tree
    place_at: Callable[[int], Place]


def comparisons(tree: Tree) -> Iterator[Comparison]:
    """Yield every comparison of a condition in the order of its text."""
    match tree:
        case Comparison():
            yield tree
        case All(parts) | Either(parts):
            for part in parts:
                yield from comparisons(part)
        case Negation(part):
            yield from comparisons(part)
        case Constant():
            return
        case _:
            assert_never(tree)


def dotted_names(operand: Operand | None) -> Iterator[DottedName]:
    """Yield the facts and settings that an operand names."""
    match operand:
        case DottedName():
            yield operand
        case ShiftedTime(base, _, days):
            yield from dotted_names(base)
            yield from dotted_names(days)
        case _:
            return
