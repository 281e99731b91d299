"""Parses the condition language of policies: Python's own grammar, and very little of it.

A condition compares facts, settings and literals: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`,
`not in`, `matches`, `not matches`, `is blank`, `is not blank`, joined by `and`, `or`, `not`. The
text is parsed by `ast` and never evaluated; whatever is not listed below is refused.

A comparison with a missing value is false, whichever way it asks: of a contact without a score
neither `contact.score > 3` holds nor `contact.score <= 3` nor `contact.score != 3`; only
`is blank` asks for what is missing, and `not (…)` turns whatever it encloses around.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

from connector.core.condition_tree import (
    All,
    Comparison,
    Condition,
    Constant,
    Either,
    Listing,
    Literal,
    Named,
    Negation,
    Op,
    Operand,
    Shifted,
    Tree,
)
from connector.core.mark import PolicyError, wrong
from connector.core.yamlfile import Scalar

_LONGEST: Final = 2_000
_DEEPEST: Final = 20
_LARGEST: Final = 1e15
_WORDS: Final = re.compile(
    r"""(?P<string>"[^"]*"|'[^']*')
      | (?P<not_matches>(?<![\w.])not\s+matches\b)
      | (?P<matches>(?<![\w.])matches\b)
      | (?P<reserved>(?<=\.)except\b)
      | (?P<odd>[^A-Za-z0-9_ \t.,()\[\]<>=!+-]|(?<![<>=!])=(?!=))""",
    re.VERBOSE,
)
_NOT_UNDERSTOOD: Final = "this is not understood as a condition"
_HINTS: Final = {
    "&": "'&' is written `and`",
    "|": "'|' is written `or`",
    "=": "'=' is written `==`",
    '"': "a quote is not closed",
    "'": "a quote is not closed",
}
_OPS: Final[dict[type[ast.cmpop], Op]] = {
    ast.Eq: Op.EQUAL,
    ast.NotEq: Op.UNEQUAL,
    ast.Lt: Op.LESS,
    ast.LtE: Op.AT_MOST,
    ast.Gt: Op.MORE,
    ast.GtE: Op.AT_LEAST,
    ast.In: Op.IN,
    ast.NotIn: Op.NOT_IN,
}
_BLANK: Final[dict[type[ast.cmpop], Op]] = {ast.Is: Op.BLANK, ast.IsNot: Op.NOT_BLANK}
_MATCHES: Final[dict[type[ast.operator], Op]] = {ast.MatMult: Op.MATCHES, ast.Mod: Op.NOT_MATCHES}
# A setting's name that Python keeps for itself stands in the code with a capital.
_RESERVED: Final = {"except": "Except"}
_PLAIN: Final = {code: name for name, code in _RESERVED.items()}
_CONSTANTS: Final = {"always": True, "never": False}
_YES_NO: Final = {"true": True, "false": False, "yes": True, "no": False}


def parse(scalar: Scalar) -> Condition:
    """Return the condition in a YAML text; raise PolicyError at the place that is wrong."""
    if len(scalar.text) > _LONGEST:
        raise wrong(scalar.mark, f"a condition is at most {_LONGEST:,} characters long")
    if not scalar.text.strip():
        raise wrong(scalar.mark, "the condition is empty: write `always` if it always holds")
    return Condition(" ".join(scalar.text.split()), _Parser(scalar).tree(), scalar.at)


class _Parser:
    """Holds one condition's text while its tree is built."""

    def __init__(self, scalar: Scalar) -> None:
        self._scalar = scalar
        flat = re.sub(r"[\r\n]", " ", scalar.text)
        self._lead = len(flat) - len(flat.lstrip(" \t"))
        self._text = flat[self._lead :]

    def tree(self) -> Tree:
        """Return the whole condition."""
        code = _WORDS.sub(self._same_length, self._text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                body = ast.parse(code, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            place = getattr(error, "offset", None) or 1
            raise self._refusal(min(place - 1, len(self._text)), _NOT_UNDERSTOOD) from None
        self._check_depth(body)
        return self._condition(body)

    def _same_length(self, found: re.Match[str]) -> str:
        """Return operators in place of our own words, so that columns stay as they are."""
        width = len(found[0])
        if found["odd"]:
            raise self._refusal(
                found.start(), _HINTS.get(found[0], f"{found[0]!r} has no meaning here")
            )
        if found["string"]:
            if "\\" in found[0]:
                raise self._refusal(found.start(), "a backslash has no meaning in a text")
            return found[0]
        if found["reserved"]:
            return _RESERVED[found[0]]
        return ("%" if found["not_matches"] else "@").ljust(width)

    def _refusal(self, offset: int, message: str) -> PolicyError:
        return wrong(self._scalar.at(self._lead + offset), message)

    def _check_depth(self, body: ast.expr) -> None:
        level: list[ast.AST] = [body]
        for _ in range(_DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise self._refusal(0, "this is nested too deeply: split it into several rules")

    def _start(self, node: ast.expr) -> int:
        """Return where a node begins, in characters (`ast` counts bytes)."""
        return len(self._text.encode()[: node.col_offset].decode())

    def _source(self, first: ast.expr, last: ast.expr) -> str:
        """Return the text from one node to another as the policy puts it."""
        code = self._text.encode()[first.col_offset : last.end_col_offset].decode()
        return " ".join(code.split())

    def _condition(self, node: ast.expr) -> Tree:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return All(tuple(map(self._condition, values)))
            case ast.BoolOp(values=values):
                return Either(tuple(map(self._condition, values)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Negation(self._condition(operand))
            case ast.Compare():
                return self._compared(node)
            case _:
                return self._single(node)

    def _single(self, node: ast.expr) -> Tree:
        match node:
            case ast.BinOp(left=left, op=ast.MatMult() | ast.Mod() as op, right=right):
                return self._comparison(_MATCHES[type(op)], left, right)
            case ast.Name(id=name) if name in _CONSTANTS:
                return Constant(_CONSTANTS[name])
            case ast.Name() | ast.Attribute():
                text = self._source(node, node)
                return Comparison(Op.TRUE, self._named(node), None, text, self._at(node))
            case _:
                raise self._refusal(self._start(node), "a condition compares something here")

    def _compared(self, node: ast.Compare) -> Tree:
        lefts = [node.left, *node.comparators]
        pairs = zip(lefts, node.ops, node.comparators, strict=False)
        found = [self._pair(left, op, right) for left, op, right in pairs]
        return found[0] if len(found) == 1 else All(tuple(found))

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Tree:
        if type(op) in _BLANK:
            if not (isinstance(right, ast.Name) and right.id == "blank"):
                raise self._refusal(self._start(right), "after `is` comes `blank` or `not blank`")
            return self._comparison(_BLANK[type(op)], left, right)
        return self._comparison(_OPS[type(op)], left, right)

    def _comparison(self, op: Op, left: ast.expr, right: ast.expr) -> Comparison:
        asked = None if op in {Op.BLANK, Op.NOT_BLANK} else self._operand(right)
        text = self._source(left, right)
        return Comparison(op, self._operand(left), asked, text, self._at(left))

    def _at(self, node: ast.expr) -> int:
        return self._lead + self._start(node)

    def _operand(self, node: ast.expr) -> Operand:
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return Listing(tuple(map(self._literal, elements)), self._at(node))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                sign = 1 if isinstance(op, ast.Add) else -1
                return Shifted(self._operand(left), sign, self._operand(right), self._at(node))
            case ast.Attribute():
                return self._named(node)
            case ast.Name(id=name) if name not in _YES_NO:
                return self._named(node)
            case _:
                return self._literal(node)

    def _named(self, node: ast.expr) -> Named:
        """Return a dotted name; refuse anything that is computed."""
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, _PLAIN.get(inner.attr, inner.attr))
            inner = inner.value
        if not isinstance(inner, ast.Name):
            raise self._refusal(self._start(inner), "only a name may stand before a dot")
        return Named(".".join([inner.id, *parts]), self._at(node))

    def _literal(self, node: ast.expr) -> Literal:
        match node:
            case ast.Constant(value=bool() | str() as value):
                return Literal(value, self._at(node))
            case ast.Constant(value=int() | float() as value):
                return Literal(self._finite(value), self._at(node))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return Literal(-self._finite(value), self._at(node))
            case ast.Name(id=name) if name in _YES_NO:
                return Literal(_YES_NO[name], self._at(node))
            case _:
                raise self._refusal(
                    self._start(node), "a fact, a setting, a text or a number stands here"
                )

    def _finite(self, value: float) -> float:
        if abs(value) > _LARGEST:
            raise self._refusal(0, f"a number is at most {_LARGEST:g}")
        return float(value)
