"""Compile a comparison to a test: a function from facts to yes or no."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from connector.core.conditions.due_time import DueTime, build_due_time
from connector.core.conditions.operands import Getter, Resolver, Term
from connector.core.conditions.text_patterns import TextPattern
from connector.core.conditions.tree import Comparison, Op
from connector.core.conditions.value_text import format_value
from connector.core.conditions.values import Kind, Value, Values

Predicate: TypeAlias = Callable[[Values], bool]
_Operator: TypeAlias = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonTest:
    """One comparison, compiled.

    `holds` evaluates it; `describe_values` puts the compared values into words; `due_time` says
    when time alone may change the result; `terms` are the two sides.
    """

    text: str
    holds: Predicate
    describe_values: Callable[[Values], str]
    terms: tuple[Term, ...]
    op: Op
    due_time: DueTime | None = None


_ORDER_OPS: Final = frozenset({Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST})
_MEMBER_OPS: Final = frozenset({Op.IN, Op.NOT_IN})
_PATTERN_OPS: Final = frozenset({Op.MATCHES, Op.NOT_MATCHES})
_NEGATED_OPS: Final = frozenset({Op.NOT_IN, Op.NOT_MATCHES})
_SWAPPED_OPS: Final = {
    Op.LESS: Op.MORE,
    Op.AT_MOST: Op.AT_LEAST,
    Op.MORE: Op.LESS,
    Op.AT_LEAST: Op.AT_MOST,
    Op.EQUAL: Op.EQUAL,
    Op.UNEQUAL: Op.UNEQUAL,
}
_OPERATORS: Final[dict[Op, _Operator]] = {
    Op.EQUAL: operator.eq,
    Op.UNEQUAL: operator.ne,
    Op.LESS: operator.lt,
    Op.AT_MOST: operator.le,
    Op.MORE: operator.gt,
    Op.AT_LEAST: operator.ge,
}
_ORDERED_KINDS: Final = frozenset({Kind.NUMBER, Kind.TIME, Kind.STAGE, Kind.ANY})
_TEXT_KINDS: Final = frozenset({Kind.TEXT, Kind.DOMAIN, Kind.CHOICE, Kind.ANY})


def build_test(resolver: Resolver, comparison: Comparison) -> ComparisonTest:
    """Return the test of a comparison; raise PolicyError where its sides do not fit together."""
    left = resolver.term(comparison.left)
    if comparison.right is None:
        return _unary_test(resolver, comparison, left)
    op, left, right = _fact_first(resolver, comparison.op, left, resolver.term(comparison.right))
    _check_operator(resolver, op, left, right)
    if right.is_constant:
        right = resolver.adapt(right, left)
    zone = resolver.vocabulary.zone
    compare, constant = _operator_and_constant(op, left, right, resolver.vocabulary.path)
    return ComparisonTest(
        text=comparison.text,
        holds=_predicate(compare, constant, left, right),
        describe_values=_value_describer((left, right), zone),
        terms=(left, right),
        op=op,
        due_time=build_due_time(left, right, zone),
    )


def _unary_test(resolver: Resolver, comparison: Comparison, left: Term) -> ComparisonTest:
    """Return the test of a fact that is compared with nothing, or of an empty setting."""
    if left.is_setting and comparison.op in {Op.BLANK, Op.NOT_BLANK}:
        is_blank = left.value in {None, "", ()}
        answer = is_blank is (comparison.op is Op.BLANK)
        return ComparisonTest(
            text=comparison.text,
            holds=lambda _: answer,
            describe_values=lambda _: format_value(left.value, resolver.vocabulary.zone),
            terms=(left,),
            op=comparison.op,
        )
    if left.get is None or left.clock:
        raise resolver.error_at(left.start, f"{comparison.text!r} asks nothing of the record")
    if comparison.op is Op.TRUE and left.kind not in {Kind.YES_NO, Kind.ANY}:
        raise resolver.error_at(
            left.start, f"{comparison.text} is a {left.kind}: compare it with something"
        )
    return ComparisonTest(
        text=comparison.text,
        holds=_UNARY_PREDICATES[comparison.op](left.get),
        describe_values=_value_describer((left,), resolver.vocabulary.zone),
        terms=(left,),
        op=comparison.op,
    )


def _is_missing(get: Getter) -> Predicate:
    return lambda values: all(value is None for value in _as_tuple(get(values)))


def _is_present(get: Getter) -> Predicate:
    return lambda values: any(value is not None for value in _as_tuple(get(values)))


def _is_true(get: Getter) -> Predicate:
    return lambda values: any(value is True for value in _as_tuple(get(values)))


def _as_tuple(value: Value) -> tuple[Value, ...]:
    return value if isinstance(value, tuple) else (value,)


_UNARY_PREDICATES: Final = {Op.BLANK: _is_missing, Op.NOT_BLANK: _is_present, Op.TRUE: _is_true}


def _fact_first(resolver: Resolver, op: Op, left: Term, right: Term) -> tuple[Op, Term, Term]:
    """Return the comparison with its fact on the left side."""
    if not left.is_constant:
        return op, left, right
    if right.is_constant:
        raise resolver.error_at(left.start, "this compares nothing of the record")
    if op in _SWAPPED_OPS:
        return _SWAPPED_OPS[op], right, left
    if op in _MEMBER_OPS and right.kind in {Kind.CHOICES, Kind.ANY}:
        return op, right, left
    raise resolver.error_at(right.start, f"to the right of `{op}` stands a list, or a list's name")


def _check_operator(resolver: Resolver, op: Op, left: Term, right: Term) -> None:
    """Raise PolicyError where an operator does not fit the kinds of its two sides."""
    problem = _problem(op, left, right) or (_mismatch(left, right) if right.get else "")
    if problem:
        raise resolver.error_at(left.start, problem)


def _problem(op: Op, left: Term, right: Term) -> str:
    """Return why an operator does not fit the kinds of its two sides, "" if it fits."""
    name = left.fact.key if left.fact else "this"
    # `<` and its kin need values with an order; with a list of stages they mean all of them.
    if op in _ORDER_OPS:
        is_list = right.is_list and left.kind is not Kind.STAGE
        fits = left.kind in _ORDERED_KINDS and not is_list
        return "" if fits else f"{name} is a {left.kind}: `{op}` does not fit"
    # `matches` needs a text on the left and the policy's patterns on the right.
    if op in _PATTERN_OPS:
        fits = left.kind in _TEXT_KINDS and right.is_constant and right.kind is Kind.TEXT
        return "" if fits else f"`{op}` compares a text with words such as 'demo'"
    # `in` needs a list on the right; a multiple choice is a list itself, so one word will do.
    if op in _MEMBER_OPS:
        fits = right.is_constant and (right.is_list or left.kind in {Kind.CHOICES, Kind.ANY})
        return "" if fits else f"to the right of `{op}` stands a list, or a list's name"
    # `==` and `!=` cannot compare a list.
    if left.kind is Kind.CHOICES or right.is_list:
        return f"`{op}` compares single values: write `in`"
    return ""


def _mismatch(left: Term, right: Term) -> str:
    """Return why two facts cannot be compared, "" if they can."""
    if left.clock and right.clock:
        return "this compares the clock with itself"
    if right.per_deal:
        return "a property of deals stands to the left"
    kinds = {left.kind, right.kind}
    text_kinds = _TEXT_KINDS | {Kind.STAGE, Kind.STATUS}
    if len(kinds) == 1 or kinds <= text_kinds or Kind.ANY in kinds:
        return ""
    return f"a {left.kind} is compared with a {right.kind}"


def _operator_and_constant(
    op: Op, left: Term, right: Term, path: Mapping[str, int]
) -> tuple[_Operator, Any]:
    """Return the operator, and the constant on the right side, if there is one."""
    if left.kind is Kind.STAGE and op in _ORDER_OPS:
        stages = [str(stage) for stage in _as_tuple(right.value) if stage in path]
        edge = min if op in {Op.LESS, Op.AT_MOST} else max
        return _stage_operator(op, path), edge(stages, key=path.__getitem__) if stages else None
    if op in _PATTERN_OPS:
        return _negated_where_needed(op, _fits), TextPattern(map(str, _as_tuple(right.value)))
    if op in _MEMBER_OPS:
        return _negated_where_needed(op, _MEMBER_OPERATORS.get(left.kind, _is_in)), frozenset(
            _as_tuple(right.value)
        )
    return _OPERATORS[op], right.value


def _stage_operator(op: Op, path: Mapping[str, int]) -> _Operator:
    """Return an operator on the order of two stages; it is false for a stage off the path."""
    compare = _OPERATORS[op]

    def compare_stages(left: str, right: str) -> bool:
        return left in path and right in path and compare(path[left], path[right])

    return compare_stages


def _negated_where_needed(op: Op, compare: _Operator) -> _Operator:
    return (lambda value, constant: not compare(value, constant)) if op in _NEGATED_OPS else compare


def _is_in(value: Value, group: frozenset[Value]) -> bool:
    return value in group


def _is_subdomain(value: str, domains: frozenset[str]) -> bool:
    """Return whether a domain is one of several, or below one of them."""
    while value:
        if value in domains:
            return True
        value = value.partition(".")[2]
    return False


def _has_any(values: tuple[str, ...], group: frozenset[str]) -> bool:
    return not group.isdisjoint(values)


_MEMBER_OPERATORS: Final[dict[Kind, _Operator]] = {
    Kind.DOMAIN: _is_subdomain,
    Kind.CHOICES: _has_any,
}


def _fits(value: str, pattern: TextPattern) -> bool:
    return pattern.fits(value)


def _predicate(compare: _Operator, constant: Any, left: Term, right: Term) -> Predicate:
    """Return the predicate over facts; a missing value makes it false."""
    if right.get:
        return _predicate_between(compare, left, right.get)
    if constant is None:
        return lambda _: False
    if left.get and (left.per_deal or left.days or left.fact is None):
        return _predicate_for_constant(compare, constant, left.get)
    key = left.fact.key if left.fact else ""

    def holds(values: Values) -> bool:
        value = values.get(key)
        return value is not None and compare(value, constant)

    return holds


def _predicate_for_constant(compare: _Operator, constant: Any, get: Getter) -> Predicate:
    def holds(values: Values) -> bool:
        return any(
            value is not None and compare(value, constant) for value in _as_tuple(get(values))
        )

    return holds


def _predicate_between(compare: _Operator, left: Term, get_right: Getter) -> Predicate:
    get_left = left.get or (lambda _: left.value)

    def holds(values: Values) -> bool:
        right_value = get_right(values)
        if right_value is None:
            return False
        return any(
            left_value is not None and compare(left_value, right_value)
            for left_value in _as_tuple(get_left(values))
        )

    return holds


def _value_describer(terms: tuple[Term, ...], zone: ZoneInfo) -> Callable[[Values], str]:
    """Return a function that puts the compared values into words."""
    labelled_getters = [(term.get, _labels(term)) for term in terms if term.get]

    def describe(values: Values) -> str:
        return " and ".join(
            format_value(get(values), zone, labels) for get, labels in labelled_getters
        )

    return describe


def _labels(term: Term) -> dict[str, str]:
    options = term.fact.options if term.fact else ()
    return {option.value: option.label for option in options}
