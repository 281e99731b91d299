"""Resolve the operands of a comparison: their kind, and how their value is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from connector.core.conditions.tree import (
    Condition,
    DottedName,
    Literal,
    LiteralList,
    Operand,
    ShiftedTime,
)
from connector.core.conditions.value_text import format_value
from connector.core.conditions.values import Kind, Value, Values, parse_date, parse_domain
from connector.core.conditions.vocabulary import CLOCKS, Fact, Vocabulary
from connector.core.model import Option
from connector.core.problem import PolicyError, did_you_mean, policy_error

Getter: TypeAlias = Callable[[Values], Value]
_MAX_DAYS: Final = 36_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One side of a comparison: a constant `value`, or the value that `get` reads from the facts.

    A constant with `is_list` is a list of values. `clock` is set where the value moves with
    time; `days` is by how much the value is shifted. `setting` names the setting or list that a
    constant comes from.
    """

    kind: Kind
    start: int
    get: Getter | None = None
    value: Value = None
    is_list: bool = False
    per_deal: bool = False
    fact: Fact | None = None
    clock: str = ""
    days: float = 0.0
    setting: str = ""

    @property
    def is_setting(self) -> bool:
        """Return whether it is a setting or a list of the policy."""
        return bool(self.setting)

    @property
    def is_constant(self) -> bool:
        """Return whether it is the same in every record."""
        return self.get is None


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the operands of one condition; `own` where a customer's file wrote it."""

    condition: Condition
    vocabulary: Vocabulary
    own: bool

    def error_at(self, start: int, message: str) -> PolicyError:
        """Return an error with the message, for a place in the condition."""
        return policy_error(self.condition.place_at(start), message)

    def term(self, operand: Operand) -> Term:
        """Return the term of an operand; raise PolicyError for an unknown name."""
        match operand:
            case Literal(value, start):
                return Term(kind=_literal_kind(value), start=start, value=value)
            case LiteralList(values, start):
                return self._list_term(values, start)
            case ShiftedTime():
                return self._shifted_term(operand)
            case DottedName():
                return self._named_term(operand)
            case _:
                assert_never(operand)

    def _list_term(self, values: tuple[Literal, ...], start: int) -> Term:
        kinds = {_literal_kind(literal.value) for literal in values}
        if len(kinds) != 1:
            raise self.error_at(start, "a list holds values of one kind, and at least one")
        literal_values = tuple(literal.value for literal in values)
        return Term(kind=kinds.pop(), start=start, value=literal_values, is_list=True)

    def _named_term(self, named: DottedName) -> Term:
        name = named.name
        fixed_name = self.vocabulary.fixed_names.get(name)
        if fixed_name:
            return Term(
                kind=fixed_name.kind,
                start=named.start,
                value=fixed_name.value,
                is_list=fixed_name.is_list,
                setting=name,
            )
        fact = self.vocabulary.fact(name)
        if fact is None:
            raise self.error_at(named.start, self.vocabulary.unknown_name_message(name))
        return Term(
            kind=fact.kind,
            start=named.start,
            get=lambda values: values.get(name),
            per_deal=fact.per_deal,
            fact=fact,
            clock=name if name in CLOCKS else "",
        )

    def _shifted_term(self, shifted: ShiftedTime) -> Term:
        base, days = self.term(shifted.base), self.term(shifted.days)
        if base.kind not in {Kind.TIME, Kind.ANY} or base.get is None or base.per_deal:
            raise self.error_at(base.start, "only a time can be moved, by a number of days")
        if days.fact and days.kind is Kind.TIME:
            raise self.error_at(
                days.start,
                f"two times are not subtracted: write `{days.fact.key} < now - 180 days` for what "
                "is more than 180 days ago",
            )
        if not isinstance(days.value, float) or not abs(days.value) <= _MAX_DAYS:
            raise self.error_at(days.start, f"a number of days, at most {_MAX_DAYS}, stands here")
        shift_days = shifted.sign * days.value
        return replace(
            base,
            start=shifted.start,
            get=_shifted_getter(base.get, shift_days),
            days=base.days + shift_days,
        )

    def adapt(self, constant: Term, fact: Term) -> Term:
        """Return a constant as a value of the fact's kind; raise PolicyError if it does not fit."""
        if fact.kind is Kind.ANY or constant.kind is fact.kind:
            return constant
        if constant.is_list and isinstance(constant.value, tuple):
            value: Value = tuple(self._adapt_value(item, constant, fact) for item in constant.value)
        else:
            value = self._adapt_value(constant.value, constant, fact)
        return replace(constant, value=value, kind=fact.kind)

    def _adapt_value(self, value: Value, constant: Term, fact: Term) -> Value:
        converted = self._convert(value, constant, fact)
        if converted is None and value is not None:
            shown = format_value(value, self.vocabulary.zone)
            name = fact.fact.key if fact.fact else "this"
            hint = (
                f": write `{name} < now - {shown} days` for what is more than {shown} days ago"
                if fact.kind is Kind.TIME and isinstance(value, float)
                else ""
            )
            raise self.error_at(constant.start, f"{name} is a {fact.kind}, {shown!r} is none{hint}")
        return converted

    def _convert(self, value: Value, constant: Term, fact: Term) -> Value:
        if not isinstance(value, str):
            return None
        match fact.kind:
            case Kind.TIME:
                return parse_date(value, self.vocabulary.zone)
            case Kind.DOMAIN:
                return parse_domain(value)
            case Kind.CHOICE | Kind.CHOICES | Kind.STAGE | Kind.STATUS:
                return self._resolve_option(value, constant, fact)
            case _:
                return None

    def _resolve_option(self, value: str, constant: Term, fact: Term) -> Value:
        options = fact.fact.options if fact.fact else ()
        resolved = option_value(value, options) if options else value
        if resolved is None and self.own:
            raise self.error_at(constant.start, unknown_option_message(value, options))
        return resolved or value


def option_value(text: str, options: tuple[Option, ...]) -> str | None:
    """Return the internal value that a text names, by value or by an unambiguous label."""
    if any(option.value == text for option in options):
        return text
    label = text.strip().casefold()
    matches = [option.value for option in options if option.label.strip().casefold() == label]
    return matches[0] if len(matches) == 1 else None


def unknown_option_message(text: str, options: tuple[Option, ...]) -> str:
    """Return the message about a text that names no option, or several."""
    label = text.strip().casefold()
    matches = [option.value for option in options if option.label.strip().casefold() == label]
    available = ", ".join(f"{option.label} ({option.value})" for option in options) or "none"
    if matches:
        return f"{text!r} is the label of {' and of '.join(matches)}: write the internal value"
    hint = did_you_mean(text, [name for option in options for name in (option.label, option.value)])
    return f"the portal has no {text!r}{hint}; it has: {available}"


def _literal_kind(value: str | float | bool) -> Kind:  # noqa: FBT001 - a literal of the language
    if isinstance(value, bool):
        return Kind.YES_NO
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


def _shifted_getter(get: Getter, days: float) -> Getter:
    """Return a getter of a time some days later; at the calendar's end it stays there."""
    delta = timedelta(days=days)

    def shifted(values: Values) -> Value:
        time = get(values)
        if not isinstance(time, datetime):
            return None
        try:
            return time + delta
        except OverflowError:
            return time

    return shifted
