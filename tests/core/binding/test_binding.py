"""Binding a policy to a portal: labels, orders, sleeping rules, needed properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from connector.config import presets
from connector.core.binding.bind import bind, needed_properties
from connector.core.decide.decision import decide
from connector.core.lint.default_portal import STAGES, STATUSES, default_portal, definition
from connector.core.model import Account, ObjectType, Portal
from connector.core.problem import PolicyError
from tests.core.builders import (
    bind_policy,
    company,
    contact,
    facts_about,
    lost_deal,
    open_deal,
    parse_policy,
    portal,
    won_deal,
)

_T = TypeVar("_T")

GERMAN_STAGES = {
    "subscriber": "Abonnent",
    "lead": "Interessent",
    "marketingqualifiedlead": "MQL",
    "salesqualifiedlead": "SQL",
    "opportunity": "Chance",
    "customer": "Kunde",
    "51439524": "Ehemaliger Kunde",
    "evangelist": "Fürsprecher",
    "other": "Sonstige",
}


def _without_keys(mapping: Mapping[str, _T], *keys: str) -> dict[str, _T]:
    return {name: value for name, value in mapping.items() if name not in keys}


def test_stages_may_be_named_by_the_portals_own_labels() -> None:
    text = (
        "extends: standard\nsettings:\n  default_stage: abonnent\n"
        "  parked: [Sonstige, Ehemaliger Kunde]\n  aliases: {MQL: Interessent}\n"
        "rules:\n  - name: mine\n    when: stage == 'Fürsprecher'\n"
        "    stage: KUNDE\n    direction: any\n    reason: x\n"
    )
    bound_policy = bind_policy(text, portal(stages=GERMAN_STAGES))
    assert decide(bound_policy, facts_about(bound_policy, contact())).stage == "subscriber"
    assert (
        decide(bound_policy, facts_about(bound_policy, contact("evangelist"))).stage == "customer"
    )
    assert (
        decide(bound_policy, facts_about(bound_policy, contact("marketingqualifiedlead"))).stage
        == "lead"
    )
    assert decide(bound_policy, facts_about(bound_policy, contact("51439524"))).rule == "keep"


def test_a_presets_default_that_the_portal_lacks_makes_its_row_sleep_with_a_warning() -> None:
    incomplete_portal = portal(
        statuses=_without_keys(STATUSES, "BAD_TIMING"), stages=_without_keys(STAGES, "lead")
    )
    bound_policy = bind(presets.load_preset("standard"), incomplete_portal)
    assert bound_policy.warnings == (
        "converted sleeps: the portal has no stage 'lead'",
        "blank sleeps: the portal has no stage 'lead' (setting default_stage)",
        "status-after-loss sleeps: the portal has no lead status 'BAD_TIMING' "
        "(setting after_lost.lead_status)",
    )
    assert decide(bound_policy, facts_about(bound_policy, contact())).stage == ""


def test_a_presets_rule_that_asks_for_a_property_which_the_portal_lacks_sleeps() -> None:
    property_name = "engagements_last_meeting_booked"
    full_portal = portal()
    contact_definitions = _without_keys(full_portal.definitions[ObjectType.CONTACTS], property_name)
    incomplete_portal = replace(
        full_portal,
        definitions={**full_portal.definitions, ObjectType.CONTACTS: contact_definitions},
    )
    text = "extends: lead-score\nsettings: {score: {property: score}}"
    bound_policy = bind_policy(text, incomplete_portal)
    assert bound_policy.warnings == (
        f"score-action sleeps: the portal has no property contact.{property_name}",
    )
    assert (
        decide(bound_policy, facts_about(bound_policy, contact("lead", score="100"))).rule
        == "handover"
    )
    own_rule = f"{{name: mine, when: contact.{property_name} is blank, stage: lead, reason: x}}"
    with pytest.raises(PolicyError, match="contact has no property 'engagements_last_meeting"):
        bind_policy(f"extends: standard\nrules: [{own_rule}]", incomplete_portal)


def test_what_a_presets_row_does_not_use_may_be_missing() -> None:
    incomplete_portal = portal(statuses=_without_keys(STATUSES, "OPEN_DEAL"))
    assert (
        bind_policy("extends: standard\nsettings: {on_deal: blank}", incomplete_portal).warnings
        == ()
    )
    assert "OPEN_DEAL" in bind_policy("extends: standard", incomplete_portal).warnings[0]


def test_a_rule_that_leads_to_a_stage_that_the_policy_does_not_name_sleeps() -> None:
    text = "extends: standard\nsettings: {stages: [lead, opportunity, customer]}"
    bound_policy = bind_policy(text)
    assert (
        "handover sleeps: the stage 'salesqualifiedlead' is not among `stages`"
        in bound_policy.warnings
    )
    assert (
        decide(bound_policy, facts_about(bound_policy, contact("evangelist"))).rule
        == "unknown-stage"
    )


def test_a_stage_that_an_own_rule_names_is_named() -> None:
    own_rule = "{name: mine, when: never, stage: '51439524', reason: x}"
    bound_policy = bind_policy(
        f"extends: standard\nrules: [{own_rule}]", portal(stages=GERMAN_STAGES)
    )
    assert decide(bound_policy, facts_about(bound_policy, contact("51439524"))).rule == "keep"


def test_a_portal_without_stages_for_companies_leaves_them_alone() -> None:
    full_portal = portal()
    portal_without_company_stages = replace(
        full_portal, definitions={**full_portal.definitions, ObjectType.COMPANIES: {}}
    )
    text = "extends: standard\nsettings: {default_stage: lead, aliases: {subscriber: lead}}"
    bound_policy = bind_policy(text, portal_without_company_stages)
    assert bound_policy.warnings == (
        "companies have no lifecycle stages in this portal: left alone",
    )
    assert (
        decide(bound_policy, facts_about(bound_policy, company("customer"))).rule == "unknown-stage"
    )
    assert decide(bound_policy, facts_about(bound_policy, company())).corrections == ()


def test_contacts_without_a_lead_status_property_are_decided_without_it() -> None:
    full_portal = portal()
    contact_definitions = dict(full_portal.definitions[ObjectType.CONTACTS])
    del contact_definitions["hs_lead_status"]
    portal_without_lead_status = replace(
        full_portal,
        definitions={**full_portal.definitions, ObjectType.CONTACTS: contact_definitions},
    )
    bound_policy = bind_policy("extends: standard", portal_without_lead_status)
    decision = decide(bound_policy, facts_about(bound_policy, contact("lead"), won_deal()))
    assert [correction.property_name for correction in decision.corrections] == ["lifecyclestage"]


@pytest.mark.parametrize("mode", ["primary", "roll-up", "both"])
def test_company_sync_joins_contacts_with_their_companies(mode: str) -> None:
    bound_policy = bind_policy(f"extends: standard\nsettings: {{company_sync: {{mode: {mode}}}}}")
    assert bound_policy.uses_company_groups
    assert bound_policy.warnings == ()


def test_without_company_sync_nobody_looks_at_companies() -> None:
    assert not bind_policy("extends: standard").uses_company_groups


def _needed_properties(
    hubspot_portal: Portal, text: str = "extends: standard"
) -> dict[ObjectType, tuple[str, ...]]:
    return dict(needed_properties(bind_policy(text, hubspot_portal), hubspot_portal))


def test_the_mirror_asks_only_for_what_the_portal_defines_and_the_policy_needs() -> None:
    assert _needed_properties(portal()) == {
        ObjectType.CONTACTS: (
            "associatedcompanyid",
            "email",
            "first_conversion_event_name",
            "hs_lead_status",
            "hubspot_owner_id",
            "lifecyclestage",
            "num_conversion_events",
            "recent_conversion_date",
            "recent_conversion_event_name",
        ),
        ObjectType.COMPANIES: ("domain", "hubspot_owner_id", "lifecyclestage"),
        ObjectType.DEALS: (
            "closedate",
            "dealstage",
            "hs_is_closed",
            "hs_is_closed_won",
            "hs_v2_date_entered_closedlost",
            "hs_v2_date_entered_current_stage",
            "pipeline",
        ),
    }


def test_the_mirror_asks_for_what_conditions_name() -> None:
    text = (
        "extends: standard\nsettings: {score: {property: score}}\n"
        "rules: [{name: a, when: company.contract_end < today and deal.amount > 3, "
        "stage: lead, reason: x}]"
    )
    needed = _needed_properties(portal(), text)
    assert "score" in needed[ObjectType.CONTACTS]
    assert "contract_end" in needed[ObjectType.COMPANIES]
    assert "amount" in needed[ObjectType.DEALS]


def test_the_digest_changes_with_what_the_policy_uses_of_the_portal() -> None:
    digests = {
        bind_policy().digest,
        bind_policy("extends: standard").digest,
        bind_policy(in_portal=portal(stages=GERMAN_STAGES)).digest,
        bind_policy(in_portal=portal(statuses=_without_keys(STATUSES, "OPEN"))).digest,
        bind_policy(in_portal=portal(time_zone="UTC")).digest,
        bind_policy(in_portal=replace(portal(), pipelines=())).digest,
    }
    assert len(digests) == 6
    assert bind_policy().digest == bind_policy().digest
    assert bind_policy().name == "policy"


@pytest.mark.parametrize("zone", ["Nowhere/Here", "", "../etc"])
def test_an_unknown_time_zone_is_taken_for_utc(zone: str) -> None:
    portal_in_unknown_zone = replace(portal(), account=Account(portal_id="1", time_zone=zone))
    assert bind_policy(in_portal=portal_in_unknown_zone).zone.key == "UTC"


def test_problems_of_all_settings_are_told_at_once() -> None:
    text = (
        "extends: standard\nsettings:\n  default_stage: leed\n  score: {property: scor}\n"
        "  after_won: Gewonnen\n"
    )
    with pytest.raises(PolicyError) as error:
        bind_policy(text)
    assert [problem.place.line for problem in error.value.problems] == [3, 4, 5]


def test_a_policy_with_own_wrong_conditions_is_refused_with_each_place() -> None:
    text = (
        "extends: standard\nsettings: {scope: contact.vip > 3}\n"
        "rules: [{name: a, for: both, when: deals.open > 0 and company.size == 'x', "
        "stage: lead, reason: '{company.siz}'}]"
    )
    with pytest.raises(PolicyError) as error:
        bind_policy(text)
    assert str(error.value).splitlines() == [
        "policy.yaml:2:19: contact.vip is a yes or no: `>` does not fit",
        "policy.yaml:3:55: company has no property 'size'",
        "policy.yaml:3:97: in the reason: company has no property 'siz'",
    ]


def test_labels_and_deal_states_are_at_hand() -> None:
    bound_policy = bind_policy("extends: standard\nsettings: {deals: {labels: [Decision maker]}}")
    assert bound_policy.labels == {"Decision maker"}
    assert [
        deal.state
        for deal in facts_about(bound_policy, contact(), lost_deal("1"), open_deal("2")).deals
    ] == [
        "lost",
        "open",
    ]
    assert parse_policy().texts("score.property") == (
        bound_policy.policy.texts("score.property") or ("score",)
    )


def test_additional_addresses_are_mirrored_while_a_domain_is_excluded() -> None:
    name = "hs_additional_emails"
    extra = {ObjectType.CONTACTS: [definition(name)], ObjectType.COMPANIES: []}
    in_portal = default_portal(extra_properties=extra)
    excluding = bind_policy("extends: standard\nsettings: {exclude: {domains: [own.example]}}\n")
    assert name in needed_properties(excluding, in_portal)[ObjectType.CONTACTS]
    assert name not in needed_properties(bind_policy(), in_portal)[ObjectType.CONTACTS]
