"""Resolves the operands of a comparison: what kind they are, and how their value is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

from connector.core.condition_tree import Condition, Listing, Literal, Named, Operand, Shifted
from connector.core.mark import PolicyError, nearest, wrong
from connector.core.model import Option
from connector.core.values import Kind, Value, Values, day, domain
from connector.core.vocabulary import CLOCKS, Fact, Vocabulary
from connector.core.wording import show

Getter: TypeAlias = Callable[[Values], Value]
_MOST_DAYS: Final = 36_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One side of a comparison: a constant `value`, or whatever `get` finds in the facts.

    A constant with `several` values is a list. `clock` is set where the value moves with
    time; `days` is by how much the value is shifted.
    """

    kind: Kind
    start: int
    get: Getter | None = None
    value: Value = None
    several: bool = False
    many: bool = False
    fact: Fact | None = None
    clock: str = ""
    days: float = 0.0

    @property
    def is_constant(self) -> bool:
        """Whether it is the same in every record."""
        return self.get is None


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves the operands of one condition; `own` where a customer's file wrote it."""

    condition: Condition
    vocabulary: Vocabulary
    own: bool

    def wrong(self, start: int, message: str) -> PolicyError:
        """Return the error that says something about a place in the condition."""
        return wrong(self.condition.at(start), message)

    def term(self, operand: Operand) -> Term:
        """Return what an operand stands for; raise PolicyError for an unknown name."""
        match operand:
            case Literal(value, start):
                return Term(kind=_kind(value), start=start, value=value)
            case Listing(values, start):
                return self._listing(values, start)
            case Shifted():
                return self._shifted(operand)
            case Named():
                return self._named(operand)
            case _:
                assert_never(operand)

    def _listing(self, values: tuple[Literal, ...], start: int) -> Term:
        kinds = {_kind(one.value) for one in values}
        if len(kinds) != 1:
            raise self.wrong(start, "a list holds values of one kind, and at least one")
        found = tuple(one.value for one in values)
        return Term(kind=kinds.pop(), start=start, value=found, several=True)

    def _named(self, named: Named) -> Term:
        name = named.name
        fixed = self.vocabulary.fixed.get(name)
        if fixed:
            return Term(
                kind=fixed.kind, start=named.start, value=fixed.value, several=fixed.several
            )
        fact = self.vocabulary.fact(name)
        if fact is None:
            raise self.wrong(named.start, self.vocabulary.unknown(name))
        return Term(
            kind=fact.kind,
            start=named.start,
            get=lambda values: values.get(name),
            many=fact.many,
            fact=fact,
            clock=name if name in CLOCKS else "",
        )

    def _shifted(self, shifted: Shifted) -> Term:
        base, days = self.term(shifted.base), self.term(shifted.days)
        if base.kind not in {Kind.TIME, Kind.ANY} or base.get is None or base.many:
            raise self.wrong(base.start, "only a time can be moved, by a number of days")
        if not isinstance(days.value, float) or not abs(days.value) <= _MOST_DAYS:
            raise self.wrong(days.start, f"a number of days, at most {_MOST_DAYS}, stands here")
        moved = shifted.sign * days.value
        return replace(
            base, start=shifted.start, get=_later(base.get, moved), days=base.days + moved
        )

    def adapt(self, constant: Term, fact: Term) -> Term:
        """Return a constant as a value of the fact's kind; raise PolicyError if it is none."""
        if fact.kind is Kind.ANY or constant.kind is fact.kind:
            return constant
        if constant.several and isinstance(constant.value, tuple):
            value: Value = tuple(self._adapted(one, constant, fact) for one in constant.value)
        else:
            value = self._adapted(constant.value, constant, fact)
        return replace(constant, value=value, kind=fact.kind)

    def _adapted(self, value: Value, constant: Term, fact: Term) -> Value:
        found = self._converted(value, constant, fact)
        if found is None and value is not None:
            said = show(value, self.vocabulary.zone)
            name = fact.fact.key if fact.fact else "this"
            raise self.wrong(constant.start, f"{name} is a {fact.kind}, {said!r} is none")
        return found

    def _converted(self, value: Value, constant: Term, fact: Term) -> Value:
        if not isinstance(value, str):
            return None
        match fact.kind:
            case Kind.TIME:
                return day(value, self.vocabulary.zone)
            case Kind.DOMAIN:
                return domain(value)
            case Kind.CHOICE | Kind.CHOICES | Kind.STAGE | Kind.STATUS:
                return self._option(value, constant, fact)
            case _:
                return None

    def _option(self, value: str, constant: Term, fact: Term) -> Value:
        options = fact.fact.options if fact.fact else ()
        found = resolve(value, options) if options else value
        if found is None and self.own:
            raise self.wrong(constant.start, unknown_option(value, options))
        return found or value


def resolve(text: str, options: tuple[Option, ...]) -> str | None:
    """Return the internal value that a text names: itself, or the only option so labelled."""
    if any(one.value == text for one in options):
        return text
    label = text.strip().casefold()
    found = [one.value for one in options if one.label.strip().casefold() == label]
    return found[0] if len(found) == 1 else None


def unknown_option(text: str, options: tuple[Option, ...]) -> str:
    """Return what to say of a text that names no option, or several."""
    label = text.strip().casefold()
    same = [one.value for one in options if one.label.strip().casefold() == label]
    listed = ", ".join(f"{one.label} ({one.value})" for one in options) or "none"
    if same:
        return f"{text!r} is the label of {' and of '.join(same)}: write the internal value"
    hint = nearest(text, [word for one in options for word in (one.label, one.value)])
    return f"the portal has no {text!r}{hint}; it has: {listed}"


def _kind(value: str | float | bool) -> Kind:  # noqa: FBT001 - a literal of the language
    if isinstance(value, bool):
        return Kind.YES_NO
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER


def _later(get: Getter, days: float) -> Getter:
    """Return a getter of a time some days later; at the calendar's end it stays there."""
    delta = timedelta(days=days)

    def later(values: Values) -> Value:
        found = get(values)
        if not isinstance(found, datetime):
            return None
        try:
            return found + delta
        except OverflowError:
            return found

    return later
