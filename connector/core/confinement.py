"""Tells to which stages a condition confines its question for a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from connector.core.condition_tree import (
    All,
    Comparison,
    Either,
    Listing,
    Literal,
    Named,
    Negation,
    Op,
    Tree,
    names,
)

Stages: TypeAlias = frozenset[str] | None
"""Some stages, or None for any."""


def stages_where(tree: Tree, name: str, resolve: Callable[[str], str]) -> Iterator[Stages]:
    """Yield, for each comparison that names a fact, the stages to which its `and` confines it.

    So a policy tells where a fact that is dear to find matters. `resolve` makes an internal
    value of a label.
    """
    for stages in _confined(tree, name, None):
        yield None if stages is None else frozenset(map(resolve, stages))


def _confined(tree: Tree, name: str, stages: Stages) -> Iterator[Stages]:
    if isinstance(tree, Comparison):
        if any(one.name == name for side in (tree.left, tree.right) for one in names(side)):
            yield stages
        return
    for part, inner in _inside(tree, stages):
        yield from _confined(part, name, inner)


def _inside(tree: Tree, stages: Stages) -> Iterator[tuple[Tree, Stages]]:
    """Yield the parts of a condition, each with the stages in which it can matter."""
    match tree:
        case All(parts):
            here = [found for part in parts if (found := _named(part)) is not None]
            here += [] if stages is None else [stages]
            inner = frozenset.intersection(*here) if here else None
            yield from ((part, inner) for part in parts)
        case Either(parts):
            yield from ((part, stages) for part in parts)
        case Negation(part):
            yield part, stages
        case _:
            return


def _named(tree: Tree) -> Stages:
    """Return the stages in `stage == "…"` and `stage in […]`, None for anything else."""
    match tree:
        case Comparison(Op.EQUAL | Op.IN, Named("stage"), Literal(str() as value)):
            return frozenset({value})
        case Comparison(Op.IN, Named("stage"), Listing(values)):
            return frozenset(str(one.value) for one in values)
        case _:
            return None
