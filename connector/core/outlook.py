"""Tells in plain words what would change a decision."""

from __future__ import annotations

from collections.abc import Iterator

from connector.core.bound import BoundPolicy, BoundRule
from connector.core.course import Course
from connector.core.facts import Facts
from connector.core.model import Portal
from connector.core.plain import clauses, property_names
from connector.core.rules import decide, left_alone
from connector.core.wording import date


def outlook(policy: BoundPolicy, portal: Portal, facts: Facts) -> Iterator[str]:
    """Yield what would lead a record elsewhere: evidence that rules before the winner miss.

    Rules that ask for another stage than the record has are passed over: nobody brings that
    about by evidence.
    """
    side = policy.sides[facts.record.object_type]
    if not left_alone(side, facts):
        course = Course(side, facts, frozenset())
        course.settle()
        names = property_names(portal)
        for rule in side.rules:
            if rule is course.winner:
                break
            target = course.target(rule)
            missing = _missing(rule, course, names)
            if target != course.stage and missing:
                yield f"{side.labels[target]}, if {missing} ({rule.name})"
    due_at = decide(policy, facts).due_at
    if due_at:
        yield f"on {date(due_at, policy.zone)} time alone may change it"


def _missing(rule: BoundRule, course: Course, names: dict[str, str]) -> str:
    """Return which parts of a rule's condition do not hold, "" where the stage is one."""
    parts = [one for one in clauses(rule.when, names) if not one.holds(course.values)]
    if any(test.terms[-1].value == () for one in parts for test in one.tests):
        return ""  # nothing is in an empty list
    asked = {
        term.fact.key for one in parts for test in one.tests for term in test.terms if term.fact
    }
    return "" if "stage" in asked else " and ".join(one.words for one in parts)
