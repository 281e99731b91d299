"""Makes facts out of what a case gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from connector.core.bound import BoundPolicy
from connector.core.deals import Deal
from connector.core.facts import Facts, deal, facts
from connector.core.mark import wrong
from connector.core.model import STAGE, STATUS, ObjectType, Portal, Record, Ref, Version
from connector.core.values import Value, moment, number
from connector.core.yamlfile import Node, Scalar
from connector.core.yamlshape import choice, is_empty, items, scalar, section, text

PROPERTIES: Final = {
    "stage": STAGE,
    "status": STATUS,
    "email": "email",
    "domain": "domain",
    "last_conversion": "recent_conversion_event_name",
    "last_conversion_at": "recent_conversion_date",
    "conversions": "num_conversion_events",
}
"""What a case calls a property, and what HubSpot calls it."""

GIVEN: Final = (
    "type",
    "now",
    "score",
    "subscription",
    "deals",
    "company",
    "contacts",
    "properties",
    *PROPERTIES,
)
_CONTACTS: Final = ("furthest", "count")
_DEAL: Final = ("id", "state", "since", "was_won", "pipeline", "properties")
_STATES: Final = {
    "open": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
    "neither": "closedsplit",
}
_TYPES: Final = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
_NOW: Final = "2026-06-01"


def case_facts(policy: BoundPolicy, portal: Portal, given: Mapping[str, Node]) -> Facts:
    """Return the facts that a case gives, as if they had been read from the portal."""
    now = _time(given.get("now") or Scalar(_NOW, policy.policy.settings["scope"].mark), "now")
    kind = _TYPES[choice(given["type"], "type", list(_TYPES)) if "type" in given else "contact"]
    properties = dict(_properties(given, policy))
    side = policy.sides[kind]
    for name, labels in ((STAGE, side.labels), (STATUS, side.status_labels)):
        properties[name] = internal(properties.get(name, ""), labels)
    record = _record(portal, Ref(kind, "1"), properties, now)
    told = _texts(given["company"]) if "company" in given else {}
    circle = _circle_values(policy, kind, told, given)
    company = None
    if "company" in given:
        company = _record(portal, Ref(ObjectType.COMPANIES, told.pop("id", "2")), told, now)
    deals = [
        _deal(policy, portal, node, at, now)
        for at, node in enumerate(items(given["deals"], "deals") if "deals" in given else (), 1)
    ]
    found = facts(policy, record, deals, company=company, now=now)
    return replace(found, values={**found.values, **circle})


def _circle_values(
    policy: BoundPolicy, kind: ObjectType, company: dict[str, str], given: Mapping[str, Node]
) -> dict[str, Value]:
    """Return what a contact's company, or a company's contacts, say; taken out of `company`."""
    labels = policy.sides[kind].labels
    if kind is ObjectType.CONTACTS:
        stage, size = company.pop("stage", ""), number(company.pop("contacts", ""))
        return {"company.stage": internal(stage, labels) or None, "company.contacts": size}
    node = given.get("contacts")
    contacts = _texts(section(node, "contacts", known=_CONTACTS)) if node else {}
    furthest = internal(contacts.get("furthest", ""), labels)
    count = number(contacts.get("count", ""))
    return {"contacts.furthest": furthest or None, "contacts.count": count}


def internal(word: str, labels: Mapping[str, str]) -> str:
    """Return the internal value of a stage or lead status that a case may name by its label."""
    if word in labels:
        return word
    return next((one for one, label in labels.items() if label.casefold() == word.casefold()), word)


def _properties(given: Mapping[str, Node], policy: BoundPolicy) -> Iterator[tuple[str, str]]:
    for name, node in given.items():
        if name in PROPERTIES:
            yield PROPERTIES[name], _word(node, name)
        elif name in {"score", "subscription"}:
            named = getattr(policy, f"{name}_property")
            if not named:
                raise wrong(node.mark, f"a {name} is given, but `{name}.property` is not set")
            yield named, _word(node, name)
        elif name == "properties":
            yield from _texts(node).items()


def _texts(node: Node) -> dict[str, str]:
    entries = section(node, "properties").entries
    return {name: _word(value, name) for name, (_, value) in entries.items()}


def _word(node: Node, what: str) -> str:
    found = scalar(node, what)
    return "" if is_empty(found) else found.text


def _time(node: Node, what: str) -> datetime:
    found = moment(text(node, what))
    if found is None:
        raise wrong(node.mark, f"{what} is a day such as 2026-03-01, or a time")
    return found


def _record(portal: Portal, ref: Ref, given: Mapping[str, str], now: datetime) -> Record:
    """Return a record with every property that the portal defines, blank unless given."""
    blank = dict.fromkeys(portal.definitions[ref.object_type])
    return Record(
        ref=ref,
        properties={**blank, **{name: value or None for name, value in given.items()}},
        modified_at=now,
        created_at=now - timedelta(days=365),
    )


def _deal(policy: BoundPolicy, portal: Portal, node: Node, at: int, now: datetime) -> Deal:
    """Return a deal of a case, read from the record and the history that it would have."""
    entry = section(node, "a deal", known=_DEAL)
    state = choice(entry.get("state") or node, "state", list(_STATES))
    since, won, pipeline = entry.get("since"), entry.get("was_won"), entry.get("pipeline")
    its_id, more = entry.get("id"), entry.get("properties")
    given = {
        "dealstage": _STATES[state],
        "pipeline": text(pipeline, "pipeline") if pipeline else "default",
    }
    given |= _texts(more) if more else {}
    ref = Ref(ObjectType.DEALS, text(its_id, "id") if its_id else str(at))
    moves = [(_STATES["won"], won), (_STATES[state], since)]
    history = _history((stage, _time(one, stage)) for stage, one in moves if one)
    return deal(policy, _record(portal, ref, given, now), history)


def _history(moves: Iterable[tuple[str, datetime]]) -> tuple[Version, ...]:
    return tuple(Version(value=stage, at=at, source_type="CRM_UI") for stage, at in moves)
