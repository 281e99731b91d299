"""Check without a portal that every name in a policy's conditions and reasons is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from connector.core.conditions.compile_condition import compile_condition
from connector.core.conditions.tree import Condition, comparisons, dotted_names
from connector.core.conditions.vocabulary import DEALS, LEAD_FACTS, Vocabulary
from connector.core.model import ALWAYS_READ_TYPES, ObjectType
from connector.core.policy.document import Document
from connector.core.policy.rule import Reason, Row, Rule
from connector.core.policy.setting_names import fixed_names, unbound_values
from connector.core.policy.shadows import find_shadowed_rules
from connector.core.problem import Problems, policy_error

_PROPERTY_SETTINGS = (
    "score.property",
    "subscription.property",
    "churn.mark",
    "follow_up.activity",
    "commerce.last_order",
)
_COMPANY_MARK = "churn.company_mark"


def check_offline(document: Document) -> None:
    """Raise PolicyError with every problem of a policy that does not depend on a portal."""
    problems = Problems()
    # The scope holds for companies too, which have no contact's properties.
    scope = document.settings["scope"]
    if isinstance(scope.plain_value, Condition):
        with problems.collecting():
            company_vocabulary = _vocabulary(
                document, ObjectType.COMPANIES, missing_namespace="contact"
            )
            compile_condition(scope.plain_value, company_vocabulary, own=False)
    # Only contacts are followed up.
    fit = document.settings["follow_up.fit"].plain_value
    if isinstance(fit, Condition):
        with problems.collecting():
            compile_condition(fit, _vocabulary(document, ObjectType.CONTACTS), own=False)
    for rule in document.rules:
        _check_rule(document, rule, problems)
    row_vocabulary = _vocabulary(document, ObjectType.CONTACTS, for_rows=True)
    for row in document.rows:
        _check_entry(row, row_vocabulary, problems)
    # A rule of one's own that can never win is a mistake; a preset's is made so on purpose.
    for shadowed in find_shadowed_rules(document.rules, document.rows, document.settings):
        if shadowed.entry.own:
            with problems.collecting():
                raise policy_error(shadowed.entry.place, str(shadowed))
    problems.raise_all()


def _vocabulary(
    document: Document,
    object_type: ObjectType,
    *,
    missing_namespace: str = "",
    for_rows: bool = False,
) -> Vocabulary:
    known = {**document.settings, **document.lists}
    fixed_by_name = fixed_names(known, unbound_values(known))
    return Vocabulary(
        object_type=object_type,
        fixed_names=fixed_by_name,
        missing_namespace=missing_namespace,
        for_rows=for_rows,
    )


def _check_rule(document: Document, rule: Rule, problems: Problems) -> None:
    for object_type in sorted(rule.object_types):
        _check_entry(rule, _vocabulary(document, object_type), problems)


def _check_entry(entry: Rule | Row, vocabulary: Vocabulary, problems: Problems) -> None:
    with problems.collecting():
        compile_condition(entry.when, vocabulary, own=False)
    with problems.collecting():
        check_reason(entry.reason, vocabulary)


def check_reason(reason: Reason, vocabulary: Vocabulary) -> None:
    """Raise PolicyError where a reason names something in braces that is not known."""
    for _, name in reason.parts:
        if name and name not in vocabulary.fixed_names and vocabulary.fact(name) is None:
            raise policy_error(
                reason.place, f"in the reason: {vocabulary.unknown_name_message(name)}"
            )


def named_properties(document: Document) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return the HubSpot properties that conditions, reasons and settings name."""
    names_by_object_type: dict[ObjectType, set[str]] = {
        object_type: set() for object_type in ALWAYS_READ_TYPES
    }
    object_types = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
    object_types |= dict.fromkeys(DEALS, ObjectType.DEALS)
    built_in = Vocabulary(
        object_type=ObjectType.CONTACTS, fixed_names={}, for_rows=True, definitions={}
    )
    for name in _all_names(document):
        namespace, _, property_name = name.partition(".")
        if namespace in object_types and built_in.fact(name) is None:
            names_by_object_type[object_types[namespace]].add(property_name)
    for setting in _PROPERTY_SETTINGS:
        names_by_object_type[ObjectType.CONTACTS].update(document.settings[setting].texts)
    names_by_object_type[ObjectType.COMPANIES].update(document.settings[_COMPANY_MARK].texts)
    return {
        object_type: tuple(sorted(property_names))
        for object_type, property_names in names_by_object_type.items()
    }


def asks_for_leads(document: Document) -> bool:
    """Return whether decisions rest on HubSpot's leads.

    They do where `lead_status.from` says so, and where an entry of one's own, the scope or
    `follow_up.fit` names a fact of leads. Rows of a preset sleep until the setting asks for them.
    """
    if document.settings["lead_status.from"].texts == ("leads",):
        return True
    rules = [entry for entry in document.rules if entry.own]
    rows = [entry for entry in document.rows if entry.own]
    names = set(_all_names(replace(document, rules=tuple(rules), rows=tuple(rows))))
    names |= {word.text.removeprefix("$") for row in rows for word in row.lead_status.words}
    return not LEAD_FACTS.isdisjoint(names)


def _all_names(document: Document) -> Iterator[str]:
    for setting in ("scope", "follow_up.fit"):
        condition = document.settings[setting].plain_value
        if isinstance(condition, Condition):
            yield from _condition_names(condition)
    entries: list[Rule | Row] = [*document.rules, *document.rows]
    for entry in entries:
        yield from names_in(entry)


def names_in(entry: Rule | Row) -> Iterator[str]:
    """Yield every name in an entry's condition and reason."""
    yield from _condition_names(entry.when)
    yield from (name for _, name in entry.reason.parts if name)


def _condition_names(condition: Condition) -> Iterator[str]:
    for comparison in comparisons(condition.tree):
        for operand in (comparison.left, comparison.right):
            yield from (dotted_name.name for dotted_name in dotted_names(operand))
