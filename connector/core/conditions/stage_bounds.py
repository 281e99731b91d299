"""Find the stages to which a condition limits its use of a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from connector.core.conditions.tree import (
    All,
    Comparison,
    DottedName,
    Either,
    Literal,
    LiteralList,
    Negation,
    Op,
    Tree,
    dotted_names,
)

Stages: TypeAlias = frozenset[str] | None
"""Some stages, or None for any."""


def stages_where(
    tree: Tree, name: str, resolve: Callable[[str], str], lists: Mapping[str, frozenset[str]]
) -> Iterator[Stages]:
    """Yield, for each comparison with a fact, the stages to which its `and` limits it.

    The caller reads an expensive fact (a history) only for records in these stages. `resolve`
    turns a label into an internal value, and `lists` holds the settings that are lists of stages.
    """
    for stages in _stage_bounds(tree, name, lists, None):
        yield None if stages is None else frozenset(map(resolve, stages))


def _stage_bounds(
    tree: Tree, name: str, lists: Mapping[str, frozenset[str]], stages: Stages
) -> Iterator[Stages]:
    if isinstance(tree, Comparison):
        if any(
            dotted_name.name == name
            for operand in (tree.left, tree.right)
            for dotted_name in dotted_names(operand)
        ):
            yield stages
        return
    for part, inner in _parts_with_bounds(tree, lists, stages):
        yield from _stage_bounds(part, name, lists, inner)


def _parts_with_bounds(
    tree: Tree, lists: Mapping[str, frozenset[str]], stages: Stages
) -> Iterator[tuple[Tree, Stages]]:
    """Yield the parts of a condition, each with the stages in which it can matter."""
    match tree:
        case All(parts):
            bounds = [bound for part in parts if (bound := _named_stages(part, lists)) is not None]
            bounds += [] if stages is None else [stages]
            inner = frozenset.intersection(*bounds) if bounds else None
            yield from ((part, inner) for part in parts)
        case Either(parts):
            yield from ((part, stages) for part in parts)
        case Negation(part):
            yield part, stages
        case _:
            return


def _named_stages(tree: Tree, lists: Mapping[str, frozenset[str]]) -> Stages:
    """Return the stages in `stage == "…"` and `stage in […]`, None for anything else."""
    match tree:
        case Comparison(Op.EQUAL | Op.IN, DottedName("stage"), Literal(str() as value)):
            return frozenset({value})
        case Comparison(Op.IN, DottedName("stage"), DottedName(name)):
            return lists.get(name)
        case Comparison(Op.IN, DottedName("stage"), LiteralList(values)):
            return frozenset(str(literal.value) for literal in values)
        case _:
            return None
