"""Builds the test behind a comparison: a function from facts to yes or no."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from connector.core.condition_terms import Getter, Resolver, Term
from connector.core.condition_tree import Comparison, Op
from connector.core.flips import Flip, flip
from connector.core.values import Kind, Value, Values
from connector.core.wording import show

Holds: TypeAlias = Callable[[Values], bool]
_Ask: TypeAlias = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One comparison, ready to be asked.

    `found` tells the values that it looked at, in words; `flips` when time alone may
    change its answer; `terms` what it compares.
    """

    text: str
    holds: Holds
    found: Callable[[Values], str]
    terms: tuple[Term, ...]
    op: Op
    flips: Flip | None = None


_ORDER: Final = frozenset({Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST})
_MEMBER: Final = frozenset({Op.IN, Op.NOT_IN})
_GLOB: Final = frozenset({Op.MATCHES, Op.NOT_MATCHES})
_NEGATED: Final = frozenset({Op.NOT_IN, Op.NOT_MATCHES})
_MIRROR: Final = {
    Op.LESS: Op.MORE,
    Op.AT_MOST: Op.AT_LEAST,
    Op.MORE: Op.LESS,
    Op.AT_LEAST: Op.AT_MOST,
    Op.EQUAL: Op.EQUAL,
    Op.UNEQUAL: Op.UNEQUAL,
}
_ASK: Final[dict[Op, _Ask]] = {
    Op.EQUAL: operator.eq,
    Op.UNEQUAL: operator.ne,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_ORDERED: Final = frozenset({Kind.NUMBER, Kind.TIME, Kind.STAGE, Kind.ANY})
_WORDED: Final = frozenset({Kind.TEXT, Kind.DOMAIN, Kind.CHOICE, Kind.ANY})


def build(resolver: Resolver, comparison: Comparison) -> Test:
    """Return the test behind a comparison; raise PolicyError where it makes no sense."""
    left = resolver.term(comparison.left)
    if comparison.right is None:
        return _alone(resolver, comparison, left)
    op, left, right = _fact_first(resolver, comparison.op, left, resolver.term(comparison.right))
    _check(resolver, op, left, right)
    if right.is_constant:
        right = resolver.adapt(right, left)
    zone = resolver.vocabulary.zone
    ask, constant = _asking(op, left, right, resolver.vocabulary.path)
    return Test(
        text=comparison.text,
        holds=_holds(ask, constant, left, right),
        found=_telling((left, right), zone),
        terms=(left, right),
        op=op,
        flips=flip(left, right, zone),
    )


def _alone(resolver: Resolver, comparison: Comparison, left: Term) -> Test:
    """Return the test of a fact that is compared with nothing."""
    if left.get is None or left.clock:
        raise resolver.wrong(left.start, f"{comparison.text!r} asks nothing of the record")
    if comparison.op is Op.TRUE and left.kind not in {Kind.YES_NO, Kind.ANY}:
        raise resolver.wrong(
            left.start, f"{comparison.text} is a {left.kind}: compare it with something"
        )
    return Test(
        text=comparison.text,
        holds=_ALONE[comparison.op](left.get),
        found=_telling((left,), resolver.vocabulary.zone),
        terms=(left,),
        op=comparison.op,
    )


def _is_missing(get: Getter) -> Holds:
    return lambda values: all(one is None for one in _each(get(values)))


def _is_there(get: Getter) -> Holds:
    return lambda values: any(one is not None for one in _each(get(values)))


def _is_true(get: Getter) -> Holds:
    return lambda values: any(one is True for one in _each(get(values)))


def _each(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


_ALONE: Final = {Op.BLANK: _is_missing, Op.NOT_BLANK: _is_there, Op.TRUE: _is_true}


def _fact_first(resolver: Resolver, op: Op, left: Term, right: Term) -> tuple[Op, Term, Term]:
    """Return the comparison turned so that a fact stands to the left."""
    if not left.is_constant:
        return op, left, right
    if right.is_constant:
        raise resolver.wrong(left.start, "this compares nothing of the record")
    if op in _MIRROR:
        return _MIRROR[op], right, left
    if op in _MEMBER and right.kind in {Kind.CHOICES, Kind.ANY}:
        return op, right, left
    raise resolver.wrong(right.start, f"to the right of `{op}` stands a list, or a list's name")


def _check(resolver: Resolver, op: Op, left: Term, right: Term) -> None:
    """Raise PolicyError where an operator does not fit what it stands between."""
    problem = _problem(op, left, right) or (_mismatch(left, right) if right.get else "")
    if problem:
        raise resolver.wrong(left.start, problem)


def _problem(op: Op, left: Term, right: Term) -> str:
    name = left.fact.key if left.fact else "this"
    if op in _ORDER:
        listed = right.several and left.kind is not Kind.STAGE
        fits = left.kind in _ORDERED and not listed
        return "" if fits else f"{name} is a {left.kind}: `{op}` does not fit"
    if op in _GLOB:
        fits = left.kind in _WORDED and right.is_constant and right.kind is Kind.TEXT
        return "" if fits else f"`{op}` compares a text with a pattern such as '*demo*'"
    if op in _MEMBER:
        fits = right.is_constant and (right.several or left.kind in {Kind.CHOICES, Kind.ANY})
        return "" if fits else f"to the right of `{op}` stands a list, or a list's name"
    if left.kind is Kind.CHOICES or right.several:
        return f"`{op}` compares single values: write `in`"
    return ""


def _mismatch(left: Term, right: Term) -> str:
    """Return what is wrong with comparing two facts, "" if nothing is."""
    if left.clock and right.clock:
        return "this compares the clock with itself"
    if right.many:
        return "a property of deals stands to the left"
    kinds = {left.kind, right.kind}
    worded = _WORDED | {Kind.STAGE, Kind.STATUS}
    if len(kinds) == 1 or kinds <= worded or Kind.ANY in kinds:
        return ""
    return f"a {left.kind} is compared with a {right.kind}"


def _asking(op: Op, left: Term, right: Term, path: Mapping[str, int]) -> tuple[_Ask, Any]:
    """Return the question, and the constant that it is asked with, if there is one."""
    if left.kind is Kind.STAGE and op in _ORDER:
        known = [str(one) for one in _each(right.value) if one in path]
        edge = min if op in {Op.LESS, Op.AT_MOST} else max
        return _ranked(op, path), edge(known, key=path.__getitem__) if known else None
    if op in _GLOB:
        return _negated(op, _matches), glob(_each(right.value))
    if op in _MEMBER:
        return _negated(op, _MEMBERS.get(left.kind, _is_in)), frozenset(_each(right.value))
    return _ASK[op], right.value


def _ranked(op: Op, path: Mapping[str, int]) -> _Ask:
    """Return a question about the order of two stages; off the path it is never so."""
    ask = _ASK[op]

    def ranked(one: str, other: str) -> bool:
        return one in path and other in path and ask(path[one], path[other])

    return ranked


def _negated(op: Op, ask: _Ask) -> _Ask:
    return (lambda value, constant: not ask(value, constant)) if op in _NEGATED else ask


def _is_in(value: Value, group: frozenset[Value]) -> bool:
    return value in group


def _is_below(value: str, domains: frozenset[str]) -> bool:
    """Whether a domain is one of several, or below one of them."""
    while value:
        if value in domains:
            return True
        value = value.partition(".")[2]
    return False


def _has_one(values: tuple[str, ...], group: frozenset[str]) -> bool:
    return not group.isdisjoint(values)


_MEMBERS: Final[dict[Kind, _Ask]] = {Kind.DOMAIN: _is_below, Kind.CHOICES: _has_one}


def _matches(value: str, pattern: re.Pattern[str]) -> bool:
    return pattern.fullmatch(value) is not None


def glob(patterns: Iterable[Value]) -> re.Pattern[str]:
    """Return a pattern for texts with `*` and `?`, whatever the case; it never backtracks.

    >>> bool(glob(["*demo*"]).fullmatch("Book en DEMO: skjema"))
    True
    """
    choices = "|".join(_translated(str(one)) for one in patterns)
    return re.compile(choices or r"(?!)", re.IGNORECASE | re.DOTALL)


def _translated(pattern: str) -> str:
    """Return a glob as a regular expression; each `*` takes the first place that fits."""
    first, *rest = (re.escape(one).replace(r"\?", ".") for one in re.split(r"\*+", pattern))
    if not rest:
        return first
    middle = "".join(f"(?>.*?{one})" for one in rest[:-1])
    return f"{first}{middle}.*{rest[-1]}"


def _holds(ask: _Ask, constant: Any, left: Term, right: Term) -> Holds:
    """Return the function that asks the facts; a missing value makes it false."""
    if right.get:
        return _holds_between(ask, left, right.get)
    if constant is None:
        return lambda _: False
    if left.get and (left.many or left.days or left.fact is None):
        return _holds_each(ask, constant, left.get)
    key = left.fact.key if left.fact else ""

    def holds(values: Values) -> bool:
        found = values.get(key)
        return found is not None and ask(found, constant)

    return holds


def _holds_each(ask: _Ask, constant: Any, get: Getter) -> Holds:
    def holds(values: Values) -> bool:
        return any(one is not None and ask(one, constant) for one in _each(get(values)))

    return holds


def _holds_between(ask: _Ask, left: Term, get_other: Getter) -> Holds:
    get_each = left.get or (lambda _: left.value)

    def holds(values: Values) -> bool:
        other = get_other(values)
        if other is None:
            return False
        return any(one is not None and ask(one, other) for one in _each(get_each(values)))

    return holds


def _telling(terms: tuple[Term, ...], zone: ZoneInfo) -> Callable[[Values], str]:
    """Return a function that tells the values that were found, in words."""
    told = [(one.get, _labels(one)) for one in terms if one.get]

    def tell(values: Values) -> str:
        return " and ".join(show(get(values), zone, labels) for get, labels in told)

    return tell


def _labels(term: Term) -> dict[str, str]:
    options = term.fact.options if term.fact else ()
    return {one.value: one.label for one in options}
