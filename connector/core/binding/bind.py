"""Bind a whole policy to a portal, and name the properties that it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connector.core.binding.bound_policy import BoundPolicy, ObjectPolicy
from connector.core.binding.object_policy import bind_object_policy
from connector.core.binding.settings import (
    NAMESPACES,
    activity_property,
    bound_values,
    contract_end_reader,
    last_order_property,
    lead_stages,
    named_property,
    portal_names,
    score_property,
    texts_of,
)
from connector.core.conditions.text_patterns import TextPattern
from connector.core.conditions.values import Value
from connector.core.conditions.vocabulary import GROUP_FACTS
from connector.core.deals import DealPipelines, read_deal_pipelines
from connector.core.leads import LeadStages
from connector.core.model import (
    DECIDED_TYPES,
    LEAD_STAGE,
    STAGE,
    STATUS,
    ObjectType,
    Portal,
)
from connector.core.policy.load import Policy
from connector.core.problem import Problems
from connector.errors import UserError

__all__ = ["BoundPolicy", "bind", "needed_properties", "types_to_read"]

ADDITIONAL_EMAILS: Final = "hs_additional_emails"
"""A contact's further e-mail addresses, joined by semicolons (HubSpot's contact properties)."""

_MARK_SETTINGS: Final = {
    ObjectType.CONTACTS: "churn.mark",
    ObjectType.COMPANIES: "churn.company_mark",
}
_ALWAYS_NEEDED: Final = {
    ObjectType.CONTACTS: (
        STAGE,
        STATUS,
        "email",
        "recent_conversion_event_name",
        "recent_conversion_date",
        "num_conversion_events",
        "first_conversion_event_name",
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
    ObjectType.LEADS: (LEAD_STAGE, "hs_v2_date_entered_current_stage"),
}


def bind(policy: Policy, portal: Portal) -> BoundPolicy:
    """Return the policy bound to this portal; raise PolicyError with every name it lacks."""
    _require_readable_definitions(policy, portal)
    _require_leads(policy, portal)
    problems = Problems()
    zone = _zone(portal)
    score, subscription, activity, last_order = _properties_of_settings(policy, portal, problems)
    mark_properties = _mark_properties(policy, portal, problems)
    contract_end = None
    with problems.collecting():
        contract_end = contract_end_reader(policy.settings, portal, zone)
    stages_of_leads = LeadStages()
    with problems.collecting():
        names = portal_names(portal, ObjectType.CONTACTS)
        stages_of_leads = lead_stages(policy.settings, names)
    object_policies: dict[ObjectType, ObjectPolicy] = {}
    for object_type in DECIDED_TYPES:
        with problems.collecting():
            object_policies[object_type] = bind_object_policy(policy, portal, object_type, zone)
    problems.raise_all()
    return BoundPolicy(
        policy=policy,
        portal_id=portal.account.portal_id,
        zone=zone,
        digest=_digest(policy, portal),
        warnings=tuple(dict.fromkeys(_warnings(policy, object_policies))),
        object_policies=object_policies,
        deal_pipelines=_deal_pipelines(policy, portal),
        labels=frozenset(policy.texts("deals.labels")),
        score_property=score,
        subscription_forms=TextPattern(policy.texts("subscribed.forms")),
        subscription_property=subscription,
        mark_properties=mark_properties,
        activity_property=activity,
        last_order_property=last_order,
        contract_end=contract_end,
        churn_pipelines=frozenset(texts_of(_contact_values(policy, portal)["churn.pipelines"])),
        excluded_domains=frozenset(texts_of(_contact_values(policy, portal)["exclude.domains"])),
        uses_company_groups=any(map(_uses_company_groups, object_policies.values())),
        lead_stages=stages_of_leads,
    )


def _properties_of_settings(policy: Policy, portal: Portal, problems: Problems) -> tuple[str, ...]:
    """Return the properties of score, subscription, activity, order; "" where none is usable."""
    score = subscription = activity = last_order = ""
    with problems.collecting():
        score = score_property(policy.settings, portal)
    with problems.collecting():
        subscription = named_property("subscription.property", policy.settings, portal)
    with problems.collecting():
        activity = activity_property(policy.settings, portal)
    with problems.collecting():
        last_order = last_order_property(policy.settings, portal)
    return score, subscription, activity, last_order


def _mark_properties(policy: Policy, portal: Portal, problems: Problems) -> dict[ObjectType, str]:
    """Return the property that marks a former customer, by object type, where one is named."""
    marks: dict[ObjectType, str] = {}
    for object_type, setting in _MARK_SETTINGS.items():
        with problems.collecting():
            marks[object_type] = named_property(setting, policy.settings, portal, object_type)
    return {object_type: name for object_type, name in marks.items() if name}


def _uses_company_groups(object_policy: ObjectPolicy) -> bool:
    """Return whether a rule names a fact that needs a company together with its contacts."""
    fact_keys = {
        fact.key
        for entry in (*object_policy.rules, *object_policy.rows)
        for fact in entry.when.facts
    }
    fact_keys |= {fact.key for fact in object_policy.scope.facts} if object_policy.scope else set()
    return not GROUP_FACTS.isdisjoint(fact_keys) or any(
        rule.followed_fact for rule in object_policy.rules
    )


def _require_readable_definitions(policy: Policy, portal: Portal) -> None:
    """Raise UserError where a definition that the policy needs could not be read."""
    property_names = policy.properties()
    needed = {
        f"{object_type}.{name}"
        for object_type, always_needed in _ALWAYS_NEEDED.items()
        for name in {*always_needed, *property_names.get(object_type, ())}
    }
    unreadable_names = sorted(needed & portal.unreadable.keys())
    if unreadable_names:
        reasons = "; ".join(f"{name}: {portal.unreadable[name]}" for name in unreadable_names)
        raise UserError(
            f"The policy {policy.name} needs properties whose definitions HubSpot sends so that "
            f"they cannot be read ({reasons}): save them anew in HubSpot's property settings, then "
            "run `connector check`."
        )


def _require_leads(policy: Policy, portal: Portal) -> None:
    """Raise UserError where the policy rests on leads, and nothing is known of the portal's."""
    if policy.uses_leads and LEAD_STAGE not in portal.definitions.get(ObjectType.LEADS, {}):
        raise UserError(
            f"The policy {policy.name} rests on HubSpot's leads, and what this portal says of its "
            "leads was not read. Run `connector check`: it says whether the token may read them "
            "(`crm.objects.leads.read`); then `connector pull`. Without leads, set "
            "`lead_status.from: rules`."
        )


