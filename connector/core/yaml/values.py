"""Take values of the expected type out of YAML nodes; raise PolicyError for another type."""

from __future__ import annotations

import math
from collections.abc import Sequence

from connector.core.problem import PolicyError, Problem, Problems, did_you_mean, policy_error
from connector.core.yaml.nodes import Items, Node, Scalar, Section


def describe_node(node: Node) -> str:
    """Return the type of a node, in words for a message."""
    if isinstance(node, Items):
        return "a list"
    return "a mapping" if isinstance(node, Section) else f"{node.text!r}"


def section(node: Node, description: str, *, known: Sequence[str] = ()) -> Section:
    """Return a mapping; refuse unknown keys where known keys are given."""
    if not isinstance(node, Section):
        raise policy_error(
            node.place, f"{description} is a mapping (key: value), this is {describe_node(node)}"
        )
    if known:
        unknown = [key for name, (key, _) in node.entries.items() if name not in known]
        if unknown:
            raise PolicyError([_unknown_key(key, description, known) for key in unknown])
    return node


def _unknown_key(key: Scalar, description: str, known: Sequence[str]) -> Problem:
    hint = did_you_mean(key.text, known) or f"; known are: {', '.join(known)}"
    return Problem(key.place, f"{description} has no {key.text!r}{hint}")


def items(node: Node, description: str) -> tuple[Node, ...]:
    """Return the entries of a list: one for a single word, none for a blank."""
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Scalar):
        return () if is_empty(node) else (node,)
    raise policy_error(node.place, f"{description} is a list, this is {describe_node(node)}")


def scalar(node: Node, description: str) -> Scalar:
    """Return a single text."""
    if not isinstance(node, Scalar):
        raise policy_error(
            node.place, f"{description} is a single text, this is {describe_node(node)}"
        )
    return node


def is_empty(node: Scalar) -> bool:
    """Return whether a node is blank (no text, `~` or `null`)."""
    return not node.quoted and node.text in {"", "~", "null"}


def text(node: Node, description: str) -> str:
    """Return a text that is not empty."""
    value = scalar(node, description)
    if is_empty(value) or not value.text.strip():
        raise policy_error(value.place, f"{description} is empty")
    return value.text.strip()


def texts(node: Node, description: str) -> tuple[Scalar, ...]:
    """Return a list of texts that are not empty."""
    problems = Problems()
    scalars: list[Scalar] = []
    for item in items(node, description):
        with problems.collecting():
            text(item, f"an entry of {description}")
            scalars.append(scalar(item, description))
    problems.raise_all()
    return tuple(scalars)


def number(node: Node, description: str) -> float:
    """Return a number."""
    digits = text(node, description)
    try:
        value = float(digits.replace("_", "x"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise policy_error(node.place, f"{description} is a number, this is {digits!r}")
    return value


def flag(node: Node, description: str) -> bool:
    """Return a yes or no."""
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    word = text(node, description)
    if word.casefold() not in known:
        raise policy_error(node.place, f"{description} is yes or no, this is {word!r}")
    return known[word.casefold()]


def choice(node: Node, description: str, options: Sequence[str]) -> str:
    """Return one of a few words."""
    value = text(node, description)
    if value not in options:
        hint = did_you_mean(value, options)
        raise policy_error(
            node.place, f"{description} is one of {', '.join(options)}; this is {value!r}{hint}"
        )
    return value
