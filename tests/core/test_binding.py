"""What a policy becomes in a portal: labels, orders, what sleeps, what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import pytest

from connector import presets
from connector.core.binding import bind, needed_properties
from connector.core.default_portal import STAGES, STATUSES
from connector.core.mark import PolicyError
from connector.core.model import Account, ObjectType, Portal
from connector.core.rules import decide
from tests.core.givens import bound, company, contact, known, lost, opened, policy, portal, won

_T = TypeVar("_T")

GERMAN = {
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


def _without(known: Mapping[str, _T], *gone: str) -> dict[str, _T]:
    return {name: one for name, one in known.items() if name not in gone}


def test_stages_may_be_named_by_the_portals_own_labels() -> None:
    text = (
        "extends: standard\nsettings:\n  default_stage: abonnent\n"
        "  parked: [Sonstige, Ehemaliger Kunde]\n  aliases: {MQL: Interessent}\n"
        "rules:\n  - name: mine\n    when: stage == 'Fürsprecher'\n"
        "    stage: KUNDE\n    direction: any\n    reason: x\n"
    )
    to = bound(text, portal(stages=GERMAN))
    assert decide(to, known(to, contact())).stage == "subscriber"
    assert decide(to, known(to, contact("evangelist"))).stage == "customer"
    assert decide(to, known(to, contact("marketingqualifiedlead"))).stage == "lead"
    assert decide(to, known(to, contact("51439524"))).rule == "keep"


def test_a_presets_default_that_the_portal_lacks_makes_its_row_sleep_with_a_warning() -> None:
    lacking = portal(statuses=_without(STATUSES, "BAD_TIMING"), stages=_without(STAGES, "lead"))
    to = bind(presets.policy("standard"), lacking)
    assert to.warnings == (
        "converted sleeps: the portal has no stage 'lead'",
        "blank sleeps: the portal has no stage 'lead' (setting default_stage)",
        "status-after-loss sleeps: the portal has no lead status 'BAD_TIMING' "
        "(setting after_lost.lead_status)",
    )
    assert decide(to, known(to, contact())).stage == ""


def test_a_presets_rule_that_asks_for_a_property_which_the_portal_lacks_sleeps() -> None:
    booked = "engagements_last_meeting_booked"
    found = portal()
    contacts = _without(found.definitions[ObjectType.CONTACTS], booked)
    lacking = replace(found, definitions={**found.definitions, ObjectType.CONTACTS: contacts})
    text = "extends: lead-score\nsettings: {score: {property: score}}"
    to = bound(text, lacking)
    assert to.warnings == (f"score-action sleeps: the portal has no property contact.{booked}",)
    assert decide(to, known(to, contact("lead", score="100"))).rule == "handover"
    mine = f"{{name: mine, when: contact.{booked} is blank, stage: lead, reason: x}}"
    with pytest.raises(PolicyError, match="contact has no property 'engagements_last_meeting"):
        bound(f"extends: standard\nrules: [{mine}]", lacking)


def test_what_a_presets_row_does_not_use_may_be_missing() -> None:
    lacking = portal(statuses=_without(STATUSES, "OPEN_DEAL"))
    assert bound("extends: standard\nsettings: {on_deal: blank}", lacking).warnings == ()
    assert "OPEN_DEAL" in bound("extends: standard", lacking).warnings[0]


def test_a_rule_that_leads_to_a_stage_that_the_policy_does_not_name_sleeps() -> None:
    text = "extends: standard\nsettings: {stages: [lead, opportunity, customer]}"
    to = bound(text)
    assert "handover sleeps: the stage 'salesqualifiedlead' is not among `stages`" in to.warnings
    assert decide(to, known(to, contact("evangelist"))).rule == "unknown-stage"


def test_a_stage_that_an_own_rule_names_is_named() -> None:
    mine = "{name: mine, when: never, stage: '51439524', reason: x}"
    to = bound(f"extends: standard\nrules: [{mine}]", portal(stages=GERMAN))
    assert decide(to, known(to, contact("51439524"))).rule == "keep"


def test_a_portal_without_stages_for_companies_leaves_them_alone() -> None:
    known_portal = portal()
    contacts_only = replace(
        known_portal, definitions={**known_portal.definitions, ObjectType.COMPANIES: {}}
    )
    text = "extends: standard\nsettings: {default_stage: lead, aliases: {subscriber: lead}}"
    to = bound(text, contacts_only)
    assert to.warnings == ("companies have no lifecycle stages in this portal: left alone",)
    assert decide(to, known(to, company("customer"))).rule == "unknown-stage"
    assert decide(to, known(to, company())).corrections == ()


def test_contacts_without_a_lead_status_property_are_decided_without_it() -> None:
    known_portal = portal()
    contacts = dict(known_portal.definitions[ObjectType.CONTACTS])
    del contacts["hs_lead_status"]
    without = replace(
        known_portal, definitions={**known_portal.definitions, ObjectType.CONTACTS: contacts}
    )
    to = bound("extends: standard", without)
    found = decide(to, known(to, contact("lead"), won()))
    assert [one.property_name for one in found.corrections] == ["lifecyclestage"]


@pytest.mark.parametrize("mode", ["primary", "roll-up", "both"])
def test_company_sync_joins_contacts_with_their_companies(mode: str) -> None:
    to = bound(f"extends: standard\nsettings: {{company_sync: {{mode: {mode}}}}}")
    assert to.in_circles
    assert to.warnings == ()


def test_without_company_sync_nobody_looks_at_companies() -> None:
    assert not bound("extends: standard").in_circles


def _asked(portal_: Portal, text: str = "extends: standard") -> dict[ObjectType, tuple[str, ...]]:
    return dict(needed_properties(bound(text, portal_), portal_))


def test_the_mirror_asks_only_for_what_the_portal_defines_and_the_policy_needs() -> None:
    assert _asked(portal()) == {
        ObjectType.CONTACTS: (
            "associatedcompanyid",
            "email",
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
    asked = _asked(portal(), text)
    assert "score" in asked[ObjectType.CONTACTS]
    assert "contract_end" in asked[ObjectType.COMPANIES]
    assert "amount" in asked[ObjectType.DEALS]


def test_the_digest_changes_with_what_the_policy_uses_of_the_portal() -> None:
    digests = {
        bound().digest,
        bound("extends: standard").digest,
        bound(on=portal(stages=GERMAN)).digest,
        bound(on=portal(statuses=_without(STATUSES, "OPEN"))).digest,
        bound(on=portal(time_zone="UTC")).digest,
        bound(on=replace(portal(), pipelines=())).digest,
    }
    assert len(digests) == 6
    assert bound().digest == bound().digest
    assert bound().name == "policy"


@pytest.mark.parametrize("zone", ["Nowhere/Here", "", "../etc"])
def test_an_unknown_time_zone_is_taken_for_utc(zone: str) -> None:
    odd = replace(portal(), account=Account(portal_id="1", time_zone=zone))
    assert bound(on=odd).zone.key == "UTC"


def test_problems_of_all_settings_are_told_at_once() -> None:
    text = (
        "extends: standard\nsettings:\n  default_stage: leed\n  score: {property: scor}\n"
        "  after_won: Gewonnen\n"
    )
    with pytest.raises(PolicyError) as caught:
        bound(text)
    assert [one.mark.line for one in caught.value.problems] == [3, 4, 5]


def test_a_policy_with_own_wrong_conditions_is_refused_with_each_place() -> None:
    text = (
        "extends: standard\nsettings: {scope: contact.vip > 3}\n"
        "rules: [{name: a, for: both, when: deals.open > 0 and company.size == 'x', "
        "stage: lead, reason: '{company.siz}'}]"
    )
    with pytest.raises(PolicyError) as caught:
        bound(text)
    assert str(caught.value).splitlines() == [
        "policy.yaml:2:19: contact.vip is a yes or no: `>` does not fit",
        "policy.yaml:3:55: company has no property 'size'",
        "policy.yaml:3:97: in the reason: company has no property 'siz'",
    ]


def test_labels_and_the_book_of_deals_are_at_hand() -> None:
    to = bound("extends: standard\nsettings: {deals: {labels: [Decision maker]}}")
    assert to.labels == {"Decision maker"}
    assert [one.state for one in known(to, contact(), lost("1"), opened("2")).deals] == [
        "lost",
        "open",
    ]
    assert policy().texts("score.property") == (to.policy.texts("score.property") or ("score",))
