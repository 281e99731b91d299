"""Binds a policy to a portal: labels become internal values, conditions become functions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.core.bound import BoundPolicy, Side
from connector.core.bound_settings import (
    activity_property,
    bound_values,
    named_property,
    names_of,
    score_property,
)
from connector.core.bound_side import bind_side
from connector.core.deals import DealBook, deal_book
from connector.core.mark import Problems
from connector.core.model import STAGE, STATUS, ObjectType, Portal
from connector.core.policy import Policy
from connector.core.values import Value
from connector.core.vocabulary import CIRCLE

__all__ = ["BoundPolicy", "bind", "needed_properties"]

_FIXED: Final = {
    ObjectType.CONTACTS: (
        STAGE,
        STATUS,
        "email",
        "recent_conversion_event_name",
        "recent_conversion_date",
        "num_conversion_events",
        "associatedcompanyid",
        "hubspot_owner_id",
        "hs_v2_date_entered_current_stage",
    ),
    ObjectType.COMPANIES: (
        STAGE,
        "domain",
        "hubspot_owner_id",
        "hs_v2_date_entered_current_stage",
    ),
    ObjectType.DEALS: (
        "dealstage",
        "pipeline",
        "closedate",
        "hs_is_closed",
        "hs_is_closed_won",
        "hs_v2_date_entered_current_stage",
    ),
}


def bind(policy: Policy, portal: Portal) -> BoundPolicy:
    """Return the policy as it is meant in this portal; raise PolicyError where it cannot be."""
    problems = Problems()
    zone = _zone(portal)
    score, subscription, mark, activity = _properties(policy, portal, problems)
    sides: dict[ObjectType, Side] = {}
    for kind in (ObjectType.CONTACTS, ObjectType.COMPANIES):
        with problems.collecting():
            sides[kind] = bind_side(policy, portal, kind, zone)
    problems.tell()
    return BoundPolicy(
        policy=policy,
        portal_id=portal.account.portal_id,
        zone=zone,
        digest=_digest(policy, portal),
        warnings=tuple(dict.fromkeys(_warnings(policy, sides))),
        sides=sides,
        book=_book(policy, portal),
        labels=frozenset(policy.texts("deals.labels")),
        score_property=score,
        subscription_property=subscription,
        mark_property=mark,
        activity_property=activity,
        in_circles=any(map(_in_circles, sides.values())),
    )


def _properties(policy: Policy, portal: Portal, problems: Problems) -> tuple[str, ...]:
    """Return the properties of score, subscription, mark, activity; "" for none, or a wrong one."""
    score = subscription = mark = activity = ""
    with problems.collecting():
        score = score_property(policy.settings, portal)
    with problems.collecting():
        subscription = named_property("subscription.property", policy.settings, portal)
    with problems.collecting():
        mark = named_property("churn.mark", policy.settings, portal)
    with problems.collecting():
        activity = activity_property(policy.settings, portal)
    return score, subscription, mark, activity


def _in_circles(side: Side) -> bool:
    """Whether a rule asks for what only companies and their contacts together tell."""
    asked = {fact.key for one in (*side.rules, *side.rows) for fact in one.when.facts}
    asked |= {fact.key for fact in side.scope.facts} if side.scope else set()
    return not CIRCLE.isdisjoint(asked) or any(one.follows for one in side.rules)


def _zone(portal: Portal) -> ZoneInfo:
    """Return the portal's time zone; UTC where nobody knows its name."""
    try:
        return ZoneInfo(portal.account.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _book(policy: Policy, portal: Portal) -> DealBook:
    """Return what the pipelines say, and which of them count."""
    values = bound_values(policy.settings, names_of(portal, ObjectType.CONTACTS))
    return deal_book(
        portal,
        include=_texts(values["deals.pipelines.include"]),
        exclude=_texts(values["deals.pipelines.exclude"]),
    )


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, tuple) else ()


def _warnings(policy: Policy, sides: Mapping[ObjectType, Side]) -> Iterator[str]:
    for side in sides.values():
        if not side.order:
            yield f"{side.object_type} have no lifecycle stages in this portal: left alone"
            continue
        for sleeper in side.sleepers:
            yield f"{sleeper.name} sleeps: {sleeper.why}"


def _digest(policy: Policy, portal: Portal) -> str:
    """Return a digest of the policy, and of what a decision can depend on in the portal."""
    named = policy.properties()
    definitions = {
        f"{kind}.{name}": asdict(definition)
        for kind, names in named.items()
        for name in (*names, STAGE, STATUS)
        if (definition := portal.definitions.get(kind, {}).get(name))
    }
    meaning = {
        "policy": policy.digest,
        "zone": portal.account.time_zone,
        "definitions": definitions,
        "pipelines": [asdict(one) for one in portal.pipelines],
    }
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def needed_properties(policy: BoundPolicy, portal: Portal) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return which properties the mirror has to ask for: only ones that the portal defines."""
    named = policy.policy.properties()
    wanted = {kind: {*fixed, *named[kind]} for kind, fixed in _FIXED.items()}
    wanted[ObjectType.DEALS].update(policy.book.entered.values())
    return {
        kind: tuple(sorted(names & set(portal.definitions.get(kind, {}))))
        for kind, names in wanted.items()
    }
