"""Lets contacts and their company follow each other: a circle is a company with its contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from connector.core.bound import BoundPolicy, Side
from connector.core.condition_terms import resolve
from connector.core.facts import Facts
from connector.core.model import ObjectType, Option
from connector.core.rules import decide
from connector.core.values import Value

LARGEST: Final = "company_sync.max_contacts"
_CAP: Final = "company_sync.companies_to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A company and the contacts whose primary company it is.

    `size` counts all its contacts; `contacts` may hold fewer where nobody asks for the rest.
    `company` is None where it is not known.
    """

    company: Facts | None
    contacts: tuple[Facts, ...]
    size: int


def closed(policy: BoundPolicy, circle: Circle) -> Circle:
    """Return the circle with what each says of the other.

    First the contacts are decided as if they had no company, so that one stage is known to which
    they would come by themselves; then the company, which may follow the furthest of them; then
    the contacts may follow the company. Doing it again changes nothing: each step only leads
    forward, and to a stage that somebody in the circle has reached already.
    """
    furthest = _furthest(policy, circle)
    size = float(circle.size)
    company = circle.company
    stage: Value = None
    if company:
        company = _with(company, {"contacts.count": size, "contacts.furthest": furthest})
        decided = decide(policy, company).stage
        stage = decided if decided in policy.sides[ObjectType.CONTACTS].named else None
    told: dict[str, Value] = {"company.contacts": size, "company.stage": stage}
    contacts = tuple(_with(one, told) for one in circle.contacts)
    return Circle(company=company, contacts=contacts, size=circle.size)


def _with(facts: Facts, more: dict[str, Value]) -> Facts:
    return replace(facts, values={**facts.values, **more})


def _furthest(policy: BoundPolicy, circle: Circle) -> str | None:
    """Return the furthest stage to which contacts come by themselves, up to the limit."""
    path = policy.sides[ObjectType.CONTACTS].path
    named = policy.sides[ObjectType.COMPANIES].named
    stages = {decide(policy, one).stage for one in circle.contacts} & named
    found = max((one for one in stages if one in path), key=path.__getitem__, default=None)
    cap = _cap(policy, policy.sides[ObjectType.COMPANIES])
    if found and cap in path and path[found] > path[cap]:
        return cap
    return found


def _cap(policy: BoundPolicy, side: Side) -> str:
    options = [Option(value=one, label=label, order=0) for one, label in side.labels.items()]
    word = policy.policy.texts(_CAP)[0]
    return resolve(word, tuple(options)) or word


def is_small(policy: BoundPolicy, size: int) -> bool:
    """Whether a company has so few contacts that they may follow each other."""
    return size <= policy.policy.number(LARGEST)


def asks_contacts(policy: BoundPolicy) -> bool:
    """Whether a company's decision rests on those of its contacts."""
    side: Sequence[str] = [
        fact.key for one in policy.sides[ObjectType.COMPANIES].rules for fact in one.when.facts
    ]
    return "contacts.furthest" in side