def _zone(portal: Portal) -> ZoneInfo:
    """Return the portal's time zone; UTC where its name is unknown."""
    try:
        return ZoneInfo(portal.account.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _deal_pipelines(policy: Policy, portal: Portal) -> DealPipelines:
    """Return the portal's deal stages, and which pipelines count."""
    values = _contact_values(policy, portal)
    return read_deal_pipelines(
        portal,
        include=texts_of(values["deals.pipelines.include"]),
        exclude=texts_of(values["deals.pipelines.exclude"]),
    )


def _contact_values(policy: Policy, portal: Portal) -> dict[str, Value]:
    return bound_values(policy.settings, portal_names(portal, ObjectType.CONTACTS))


def _warnings(policy: Policy, object_policies: Mapping[ObjectType, ObjectPolicy]) -> Iterator[str]:
    for object_policy in object_policies.values():
        if not object_policy.order:
            yield f"{object_policy.object_type} have no lifecycle stages in this portal: left alone"
            continue
        for sleeping_rule in object_policy.sleeping_rules:
            yield f"{sleeping_rule.name} sleeps: {sleeping_rule.reason}"


def _digest(policy: Policy, portal: Portal) -> str:
    """Return a digest of the policy and of everything in the portal that decisions depend on."""
    property_names = policy.properties()
    definitions = {
        f"{object_type}.{name}": asdict(definition)
        for object_type, names in property_names.items()
        for name in (*names, STAGE, STATUS)
        if (definition := portal.definitions.get(object_type, {}).get(name))
    }
    meaning = {
        "policy": policy.digest,
        "zone": portal.account.time_zone,
        "definitions": definitions,
        "pipelines": [asdict(pipeline) for pipeline in portal.pipelines],
    }
    if policy.uses_leads:
        meaning["leads"] = [asdict(pipeline) for pipeline in portal.lead_pipelines or ()]
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()


def needed_properties(policy: BoundPolicy, portal: Portal) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return the properties that the mirror has to read, limited to those the portal defines."""
    property_names = policy.policy.properties()
    needed = {
        object_type: {*always_needed, *property_names.get(object_type, ())}
        for object_type, always_needed in _ALWAYS_NEEDED.items()
    }
    needed[ObjectType.DEALS].update(policy.deal_pipelines.entered_properties.values())
    if policy.contract_end:
        owner = NAMESPACES[policy.contract_end.namespace]
        needed[owner].add(policy.contract_end.property_name)
    if policy.excluded_domains:
        needed[ObjectType.CONTACTS].add(ADDITIONAL_EMAILS)
    if policy.subscription_property:
        needed[ObjectType.COMPANIES].add(policy.subscription_property)
    return {
        object_type: tuple(
            sorted(needed[object_type] & set(portal.definitions.get(object_type, {})))
        )
        for object_type in types_to_read(policy)
    }


def types_to_read(policy: BoundPolicy) -> tuple[ObjectType, ...]:
    """Return the object types that the mirror holds, in the order in which they are read.

    Deals come first: a contact's new deal is then in the mirror before the contact is read.
    """
    leads = (ObjectType.LEADS,) if policy.uses_leads else ()
    return (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS, *leads)
