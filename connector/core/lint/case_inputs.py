"""Make the facts of a case from its `given` values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.core.binding.bound_policy import BoundPolicy
from connector.core.conditions.values import Value, parse_number, parse_time
from connector.core.deals import Deal
from connector.core.decide.facts import Facts, read_policy_deal, record_facts
from connector.core.leads import Lead, read_lead
from connector.core.model import (
    LEAD_STAGE,
    STAGE,
    STATUS,
    ObjectType,
    Portal,
    Record,
    Ref,
    Version,
)
from connector.core.problem import policy_error
from connector.core.yaml.nodes import Node, Scalar
from connector.core.yaml.values import choice, is_empty, items, scalar, section, text

PROPERTIES: Final = {
    "stage": STAGE,
    "status": STATUS,
    "email": "email",
    "domain": "domain",
    "last_conversion": "recent_conversion_event_name",
    "last_conversion_at": "recent_conversion_date",
    "first_conversion": "first_conversion_event_name",
    "conversions": "num_conversion_events",
}
"""HubSpot's name of a property by its name in cases."""

GIVEN_KEYS: Final = (
    "type",
    "now",
    "score",
    "subscription",
    "last_order",
    "deals",
    "leads",
    "company",
    "contacts",
    "properties",
    "status_by",
    "status_since",
    "stage_since",
    "stage_before",
    *PROPERTIES,
)
_WRITERS: Final = {
    "person": "CRM_UI",
    "workflow": "AUTOMATION_PLATFORM",
    "import": "IMPORT",
    "integration": "INTEGRATION",
    "connector": "INTEGRATION",
}
_CONTACTS_KEYS: Final = ("furthest", "count")
_DEAL_KEYS: Final = ("id", "state", "since", "was_won", "pipeline", "properties")
_LEAD_KEYS: Final = ("id", "stage", "since")
_DEAL_STAGES: Final = {
    "open": "contractsent",
    "won": "closedwon",
    "lost": "closedlost",
    "neither": "closedsplit",
}
_OBJECT_TYPES: Final = {"contact": ObjectType.CONTACTS, "company": ObjectType.COMPANIES}
_PROPERTY_SETTINGS: Final = {
    "score": "score.property",
    "subscription": "subscription.property",
    "last_order": "commerce.last_order",
}
_DEFAULT_NOW: Final = "2026-06-01"
_UNKNOWN_TIME: Final = datetime(9999, 1, 1, tzinfo=UTC)


def case_facts(policy: BoundPolicy, portal: Portal, given: Mapping[str, Node]) -> Facts:
    """Return the facts of a case, as if they had been read from the portal."""
    now = _time(
        given.get("now") or Scalar(_DEFAULT_NOW, policy.policy.settings["scope"].place), "now"
    )
    object_type = _OBJECT_TYPES[
        choice(given["type"], "type", list(_OBJECT_TYPES)) if "type" in given else "contact"
    ]
    properties = dict(_properties(given, policy))
    object_policy = policy.object_policies[object_type]
    for name, labels in ((STAGE, object_policy.labels), (STATUS, object_policy.status_labels)):
        properties[name] = internal_value(properties.get(name, ""), labels)
    record = replace(
        _record(portal, Ref(object_type, "1"), properties, now),
        history={
            STATUS: _status_history(given, properties),
            STAGE: _stage_history(given, properties),
        },
    )
    company_properties = _texts(given["company"]) if "company" in given else {}
    group_values = _group_values(policy, object_type, company_properties, given)
    company = None
    if "company" in given:
        company = _record(
            portal,
            Ref(ObjectType.COMPANIES, company_properties.pop("id", "2")),
            company_properties,
            now,
        )
    deals = [
        _deal(policy, portal, node, index, now)
        for index, node in enumerate(items(given["deals"], "deals") if "deals" in given else (), 1)
    ]
    leads = tuple(_leads(policy, portal, given, now))
    base_facts = record_facts(policy, record, deals, company=company, leads=leads, now=now)
    return replace(base_facts, values={**base_facts.values, **group_values})


def _group_values(
    policy: BoundPolicy, object_type: ObjectType, company: dict[str, str], given: Mapping[str, Node]
) -> dict[str, Value]:
    """Return the facts from a contact's company or a company's contacts, removed from `company`."""
    labels = policy.object_policies[object_type].labels
    if object_type is ObjectType.CONTACTS:
        stage, contact_count = company.pop("stage", ""), parse_number(company.pop("contacts", ""))
        return {
            "company.stage": internal_value(stage, labels) or None,
            "company.contacts": contact_count,
        }
    node = given.get("contacts")
    contacts = _texts(section(node, "contacts", known=_CONTACTS_KEYS)) if node else {}
    furthest = internal_value(contacts.get("furthest", ""), labels)
    count = parse_number(contacts.get("count", ""))
    return {"contacts.furthest": furthest or None, "contacts.count": count}


def internal_value(word: str, labels: Mapping[str, str]) -> str:
    """Return the internal value of a stage or lead status that a case may name by its label."""
    if word in labels:
        return word
    return next(
        (value for value, label in labels.items() if label.casefold() == word.casefold()), word
    )


