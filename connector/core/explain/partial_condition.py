"""Put a condition into plain words where a part of it is known: what is known is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from connector.core.conditions.compile_comparison import ComparisonTest
from connector.core.conditions.compile_condition import CompiledCondition
from connector.core.conditions.tree import All, Comparison, Constant, Either, Negation, Op, Tree
from connector.core.conditions.values import Values
from connector.core.explain.comparison_text import comparison_text

_LIST_OPS: Final = {Op.IN: False, Op.MATCHES: False, Op.NOT_IN: True, Op.NOT_MATCHES: True}
"""What a comparison with an empty list says of every record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFacts:
    """What is known of the records that a condition is read for.

    `values` are facts by key. `blank` are facts that no record has, each with the setting that
    would have to name a property for them. `labels` are those of HubSpot properties.
    """

    values: Values
    blank: Mapping[str, str]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialCondition:
    """What is left of a condition: `holds` is None while it depends on the record.

    `empty_settings` names the empty settings that make it hold always or never.
    """

    holds: bool | None
    text: str = ""
    is_joined: bool = False
    empty_settings: tuple[str, ...] = ()


def partial_condition(condition: CompiledCondition, known: KnownFacts) -> PartialCondition:
    """Return a condition in plain words, without the parts that the known facts settle."""
    return _reduce(condition.tree, iter(condition.tests), known, negated=False)


def _reduce(
    tree: Tree, tests: Iterator[ComparisonTest], known: KnownFacts, *, negated: bool
) -> PartialCondition:
    match tree:
        case Constant(value):
            return PartialCondition(holds=value is not negated)
        case Negation(part):
            return _reduce(part, tests, known, negated=not negated)
        case All(parts) | Either(parts):
            # Every part takes its own tests, even where an earlier one settles the whole.
            reduced = [_reduce(part, tests, known, negated=negated) for part in parts]
            return _join(reduced, is_and=isinstance(tree, All) is not negated)
        case Comparison():
            return _comparison(next(tests), known, negated=negated)
        case _:
            assert_never(tree)


def _comparison(test: ComparisonTest, known: KnownFacts, *, negated: bool) -> PartialCondition:
    holds = _known_result(test, known)
    if holds is None:
        text = comparison_text(test, known.labels, negated=negated)
        return PartialCondition(holds=None, text=text)
    fact_keys = [term.fact.key for term in test.terms if term.fact]
    settings = [term.setting for term in test.terms if term.setting and not term.value]
    settings += [known.blank[key] for key in fact_keys if key in known.blank]
    return PartialCondition(holds=holds is not negated, empty_settings=tuple(settings))


def _known_result(test: ComparisonTest, known: KnownFacts) -> bool | None:
    """Return what a comparison says of every record that is meant, None if it depends on more."""
    fact_keys = {term.fact.key for term in test.terms if term.fact}
    # Settings and known facts alone settle it; a fact that no record has is blank.
    if fact_keys <= known.values.keys() or fact_keys & known.blank.keys():
        return test.holds(known.values)
    # An empty list of a setting holds nobody.
    if test.terms[-1].is_list and test.terms[-1].value == ():
        return _LIST_OPS.get(test.op)
    return None


def _join(parts: list[PartialCondition], *, is_and: bool) -> PartialCondition:
    """Join parts by `and` or by `or`: one may settle all, and settled ones are left out."""
    # One part that fails settles an `and`; one that holds settles an `or`.
    deciding = [part for part in parts if part.holds is (not is_and)]
    open_parts = list({part.text: part for part in parts if part.holds is None}.values())
    if deciding or not open_parts:
        settings = [name for part in deciding or parts for name in part.empty_settings]
        return PartialCondition(
            holds=is_and is not bool(deciding), empty_settings=tuple(dict.fromkeys(settings))
        )
    # Two parts that read alike, or parts that always fit, leave a single one.
    if len(open_parts) == 1:
        return open_parts[0]
    texts = [f"({part.text})" if part.is_joined else part.text for part in open_parts]
    word = "and" if is_and else "or"
    comma = "," if len(texts) > 2 else ""
    text = f"{', '.join(texts[:-1])}{comma} {word} {texts[-1]}"
    return replace(open_parts[0], text=text, is_joined=True)
