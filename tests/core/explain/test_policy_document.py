"""A policy stage by stage: how a record comes in, how it leaves, and what sleeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.config import presets
from connector.core.explain.policy_document import PolicyDocument, StageSection, document_policy
from connector.core.model import STATUS, ObjectType
from tests.core.builders import POLICY_WITH_SCORE, bind_policy, portal

STANDARD = "extends: standard"


def document_of(text: str = STANDARD) -> PolicyDocument:
    return document_policy(bind_policy(text), portal())


def section_of(document: PolicyDocument, label: str) -> StageSection:
    return next(section for section in document.sections if section.label == label)


def texts_in(document: PolicyDocument, label: str) -> list[str]:
    section = section_of(document, label)
    return [sentence.text for sentence in (*section.enters, *section.leaves)]


def all_texts(document: PolicyDocument) -> list[str]:
    return [
        sentence.text
        for section in document.sections
        for sentence in (*section.enters, *section.leaves, *section.statuses)
    ] + [sentence.text for sentence in document.stays]


def test_a_stage_is_told_with_how_a_record_comes_in_and_how_it_leaves() -> None:
    assert texts_in(document_of(), "Customer") == [
        "A contact or company becomes Customer, out of Other too, when a deal is won.",
        "It leaves again, back to Opportunity, when no deal is won, a deal was won once and no "
        "longer is, and a deal is open.",
        "It leaves again, back to Sales Qualified Lead, when a deal is lost, no deal is open, no "
        "deal is won, and a deal was won once and no longer is.",
    ]
    assert "A contact without a stage becomes Lead." in texts_in(document_of(), "Lead")
    assert texts_in(document_of(), "Marketing Qualified Lead") == [
        "It moves on to Customer, Opportunity or Sales Qualified Lead, as said there."
    ]


def test_a_move_back_names_the_stage_that_it_comes_from() -> None:
    assert (
        "A contact or company that is Opportunity goes back to Sales Qualified Lead when a deal "
        "is lost, no deal is open, and no deal is won."
    ) in texts_in(document_of(), "Sales Qualified Lead")


def test_a_parking_place_says_what_leads_out_of_it() -> None:
    section = section_of(document_of(), "Other")
    assert section.is_parked
    assert [sentence.text for sentence in section.leaves] == [
        "It leaves again, to Customer, when a deal is won.",
        "It leaves again, to Opportunity, when a deal is open.",
    ]


def test_lead_status_ends_with_what_always_fits_and_is_told_once() -> None:
    document = document_of()
    subscriber, lead = section_of(document, "Subscriber"), section_of(document, "Lead")
    assert subscriber.statuses[-1].text == "Otherwise it is cleared."
    assert subscriber.statuses[-1].why == "contacts in this stage carry no lead status"
    assert (subscriber.same_status_as, lead.same_status_as) == ("", "Subscriber")
    assert [sentence.text for sentence in section_of(document, "Opportunity").statuses] == [
        "Lead status is Open Deal when a deal is open.",
        "Otherwise it is cleared when the lead status is Open Deal and no deal is open.",
        "Otherwise it stays as it is.",
    ]


@pytest.mark.parametrize("name", presets.names())
def test_no_sentence_leaves_a_gap(name: str) -> None:
    document = document_of(f"extends: {name}")
    whys = [
        sentence.why
        for section in document.sections
        for sentence in (*section.enters, *section.statuses)
    ]
    for text in (*all_texts(document), *whys):
        assert "nothing is named" not in text
        assert "…" not in text
        assert "always" not in text
        assert "never" not in text


def test_rules_that_no_record_can_meet_sleep_and_say_which_setting_is_empty() -> None:
    asleep = document_of().sleeping
    assert "excluded sleeps: exclude.domains is empty in the policy's settings" in asleep
    assert "qualified sleeps: score.property is empty in the policy's settings" in asleep
    awake = document_of(f"{POLICY_WITH_SCORE}  exclude: {{domains: [fjord.example]}}\n")
    assert not any(text.startswith(("excluded", "qualified")) for text in awake.sleeping)
    assert texts_in(awake, "Other")[0].startswith("A contact or company becomes Other")
    assert "excluded" in awake.rule_order
    assert "excluded" not in document_of().rule_order


def test_a_rule_that_names_two_empty_settings_says_both() -> None:
    text = (
        "extends: standard\nrules:\n  - {name: mine, for: contacts, stage: customer, when: "
        "'contact.score > 5 or domain in exclude.domains', reason: r}\n"
        "  - {name: nobody, stage: customer, when: 'not always', reason: r}\n"
    )
    asleep = document_of(text).sleeping
    assert (
        "mine sleeps: score.property and exclude.domains are empty in the policy's settings"
        in asleep
    )
    assert "nobody sleeps: no record can meet its condition in this portal" in asleep


def test_an_empty_list_of_exceptions_is_left_out() -> None:
    document = document_of("extends: standard\nsettings:\n  company_sync: {mode: both}\n")
    follows = {sentence.rule: sentence.text for sentence in document.stays}
    assert follows["follows-company"].startswith(
        "A contact takes over the stage of its primary company when the number of contacts"
    )
    assert "except" not in follows["follows-company"]
    assert follows["follows-contacts"].startswith(
        "A company takes over the furthest stage of its contacts when"
    )


def test_scope_aliases_and_a_rule_for_everybody_are_told() -> None:
    document = document_of(
        "extends: standard\nversion: 3\nsettings:\n  aliases: {subscriber: lead}\n"
        "  scope: deals.count > 0\n"
        "rules:\n  - {name: only-here, for: companies, when: always, stage: keep, reason: here}\n"
    )
    assert (document.version, document.scope) == ("3", "there is a deal")
    assert "Subscriber counts as Lead, and is moved here." in texts_in(document, "Lead")
    assert document.stays[0].text == "A company stays where it is."
    assert document.stays[0].why == "here"


def test_a_rule_in_any_direction_says_so_and_one_for_an_only_type_names_it() -> None:
    document = document_of(
        "extends: standard\nrules:\n"
        "  - {name: mine, for: companies, stage: lead, direction: any, from_parked: yes, "
        "when: deals.count > 3, reason: r}\n"
        "  - {name: some, for: contacts, stage: opportunity, when: 'stage in "
        '["lead", "subscriber"]\', reason: r}\n'
    )
    texts = texts_in(document, "Lead")
    assert "A company becomes Lead, from any stage, when the number of deals is above 3." in texts
    assert "A company leaves again, back to Lead, when the number of deals is above 3." in texts_in(
        document, "Customer"
    )
    assert "A contact that is Subscriber or Lead becomes Opportunity." in texts_in(
        document, "Opportunity"
    )


def test_a_stage_that_is_left_whatever_holds_says_at_once() -> None:
    document = document_of(
        "extends: standard\nrules:\n  - {name: mine, for: contacts, stage: lead, "
        "direction: backward, when: 'stage == \"customer\"', reason: r}\n"
    )
    assert "A contact leaves again, back to Lead, at once." in texts_in(document, "Customer")


def test_the_portals_own_labels_are_used_and_stages_of_companies_alone_come_after() -> None:
    in_portal = portal(stages={"lead": "Emne", "customer": "Kunde", "other": "Annet"})
    document = document_policy(bind_policy(STANDARD, in_portal), in_portal)
    assert list(document.labels.values()) == ["Emne", "Kunde", "Annet"]
    assert texts_in(document, "Kunde")[0].startswith("A contact or company becomes Kunde")
    assert any("sleeps: the portal has no stage" in text for text in document.sleeping)


def test_a_portal_without_lead_status_and_a_stage_that_is_not_named_are_left_out() -> None:
    in_portal = portal(stages={"lead": "Lead", "customer": "Customer", "vip": "VIP"})
    contact_definitions = dict(in_portal.definitions[ObjectType.CONTACTS])
    del contact_definitions[STATUS]
    definitions = {**in_portal.definitions, ObjectType.CONTACTS: contact_definitions}
    in_portal = replace(in_portal, definitions=definitions)
    document = document_policy(bind_policy(STANDARD, in_portal), in_portal)
    assert [section.label for section in document.sections] == ["Lead", "Customer"]
    assert not any(section.statuses for section in document.sections)
