"""Parse the condition language of policies, a small part of Python's grammar.

A condition compares facts, settings and literals: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`,
`not in`, `matches`, `not matches`, `is blank`, `is not blank`, joined by `and`, `or`, `not`. The
text is parsed by `ast` and never evaluated; whatever is not listed below is refused.

A comparison with a missing value is false, whatever its operator: for a contact without a score
`contact.score > 3`, `contact.score <= 3` and `contact.score != 3` are all false. Only `is blank`
is true for a missing value, and `not (…)` negates what it encloses. A number of days may be
written `180 days`.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

from connector.core.conditions.tree import (
    All,
    Comparison,
    Condition,
    Constant,
    DottedName,
    Either,
    Literal,
    LiteralList,
    Negation,
    Op,
    Operand,
    ShiftedTime,
    Tree,
)
from connector.core.problem import PolicyError, policy_error
from connector.core.yaml.nodes import Scalar

_MAX_LENGTH: Final = 2_000
_MAX_DEPTH: Final = 20
_MAX_NUMBER: Final = 1e15
_TOKENS: Final = re.compile(
    r"""(?P<string>"[^"]*"|'[^']*')
      | (?P<not_matches>(?<![\w.])not\s+matches\b)
      | (?P<matches>(?<![\w.])matches\b)
      | (?P<reserved>(?<=\.)except\b)
      | (?P<days>(?<=[0-9])[ \t]+days?\b)
      | (?P<stage_id>(?<=\bstage\.entered\.)[0-9]+\b)
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
_BLANK_OPS: Final[dict[type[ast.cmpop], Op]] = {ast.Is: Op.BLANK, ast.IsNot: Op.NOT_BLANK}
_MATCH_OPS: Final[dict[type[ast.operator], Op]] = {ast.MatMult: Op.MATCHES, ast.Mod: Op.NOT_MATCHES}
# A setting's name that is a keyword of Python gets a capital letter before parsing.
_RESERVED: Final = {"except": "Except"}
_UNRESERVED: Final = {code: name for name, code in _RESERVED.items()}
# Custom stages have numeric ids, but a name in Python cannot begin with a digit.
_ID_LETTERS: Final = "ABCDEFGHIJ"
_STAGE_ID: Final = re.compile(r"(?<=^stage\.entered\.)[A-J](?=[0-9]*$)")
_CONSTANTS: Final = {"always": True, "never": False}
_YES_NO: Final = {"true": True, "false": False, "yes": True, "no": False}


def parse_condition(scalar: Scalar) -> Condition:
    """Return the condition in a YAML text; raise PolicyError at the place of a mistake."""
    if len(scalar.text) > _MAX_LENGTH:
        raise policy_error(scalar.place, f"a condition is at most {_MAX_LENGTH:,} characters long")
    if not scalar.text.strip():
        raise policy_error(
            scalar.place, "the condition is empty: write `always` if it always holds"
        )
    return Condition(" ".join(scalar.text.split()), _Parser(scalar).parse(), scalar.place_at)


