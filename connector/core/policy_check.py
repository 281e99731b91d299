"""Checks a policy without a portal: every name in its conditions and reasons is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.core.compiling import compile_condition
from connector.core.condition_tree import Condition, comparisons, names
from connector.core.mark import Problems, wrong
from connector.core.model import ObjectType
from connector.core.policy_file import Document
from connector.core.policy_form import Reason, Row, Rule
from connector.core.shadows import shadows
from connector.core.vocabularies import fixed_names, unbound_values
from connector.core.vocabulary import DEALS, Vocabulary

SCOPE_KINDS = (ObjectType.CONTACTS, ObjectType.COMPANIES)
_PROPERTIES = ("score.property", "subscription.property", "churn.mark", "follow_up.activity")


def check_offline(document: Document) -> None:
    """Raise PolicyError with everything that is wrong in a policy, whatever the portal."""
    problems = Problems()
    scope = document.settings["scope"]
    if isinstance(scope.plain, Condition):
        with problems.collecting():
            blind = _vocabulary(document, ObjectType.COMPANIES, blind="contact")
            compile_condition(scope.plain, blind, own=False)
    for rule in document.rules:
        _check_rule(document, rule, problems)
    rows = _vocabulary(document, ObjectType.CONTACTS, rows=True)
    for row in document.rows:
        _check_entry(row, rows, problems)
    for one in shadows(document.rules, document.rows, document.settings):
        if one.entry.own:
            with problems.collecting():
                raise wrong(one.entry.mark, str(one))
    problems.tell()


def _vocabulary(
    document: Document, object_type: ObjectType, *, blind: str = "", rows: bool = False
) -> Vocabulary:
    known = {**document.settings, **document.lists}
    fixed = fixed_names(known, unbound_values(known))
    return Vocabulary(object_type=object_type, fixed=fixed, blind=blind, rows=rows)


def _check_rule(document: Document, rule: Rule, problems: Problems) -> None:
    for kind in sorted(rule.kinds):
        _check_entry(rule, _vocabulary(document, kind), problems)


def _check_entry(entry: Rule | Row, vocabulary: Vocabulary, problems: Problems) -> None:
    with problems.collecting():
        compile_condition(entry.when, vocabulary, own=False)
    with problems.collecting():
        check_reason(entry.reason, vocabulary)


def check_reason(reason: Reason, vocabulary: Vocabulary) -> None:
    """Raise PolicyError where a reason names something in braces that is not known."""
    for _, name in reason.parts:
        if name and name not in vocabulary.fixed and vocabulary.fact(name) is None:
            raise wrong(reason.mark, f"in the reason: {vocabulary.unknown(name)}")


def named_properties(document: Document) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return the HubSpot properties that conditions, reasons and settings name."""
    found: dict[ObjectType, set[str]] = {one: set() for one in ObjectType}
    spaces = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
    spaces |= dict.fromkeys(DEALS, ObjectType.DEALS)
    built_in = Vocabulary(object_type=ObjectType.CONTACTS, fixed={}, rows=True, definitions={})
    for name in _dotted_names(document):
        space, _, rest = name.partition(".")
        if space in spaces and built_in.fact(name) is None:
            found[spaces[space]].add(rest)
    for setting in _PROPERTIES:
        found[ObjectType.CONTACTS].update(document.settings[setting].texts)
    return {kind: tuple(sorted(each)) for kind, each in found.items()}


def _dotted_names(document: Document) -> Iterator[str]:
    scope = document.settings["scope"].plain
    if isinstance(scope, Condition):
        yield from _asked(scope)
    entries: list[Rule | Row] = [*document.rules, *document.rows]
    for entry in entries:
        yield from names_in(entry)


def names_in(entry: Rule | Row) -> Iterator[str]:
    """Yield every name in an entry's condition and reason."""
    yield from _asked(entry.when)
    yield from (name for _, name in entry.reason.parts if name)


def _asked(condition: Condition) -> Iterator[str]:
    for comparison in comparisons(condition.tree):
        for operand in (comparison.left, comparison.right):
            yield from (one.name for one in names(operand))
