"""Find rules that can never win, because an earlier rule always holds as well."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from connector.core.conditions.tree import (
    All,
    Comparison,
    Constant,
    DottedName,
    Either,
    Literal,
    Negation,
    Op,
    Operand,
    Tree,
)
from connector.core.model import ObjectType
from connector.core.policy.read_settings import Setting
from connector.core.policy.rule import Row, Rule

_CONTACTS: Final = frozenset({ObjectType.CONTACTS})
_LOWER_BOUNDS: Final = frozenset({Op.MORE, Op.AT_LEAST})
_UPPER_BOUNDS: Final = frozenset({Op.LESS, Op.AT_MOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowedRule:
    """A rule that can never win; `shadowed_by` is the earlier rule that always holds as well."""

    entry: Rule | Row
    shadowed_by: Rule | Row

    def __str__(self) -> str:
        place = self.shadowed_by.place
        return (
            f"the rule {self.entry.name} can never win: {self.shadowed_by.name} "
            f"({place.source}, line {place.line}) comes before it and holds whenever it does"
        )


def find_shadowed_rules(
    rules: Sequence[Rule], rows: Sequence[Row], settings: Mapping[str, Setting]
) -> Iterator[ShadowedRule]:
    """Yield every rule and row that can never win."""
    values = {
        name: setting.plain_value
        for name, setting in settings.items()
        if type(setting.plain_value) is float
    }
    groups: tuple[Sequence[Rule | Row], ...] = (rules, rows)
    for entries in groups:
        for index, entry in enumerate(entries):
            if entry.when.tree == Constant(value=False):
                continue  # switched off on purpose
            for earlier in entries[:index]:
                if _object_types(entry) <= _object_types(earlier) and implies(
                    entry.when.tree, earlier.when.tree, values
                ):
                    yield ShadowedRule(entry=entry, shadowed_by=earlier)
                    break


def _object_types(entry: Rule | Row) -> frozenset[ObjectType]:
    return entry.object_types if isinstance(entry, Rule) else _CONTACTS


def implies(premise: Tree, conclusion: Tree, values: Mapping[str, float]) -> bool:
    """Return whether `conclusion` holds wherever `premise` does; False if that cannot be shown."""
    if isinstance(premise, Either):
        return all(implies(part, conclusion, values) for part in premise.parts)
    match conclusion:
        case Constant(value):
            return value
        case All(parts):
            return all(implies(premise, part, values) for part in parts)
        case Either(parts):
            return any(implies(premise, part, values) for part in parts)
        case _:
            return any(_part_implies(part, conclusion, values) for part in _conjuncts(premise))


def _conjuncts(tree: Tree) -> Iterator[Tree]:
    """Yield the parts of a condition that must all hold."""
    if isinstance(tree, All):
        for part in tree.parts:
            yield from _conjuncts(part)
    else:
        yield tree


def _part_implies(premise: Tree, conclusion: Tree, values: Mapping[str, float]) -> bool:
    match premise, conclusion:
        case Either(), _:
            return implies(premise, conclusion, values)
        case Negation(part), Negation(conclusion_part):
            return implies(conclusion_part, part, values)
        case Comparison(), Comparison():
            return _is_same(premise, conclusion) or _is_stricter(premise, conclusion, values)
        case _:
            return False


def _is_same(premise: Comparison, conclusion: Comparison) -> bool:
    return (premise.op, premise.text.split()) == (conclusion.op, conclusion.text.split())


def _is_stricter(premise: Comparison, conclusion: Comparison, values: Mapping[str, float]) -> bool:
    """Return whether both compare the same fact with numbers, and `premise` asks for more."""
    if not isinstance(premise.left, DottedName) or not isinstance(conclusion.left, DottedName):
        return False
    # Only two comparisons of one fact with numbers can be ordered.
    premise_number, conclusion_number = (
        _number(premise.right, values),
        _number(conclusion.right, values),
    )
    if (
        premise.left.name != conclusion.left.name
        or premise_number is None
        or conclusion_number is None
    ):
        return False
    # `score == 7` implies every comparison that holds for 7.
    if premise.op is Op.EQUAL:
        compare = _OPERATORS.get(conclusion.op)
        return compare is not None and compare(premise_number, conclusion_number)
    # A lower bound implies a smaller lower bound, an upper bound a greater upper bound.
    same_direction = {premise.op, conclusion.op} <= _LOWER_BOUNDS or {
        premise.op,
        conclusion.op,
    } <= _UPPER_BOUNDS
    if not same_direction:
        return False
    is_tighter = (
        premise_number > conclusion_number
        if premise.op in _LOWER_BOUNDS
        else premise_number < conclusion_number
    )
    # With equal numbers `>` implies `>=`, and each operator implies itself.
    return is_tighter or (
        premise_number == conclusion_number
        and (premise.op is conclusion.op or premise.op in {Op.MORE, Op.LESS})
    )


_OPERATORS: Final[dict[Op, Callable[[float, float], bool]]] = {
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}


def _number(operand: Operand | None, values: Mapping[str, float]) -> float | None:
    match operand:
        case Literal(float() as value):
            return value
        case DottedName(name):
            return values.get(name)
        case _:
            return None
