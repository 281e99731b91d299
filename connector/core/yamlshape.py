"""Takes what is expected out of YAML nodes, or says what was expected instead."""

from __future__ import annotations

import math
from collections.abc import Sequence

from connector.core.mark import PolicyError, Problem, Problems, nearest, wrong
from connector.core.yamlfile import Items, Node, Scalar, Section


def kind_of(node: Node) -> str:
    """Return what a node is, in words for a message."""
    if isinstance(node, Items):
        return "a list"
    return "a mapping" if isinstance(node, Section) else f"{node.text!r}"


def section(node: Node, what: str, *, known: Sequence[str] = ()) -> Section:
    """Return a mapping, with nothing but known keys if any are given."""
    if not isinstance(node, Section):
        raise wrong(node.mark, f"{what} is a mapping (key: value), this is {kind_of(node)}")
    if known:
        unknown = [key for text, (key, _) in node.entries.items() if text not in known]
        if unknown:
            raise PolicyError([_unknown(key, what, known) for key in unknown])
    return node


def _unknown(key: Scalar, what: str, known: Sequence[str]) -> Problem:
    hint = nearest(key.text, known) or f"; known are: {', '.join(known)}"
    return Problem(key.mark, f"{what} has no {key.text!r}{hint}")


def items(node: Node, what: str) -> tuple[Node, ...]:
    """Return the entries of a list; one word counts as a list of one, nothing as an empty one."""
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Scalar):
        return () if is_empty(node) else (node,)
    raise wrong(node.mark, f"{what} is a list, this is {kind_of(node)}")


def scalar(node: Node, what: str) -> Scalar:
    """Return a single text."""
    if not isinstance(node, Scalar):
        raise wrong(node.mark, f"{what} is a single text, this is {kind_of(node)}")
    return node


def is_empty(node: Scalar) -> bool:
    """Whether nothing stands there (nothing at all, `~` or `null`)."""
    return not node.quoted and node.text in {"", "~", "null"}


def text(node: Node, what: str) -> str:
    """Return a text that is not empty."""
    found = scalar(node, what)
    if is_empty(found) or not found.text.strip():
        raise wrong(found.mark, f"{what} is empty")
    return found.text.strip()


def texts(node: Node, what: str) -> tuple[Scalar, ...]:
    """Return a list of texts that are not empty."""
    problems = Problems()
    found: list[Scalar] = []
    for one in items(node, what):
        with problems.collecting():
            text(one, f"an entry of {what}")
            found.append(scalar(one, what))
    problems.tell()
    return tuple(found)


def number(node: Node, what: str) -> float:
    """Return a number."""
    found = text(node, what)
    try:
        value = float(found.replace("_", "x"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise wrong(node.mark, f"{what} is a number, this is {found!r}")
    return value


def flag(node: Node, what: str) -> bool:
    """Return a yes or no."""
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    found = text(node, what)
    if found.casefold() not in known:
        raise wrong(node.mark, f"{what} is yes or no, this is {found!r}")
    return known[found.casefold()]


def choice(node: Node, what: str, options: Sequence[str]) -> str:
    """Return one of a few words."""
    found = text(node, what)
    if found not in options:
        hint = nearest(found, options)
        raise wrong(node.mark, f"{what} is one of {', '.join(options)}; this is {found!r}{hint}")
    return found