class _Parser:
    """Holds one condition's text while its tree is built."""

    def __init__(self, scalar: Scalar) -> None:
        self._scalar = scalar
        one_line = re.sub(r"[\r\n]", " ", scalar.text)
        self._indent = len(one_line) - len(one_line.lstrip(" \t"))
        self._text = one_line[self._indent :]

    def parse(self) -> Tree:
        """Return the whole condition."""
        code = _TOKENS.sub(self._replace_token, self._text)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                body = ast.parse(code, mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            column = getattr(error, "offset", None) or 1
            raise self._error(min(column - 1, len(self._text)), _NOT_UNDERSTOOD) from None
        self._check_depth(body)
        return self._parse_condition(body)

    def _replace_token(self, token: re.Match[str]) -> str:
        """Return operators in place of our own words, so that columns stay as they are."""
        width = len(token[0])
        # A character of another language, or an `=` that stands alone.
        if token["odd"]:
            raise self._error(
                token.start(), _HINTS.get(token[0], f"{token[0]!r} has no meaning here")
            )
        # A text stays as it is, whatever words it holds.
        if token["string"]:
            if "\\" in token[0]:
                raise self._error(token.start(), "a backslash has no meaning in a text")
            return token[0]
        # Names that Python cannot read get other letters of the same number.
        if token["reserved"]:
            return _RESERVED[token[0]]
        # `180 days` is the number.
        if token["days"]:
            return " " * width
        if token["stage_id"]:
            return _ID_LETTERS[int(token[0][0])] + token[0][1:]
        return ("%" if token["not_matches"] else "@").ljust(width)

    def _error(self, offset: int, message: str) -> PolicyError:
        return policy_error(self._scalar.place_at(self._indent + offset), message)

    def _check_depth(self, body: ast.expr) -> None:
        level: list[ast.AST] = [body]
        for _ in range(_MAX_DEPTH):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
        if level:
            raise self._error(0, "this is nested too deeply: split it into several rules")

    def _offset(self, node: ast.expr) -> int:
        """Return where a node begins, in characters (`ast` counts bytes)."""
        return len(self._text.encode()[: node.col_offset].decode())

    def _source(self, first: ast.expr, last: ast.expr) -> str:
        """Return the text from one node to another as the policy puts it."""
        code = self._text.encode()[first.col_offset : last.end_col_offset].decode()
        return " ".join(code.split())

    def _parse_condition(self, node: ast.expr) -> Tree:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return All(tuple(map(self._parse_condition, values)))
            case ast.BoolOp(values=values):
                return Either(tuple(map(self._parse_condition, values)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Negation(self._parse_condition(operand))
            case ast.Compare():
                return self._parse_compare(node)
            case _:
                return self._parse_single(node)

    def _parse_single(self, node: ast.expr) -> Tree:
        match node:
            case ast.BinOp(left=left, op=ast.MatMult() | ast.Mod() as op, right=right):
                return self._build_comparison(_MATCH_OPS[type(op)], left, right)
            case ast.Name(id=name) if name in _CONSTANTS:
                return Constant(_CONSTANTS[name])
            case ast.Name() | ast.Attribute():
                text = self._source(node, node)
                return Comparison(Op.TRUE, self._parse_name(node), None, text, self._position(node))
            case _:
                raise self._error(self._offset(node), "a condition compares something here")

    def _parse_compare(self, node: ast.Compare) -> Tree:
        lefts = [node.left, *node.comparators]
        pairs = zip(lefts, node.ops, node.comparators, strict=False)
        comparisons = [self._parse_pair(left, op, right) for left, op, right in pairs]
        return comparisons[0] if len(comparisons) == 1 else All(tuple(comparisons))

    def _parse_pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Tree:
        if type(op) in _BLANK_OPS:
            if not (isinstance(right, ast.Name) and right.id == "blank"):
                raise self._error(self._offset(right), "after `is` comes `blank` or `not blank`")
            return self._build_comparison(_BLANK_OPS[type(op)], left, right)
        return self._build_comparison(_OPS[type(op)], left, right)

    def _build_comparison(self, op: Op, left: ast.expr, right: ast.expr) -> Comparison:
        right_operand = None if op in {Op.BLANK, Op.NOT_BLANK} else self._parse_operand(right)
        text = self._source(left, right)
        return Comparison(op, self._parse_operand(left), right_operand, text, self._position(left))

    def _position(self, node: ast.expr) -> int:
        return self._indent + self._offset(node)

    def _parse_operand(self, node: ast.expr) -> Operand:
        match node:
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return LiteralList(tuple(map(self._parse_literal, elements)), self._position(node))
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                sign = 1 if isinstance(op, ast.Add) else -1
                return ShiftedTime(
                    self._parse_operand(left),
                    sign,
                    self._parse_operand(right),
                    self._position(node),
                )
            case ast.Attribute():
                return self._parse_name(node)
            case ast.Name(id=name) if name not in _YES_NO:
                return self._parse_name(node)
            case _:
                return self._parse_literal(node)

    def _parse_name(self, node: ast.expr) -> DottedName:
        """Return a dotted name; refuse anything that is computed."""
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, _UNRESERVED.get(inner.attr, inner.attr))
            inner = inner.value
        if not isinstance(inner, ast.Name):
            raise self._error(self._offset(inner), "only a name may stand before a dot")
        name = ".".join([inner.id, *parts])
        name = _STAGE_ID.sub(lambda letter: str(_ID_LETTERS.index(letter[0])), name)
        return DottedName(name, self._position(node))

    def _parse_literal(self, node: ast.expr) -> Literal:
        match node:
            case ast.Constant(value=bool() | str() as value):
                return Literal(value, self._position(node))
            case ast.Constant(value=int() | float() as value):
                return Literal(self._checked_number(value), self._position(node))
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return Literal(-self._checked_number(value), self._position(node))
            case ast.Name(id=name) if name in _YES_NO:
                return Literal(_YES_NO[name], self._position(node))
            case _:
                raise self._error(
                    self._offset(node), "a fact, a setting, a text or a number stands here"
                )

    def _checked_number(self, value: float) -> float:
        if abs(value) > _MAX_NUMBER:
            raise self._error(0, f"a number is at most {_MAX_NUMBER:g}")
        return float(value)
