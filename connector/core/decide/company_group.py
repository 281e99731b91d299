"""Add the facts by which a company and its contacts follow each other's stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from connector.core.binding.bound_policy import BoundPolicy, BoundRule, ObjectPolicy
from connector.core.conditions.operands import option_value
from connector.core.conditions.values import Value
from connector.core.conditions.vocabulary import FOLLOWED_FACTS
from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import Facts
from connector.core.model import ObjectType, Option, Ref

MAX_CONTACTS: Final = "company_sync.max_contacts"
_COMPANY_STAGE_LIMIT: Final = "company_sync.companies_to"

PinnedProperties: TypeAlias = Mapping[Ref, frozenset[str]]
"""The held properties of each record, which stay as they are."""

NONE_PINNED: Final[PinnedProperties] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyGroup:
    """A company and the contacts whose primary company it is.

    `contact_count` counts all its contacts; `contacts` may be fewer where the others do not
    matter.
    `company` is None where it is not known.
    """

    company: Facts | None
    contacts: tuple[Facts, ...]
    contact_count: int


def add_group_values(
    policy: BoundPolicy, group: CompanyGroup, pinned: PinnedProperties = NONE_PINNED
) -> CompanyGroup:
    """Return the group with the facts that each member gets from the others.

    First the contacts are decided as if they had no company, which gives the stage that each
    reaches alone. Then the company is decided, which may follow the furthest contact. Then the
    contacts may follow the company. A second pass changes nothing: each step only moves forward,
    to a stage that a member of the group has already reached. A record whose stage is `pinned`
    is followed to the stage that it keeps.
    """
    furthest = _furthest_stage(policy, group, pinned)
    contact_count = float(group.contact_count)
    company = group.company
    stage: Value = None
    if company:
        company = _with_values(
            company, {"contacts.count": contact_count, "contacts.furthest": furthest}
        )
        decided_stage = _decided_stage(policy, company, pinned)
        stage = (
            decided_stage
            if decided_stage in policy.object_policies[ObjectType.CONTACTS].named_stages
            else None
        )
    company_values: dict[str, Value] = {"company.contacts": contact_count, "company.stage": stage}
    contacts = tuple(_with_values(contact, company_values) for contact in group.contacts)
    return CompanyGroup(company=company, contacts=contacts, contact_count=group.contact_count)


def _decided_stage(policy: BoundPolicy, facts: Facts, pinned: PinnedProperties) -> str:
    return decide(policy, facts, pinned=pinned.get(facts.record, frozenset())).stage


def _with_values(facts: Facts, extra_values: dict[str, Value]) -> Facts:
    return replace(facts, values={**facts.values, **extra_values})


def _furthest_stage(
    policy: BoundPolicy, group: CompanyGroup, pinned: PinnedProperties
) -> str | None:
    """Return the furthest stage that contacts reach alone, up to the limit."""
    path = policy.object_policies[ObjectType.CONTACTS].path
    named = policy.object_policies[ObjectType.COMPANIES].named_stages
    stages = {_decided_stage(policy, contact, pinned) for contact in group.contacts} & named
    furthest = max((stage for stage in stages if stage in path), key=path.__getitem__, default=None)
    limit = _company_stage_limit(policy, policy.object_policies[ObjectType.COMPANIES])
    if furthest and limit in path and path[furthest] > path[limit]:
        return limit
    return furthest


def _company_stage_limit(policy: BoundPolicy, object_policy: ObjectPolicy) -> str:
    options = [
        Option(value=value, label=label, order=0) for value, label in object_policy.labels.items()
    ]
    word = policy.policy.texts(_COMPANY_STAGE_LIMIT)[0]
    return option_value(word, tuple(options)) or word


def is_small(policy: BoundPolicy, contact_count: int) -> bool:
    """Return whether a company has so few contacts that they may follow each other."""
    return contact_count <= policy.policy.number(MAX_CONTACTS)


def depends_on_contacts(policy: BoundPolicy) -> bool:
    """Return whether a company's decision rests on those of its contacts."""
    rules = policy.object_policies[ObjectType.COMPANIES].rules
    return any(_follows_group(rule) for rule in rules)


def depends_on_group(object_policy: ObjectPolicy, decision: Decision) -> bool:
    """Return whether a rule that won used the stage of another member of the group."""
    return any(_follows_group(rule) for rule in object_policy.rules if rule.name in decision.rules)


def _follows_group(rule: BoundRule) -> bool:
    return not {*FOLLOWED_FACTS}.isdisjoint(fact.key for fact in rule.when.facts)
