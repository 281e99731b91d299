"""Lets contacts and their company follow each other: a circle is a company with its contacts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from connector.core.bound import BoundPolicy, BoundRule, Side
from connector.core.condition_terms import resolve
from connector.core.facts import Facts
from connector.core.model import ObjectType, Option, Ref
from connector.core.rules import Decision, decide
from connector.core.values import Value
from connector.core.vocabulary import FOLLOWED

LARGEST: Final = "company_sync.max_contacts"
_CAP: Final = "company_sync.companies_to"

Pinned: TypeAlias = Mapping[Ref, frozenset[str]]
"""Which properties of whom stay as they are, because they are held."""

NOBODY: Final[Pinned] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A company and the contacts whose primary company it is.

    `size` counts all its contacts; `contacts` may hold fewer where nobody asks for the rest.
    `company` is None where it is not known.
    """

    company: Facts | None
    contacts: tuple[Facts, ...]
    size: int


def closed(policy: BoundPolicy, circle: Circle, pinned: Pinned = NOBODY) -> Circle:
    """Return the circle with what each says of the other.

    First the contacts are decided as if they had no company, so that one stage is known to which
    they would come by themselves; then the company, which may follow the furthest of them; then
    the contacts may follow the company. Doing it again changes nothing: each step only leads
    forward, and to a stage that somebody in the circle has reached already. Whose stage is
    `pinned` is followed where it really is.
    """
    furthest = _furthest(policy, circle, pinned)
    size = float(circle.size)
    company = circle.company
    stage: Value = None
    if company:
        company = _with(company, {"contacts.count": size, "contacts.furthest": furthest})
        decided = _stage(policy, company, pinned)
        stage = decided if decided in policy.sides[ObjectType.CONTACTS].named else None
    told: dict[str, Value] = {"company.contacts": size, "company.stage": stage}
    contacts = tuple(_with(one, told) for one in circle.contacts)
    return Circle(company=company, contacts=contacts, size=circle.size)


def _stage(policy: BoundPolicy, facts: Facts, pinned: Pinned) -> str:
    return decide(policy, facts, pinned=pinned.get(facts.record, frozenset())).stage


def _with(facts: Facts, more: dict[str, Value]) -> Facts:
    return replace(facts, values={**facts.values, **more})


def _furthest(policy: BoundPolicy, circle: Circle, pinned: Pinned) -> str | None:
    """Return the furthest stage to which contacts come by themselves, up to the limit."""
    path = policy.sides[ObjectType.CONTACTS].path
    named = policy.sides[ObjectType.COMPANIES].named
    stages = {_stage(policy, one, pinned) for one in circle.contacts} & named
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
    rules = policy.sides[ObjectType.COMPANIES].rules
    return any(_asks(one) for one in rules)


def rests_on_others(side: Side, decision: Decision) -> bool:
    """Whether a rule that won asked where the others in the circle should be."""
    return any(_asks(one) for one in side.rules if one.name in decision.rules)


def _asks(rule: BoundRule) -> bool:
    return not {*FOLLOWED}.isdisjoint(fact.key for fact in rule.when.facts)
