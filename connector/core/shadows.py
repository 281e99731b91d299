"""Finds rules that can never win, because an earlier one always holds first."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.core.condition_tree import (
    All,
    Comparison,
    Constant,
    Either,
    Literal,
    Named,
    Negation,
    Op,
    Operand,
    Tree,
)
from connector.core.model import ObjectType
from connector.core.policy_form import Row, Rule
from connector.core.policy_settings import Setting

_CONTACTS: Final = frozenset({ObjectType.CONTACTS})
_UP: Final = frozenset({Op.MORE, Op.AT_LEAST})
_DOWN: Final = frozenset({Op.LESS, Op.AT_MOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A rule that can never win; `by` is the earlier one that always holds first."""

    entry: Rule | Row
    by: Rule | Row

    def __str__(self) -> str:
        mark = self.by.mark
        return (
            f"the rule {self.entry.name} can never win: {self.by.name} "
            f"({mark.source}, line {mark.line}) comes before it and holds whenever it does"
        )


def shadows(
    rules: Sequence[Rule], rows: Sequence[Row], settings: Mapping[str, Setting]
) -> Iterator[Shadow]:
    """Yield every rule and row that can never win."""
    values = {name: one.plain for name, one in settings.items() if type(one.plain) is float}
    groups: tuple[Sequence[Rule | Row], ...] = (rules, rows)
    for entries in groups:
        for at, entry in enumerate(entries):
            if entry.when.tree == Constant(value=False):
                continue  # switched off on purpose
            for earlier in entries[:at]:
                if _kinds(entry) <= _kinds(earlier) and implies(
                    entry.when.tree, earlier.when.tree, values
                ):
                    yield Shadow(entry=entry, by=earlier)
                    break


def _kinds(entry: Rule | Row) -> frozenset[ObjectType]:
    return entry.kinds if isinstance(entry, Rule) else _CONTACTS


def implies(one: Tree, other: Tree, values: Mapping[str, float]) -> bool:
    """Whether the other condition surely holds wherever the one does; False if nobody can tell."""
    if isinstance(one, Either):
        return all(implies(part, other, values) for part in one.parts)
    match other:
        case Constant(value):
            return value
        case All(parts):
            return all(implies(one, part, values) for part in parts)
        case Either(parts):
            return any(implies(one, part, values) for part in parts)
        case _:
            return any(_leads(part, other, values) for part in _together(one))


def _together(tree: Tree) -> Iterator[Tree]:
    """Yield what must hold together."""
    if isinstance(tree, All):
        for part in tree.parts:
            yield from _together(part)
    else:
        yield tree


def _leads(one: Tree, other: Tree, values: Mapping[str, float]) -> bool:
    match one, other:
        case Either(), _:
            return implies(one, other, values)
        case Negation(part), Negation(whole):
            return implies(whole, part, values)
        case Comparison(), Comparison():
            return _same(one, other) or _stricter(one, other, values)
        case _:
            return False


def _same(one: Comparison, other: Comparison) -> bool:
    return (one.op, one.text.split()) == (other.op, other.text.split())


def _stricter(one: Comparison, other: Comparison, values: Mapping[str, float]) -> bool:
    """Whether both compare the same fact with numbers, and the one asks for more."""
    if not isinstance(one.left, Named) or not isinstance(other.left, Named):
        return False
    mine, its = _number(one.right, values), _number(other.right, values)
    if one.left.name != other.left.name or mine is None or its is None:
        return False
    if one.op is Op.EQUAL:
        ask = _ASK.get(other.op)
        return ask is not None and ask(mine, its)
    same_way = {one.op, other.op} <= _UP or {one.op, other.op} <= _DOWN
    if not same_way:
        return False
    beyond = mine > its if one.op in _UP else mine < its
    return beyond or (mine == its and (one.op is other.op or one.op in {Op.MORE, Op.LESS}))


_ASK: Final[dict[Op, Callable[[float, float], bool]]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}


def _number(operand: Operand | None, values: Mapping[str, float]) -> float | None:
    match operand:
        case Literal(float() as value):
            return value
        case Named(name):
            return values.get(name)
        case _:
            return None