def _properties(given: Mapping[str, Node], policy: BoundPolicy) -> Iterator[tuple[str, str]]:
    for name, node in given.items():
        if name in PROPERTIES:
            yield PROPERTIES[name], _text_or_blank(node, name)
        elif name in {"score", "subscription", "last_order"}:
            property_name = getattr(policy, f"{name}_property")
            if not property_name:
                raise policy_error(
                    node.place, f"a {name} is given, but `{_PROPERTY_SETTINGS[name]}` is not set"
                )
            yield property_name, _text_or_blank(node, name)
        elif name == "properties":
            yield from _texts(node).items()


def _texts(node: Node) -> dict[str, str]:
    entries = section(node, "properties").entries
    return {name: _text_or_blank(value, name) for name, (_, value) in entries.items()}


def _text_or_blank(node: Node, description: str) -> str:
    value = scalar(node, description)
    return "" if is_empty(value) else value.text


def _time(node: Node, description: str) -> datetime:
    time = parse_time(text(node, description))
    if time is None:
        raise policy_error(node.place, f"{description} is a day such as 2026-03-01, or a time")
    return time


def _record(portal: Portal, ref: Ref, properties: Mapping[str, str], now: datetime) -> Record:
    """Return a record with every property that the portal defines, blank unless given."""
    blank = dict.fromkeys(portal.definitions[ref.object_type])
    return Record(
        ref=ref,
        properties={**blank, **{name: value or None for name, value in properties.items()}},
        modified_at=now,
        created_at=now - timedelta(days=365),
    )


def _deal(policy: BoundPolicy, portal: Portal, node: Node, index: int, now: datetime) -> Deal:
    """Return a deal of a case, read from the record and the history that it would have."""
    entry = section(node, "a deal", known=_DEAL_KEYS)
    state = choice(entry.get("state") or node, "state", list(_DEAL_STAGES))
    since, was_won, pipeline = entry.get("since"), entry.get("was_won"), entry.get("pipeline")
    deal_id, extra_properties = entry.get("id"), entry.get("properties")
    properties = {
        "dealstage": _DEAL_STAGES[state],
        "pipeline": text(pipeline, "pipeline") if pipeline else "default",
    }
    properties |= _texts(extra_properties) if extra_properties else {}
    ref = Ref(ObjectType.DEALS, text(deal_id, "id") if deal_id else str(index))
    stage_times = [(_DEAL_STAGES["won"], was_won), (_DEAL_STAGES[state], since)]
    history = _history(
        (stage, _time(time_node, stage)) for stage, time_node in stage_times if time_node
    )
    return read_policy_deal(policy, _record(portal, ref, properties, now), history, now=now)


def _leads(
    policy: BoundPolicy, portal: Portal, given: Mapping[str, Node], now: datetime
) -> Iterator[Lead]:
    """Yield the leads of a case; a stage may be named by its label."""
    if "leads" not in given:
        return
    if not policy.uses_leads:
        raise policy_error(given["leads"].place, "leads are given, but no rule rests on leads")
    labels = {
        stage.id: stage.label
        for pipeline in portal.lead_pipelines or ()
        for stage in pipeline.stages
    }
    for index, node in enumerate(items(given["leads"], "leads"), 1):
        entry = section(node, "a lead", known=_LEAD_KEYS)
        stage = internal_value(text(entry.get("stage") or node, "stage"), labels)
        if stage not in labels:
            raise policy_error(node.place, f"no pipeline of leads has the stage {stage!r}")
        lead_id, since = entry.get("id"), entry.get("since")
        ref = Ref(ObjectType.LEADS, text(lead_id, "id") if lead_id else str(index))
        history = _history([(stage, _time(since, "since"))] if since else ())
        record = _record(portal, ref, {LEAD_STAGE: stage}, now)
        yield read_lead(policy.lead_stages, record, history)


def _status_history(
    given: Mapping[str, Node], properties: Mapping[str, str]
) -> tuple[Version, ...]:
    """Return who set the lead status and when, as far as a case says it.

    Without `status_by` the author is unknown, which counts as a person; without
    `status_since` the status counts as newer than every form.
    """
    by, since = given.get("status_by"), given.get("status_since")
    if not properties[STATUS] or not (by or since):
        return ()
    source = _WRITERS[choice(by, "status_by", list(_WRITERS))] if by else "CRM_UI"
    at = _time(since, "status_since") if since else _UNKNOWN_TIME
    return (Version(value=properties[STATUS], at=at, source_type=source),)


def _stage_history(given: Mapping[str, Node], properties: Mapping[str, str]) -> tuple[Version, ...]:
    """Return when the stage was entered, and which one came before, as far as a case says it."""
    since, before = given.get("stage_since"), given.get("stage_before")
    if not properties[STAGE] or not since:
        return ()
    at = _time(since, "stage_since")
    versions = [Version(value=properties[STAGE], at=at, source_type="CRM_UI")]
    if before:
        earlier = at - timedelta(days=1)
        versions.append(
            Version(value=text(before, "stage_before"), at=earlier, source_type="CRM_UI")
        )
    return tuple(versions)


def _history(stage_times: Iterable[tuple[str, datetime]]) -> tuple[Version, ...]:
    return tuple(Version(value=stage, at=at, source_type="CRM_UI") for stage, at in stage_times)
