"""Decisions by example: rounds, directions, pinned properties, evidence and reasons."""

from __future__ import annotations

from itertools import pairwise

import pytest

from connector.core.decide.decision import Decision, decide, stage_direction
from connector.core.model import STAGE, STATUS, Correction, Direction, ObjectType, Ref
from tests.core.builders import (
    bind_policy,
    company,
    contact,
    deal_record,
    facts_about,
    lost_deal,
    open_deal,
    policy_with_rule,
    portal,
    reopened_deal,
    utc_day,
    with_status_by,
    won_deal,
)

POLICY = bind_policy()
REOPENED_FACTS = facts_about(POLICY, contact("customer"), reopened_deal())


def _own_rules(*rules: str, settings: str = "{}") -> str:
    return f"extends: standard\nsettings: {settings}\nrules:\n" + "".join(
        f"  - {{{rule_text}, reason: because}}\n" for rule_text in rules
    )


def _decide(text: str, stage: str, status: str = "", **properties: str) -> Decision:
    policy = bind_policy(text)
    return decide(policy, facts_about(policy, contact(stage, status, **properties)))


def test_a_correction_says_what_why_and_on_what_evidence() -> None:
    assert decide(POLICY, REOPENED_FACTS).corrections == (
        Correction(
            record=Ref(ObjectType.CONTACTS, "1"),
            property_name=STAGE,
            before="customer",
            after="opportunity",
            direction=Direction.BACKWARD,
            rule="reopened",
            reason="no deal is won any more, and deals/9 is open since 2026-04-02",
            evidence=("deals/9 was won 2026-03-01, open since 2026-04-02",),
        ),
        Correction(
            record=Ref(ObjectType.CONTACTS, "1"),
            property_name=STATUS,
            before="",
            after="OPEN_DEAL",
            direction=Direction.SET,
            rule="status-open-deal",
            reason="deals/9 is open since 2026-04-02",
            evidence=("deals/9 was won 2026-03-01, open since 2026-04-02",),
        ),
    )


def test_a_record_that_is_as_it_should_be_says_which_rule_keeps_it() -> None:
    decision = decide(POLICY, facts_about(POLICY, contact("customer"), won_deal()))
    assert (decision.corrections, decision.rule, decision.rules) == ((), "won", ("won",))
    assert decision.reason == "deals/9 is won since 2026-03-01"
    assert decide(POLICY, facts_about(POLICY, contact("evangelist"))).rule == "keep"


def test_evidence_names_forms_scores_domains_and_properties() -> None:
    policy = bind_policy(
        policy_with_rule(
            "conversion.counts and contact.score > 3 and domain == 'a.example' "
            "and contact.tier == 'Gold' and 'a' in contact.interests"
        )
    )
    form_properties = {
        "recent_conversion_event_name": "Demo",
        "recent_conversion_date": "2026-05-01",
    }
    other_properties = {"score": "42", "email": "x@a.example", "tier": "1", "interests": "a;b"}
    decision = decide(
        policy, facts_about(policy, contact("lead", **form_properties, **other_properties))
    )
    assert decision.corrections[0].evidence == (
        "form 'Demo' on 2026-05-01",
        "the score is 42",
        "the domain is a.example",
        "contact.tier is Gold",
        "contact.interests is Alpha, Beta",
    )


def test_a_form_without_a_day_or_a_name_is_told_as_far_as_it_is_known() -> None:
    without_name = facts_about(POLICY, contact("subscriber", num_conversion_events="2"))
    assert decide(POLICY, without_name).corrections[0].evidence == ()
    without_day = facts_about(POLICY, contact("subscriber", recent_conversion_event_name="News"))
    assert decide(POLICY, without_day).corrections[0].evidence == ("form 'News'",)


def test_of_many_deals_the_newest_five_are_named() -> None:
    deals = [open_deal(str(number), at=f"2026-04-{number:02}") for number in range(1, 9)]
    correction = decide(POLICY, facts_about(POLICY, contact("lead"), *deals)).corrections[0]
    assert correction.evidence[0] == "deals/4 open since 2026-04-04"
    assert correction.evidence[5:] == ("and 3 more deals",)


def test_a_deal_of_unknown_times_is_evidence_all_the_same() -> None:
    undated_loss = (deal_record("closedlost"), ())
    decision = decide(POLICY, facts_about(POLICY, contact("opportunity"), undated_loss))
    assert decision.corrections[0].evidence == ("deals/9 was lost at an unknown time",)


def test_a_blank_record_goes_forward_and_a_parked_one_backward() -> None:
    from_parked = decide(POLICY, facts_about(POLICY, contact("other"), won_deal())).corrections[0]
    assert (from_parked.before, from_parked.direction) == ("other", Direction.BACKWARD)
    from_blank = decide(POLICY, facts_about(POLICY, contact(), won_deal())).corrections[0]
    assert (from_blank.before, from_blank.direction) == ("", Direction.FORWARD)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("lead", "customer", "forward"),
        ("customer", "lead", "backward"),
        ("other", "evangelist", "backward"),
        ("lead", "other", "forward"),
        ("", "subscriber", "forward"),
        ("lead", "", "clear"),
        ("gone", "lead", "forward"),
    ],
)
def test_a_stages_direction_is_by_the_portals_own_order(
    before: str, after: str, expected: str
) -> None:
    assert stage_direction(POLICY.object_policies[ObjectType.CONTACTS], before, after) == expected


def test_rules_that_move_a_record_to_and_fro_leave_it_alone_and_say_so() -> None:
    decision = _decide(
        _own_rules(
            "name: there, when: stage == 'lead', stage: customer",
            "name: back, when: stage == 'customer', stage: lead, direction: backward",
        ),
        "lead",
        "NEW",
    )
    assert (decision.converged, decision.corrections, decision.stage, decision.status) == (
        False,
        (),
        "lead",
        "NEW",
    )
    assert decision.rule == "unsettled"
    assert decision.reason == "not settled within 3 rounds: there, back change it back and forth"


def test_rows_that_change_a_lead_status_to_and_fro_leave_the_record_alone() -> None:
    rows = (
        "lead_status:\n"
        "  - {name: a, when: status == 'NEW', lead_status: OPEN, reason: x}\n"
        "  - {name: b, when: status == 'OPEN', lead_status: NEW, reason: x}\n"
    )
    policy = bind_policy(f"rules: []\n{rows}")
    decision = decide(policy, facts_about(policy, contact("lead", "NEW")))
    assert (
        decision.reason
        == "not settled within 3 rounds: the lead status rows change it back and forth"
    )


def _chained_rules(*stages: str) -> str:
    pairs = pairwise(stages)
    return _own_rules(
        *(f"name: to-{after}, when: stage == '{before}', stage: {after}" for before, after in pairs)
    )


def test_rules_may_lead_a_record_in_three_rounds_and_the_plan_holds_the_last() -> None:
    three_rounds = _chained_rules("subscriber", "lead", "opportunity", "customer")
    decision = _decide(three_rounds, "subscriber")
    assert (decision.stage, decision.rule) == ("customer", "to-customer")
    assert decision.reason == "because"
    assert decision.rules[:3] == ("to-lead", "to-opportunity", "to-customer")


def test_a_fourth_round_is_one_too_many() -> None:
    four_rounds = _chained_rules("subscriber", "lead", "opportunity", "customer", "evangelist")
    assert not _decide(four_rounds, "subscriber").converged
    assert _decide(four_rounds, "lead").converged


def test_the_reasons_of_all_movers_are_told() -> None:
    policy = bind_policy(
        "extends: standard\nsettings: {score: {property: score}, after_lost: {stage: lead}}"
    )
    facts = facts_about(policy, contact("opportunity", score="40"), lost_deal(at="2025-05-01"))
    assert decide(policy, facts).reason == (
        "deals/9 was lost on 2025-05-01, and no deal is open or won; then "
        "the score is 40, and 30 qualify"
    )


def test_a_backward_rule_never_moves_ahead_nor_from_blank_nor_out_of_a_parking_place() -> None:
    backward_rule = _own_rules("name: mine, when: always, stage: opportunity, direction: backward")
    assert _decide(backward_rule, "customer").stage == "opportunity"
    assert _decide(backward_rule, "lead").stage == "lead"
    assert _decide(backward_rule, "").stage == ""
    assert _decide(backward_rule, "other").stage == "other"


def test_a_forward_rule_moves_into_a_parking_place_only_ahead() -> None:
    parking_rule = _own_rules(
        "name: mine, when: always, stage: subscriber", settings="{parked: [subscriber]}"
    )
    assert _decide(parking_rule, "lead").stage == "lead"
    assert _decide(parking_rule, "").stage == "subscriber"


def test_a_rule_may_lead_out_of_a_parking_place_if_it_says_so() -> None:
    unparking_rule = _own_rules("name: mine, when: always, stage: lead, from_parked: yes")
    assert _decide(unparking_rule, "other").corrections[0].direction is Direction.BACKWARD


def test_a_rule_leads_where_its_branch_for_the_stage_says() -> None:
    text = _own_rules(
        "name: mine, when: always, direction: any, "
        "stage: {customer: evangelist, Evangelist: keep, otherwise: subscriber}"
    )
    assert _decide(text, "customer").stage == "evangelist"
    assert _decide(text, "opportunity").stage == "subscriber"
    assert (
        _decide(text.replace(", otherwise: subscriber", ""), "opportunity").stage == "opportunity"
    )


def test_a_branch_for_a_stage_that_the_portal_lacks_does_not_matter_in_a_preset() -> None:
    few_stages = {"lead": "Lead", "customer": "Customer", "other": "Other"}
    policy = bind_policy(
        "extends: standard\nsettings: {default_stage: lead}", portal(stages=few_stages)
    )
    assert decide(policy, facts_about(policy, contact("lead"), won_deal())).stage == "customer"


def test_an_alias_counts_as_the_stage_that_it_stands_for() -> None:
    text = "extends: standard\nsettings: {aliases: {subscriber: lead}}"
    decision = _decide(text, "subscriber", "UNQUALIFIED")
    assert (decision.stage, decision.rule, decision.status) == ("lead", "alias", "UNQUALIFIED")
    assert decision.reason == "Subscriber counts as Lead"
    own_rule = text + "\nrules: [{name: mine, when: stage == 'lead', stage: Subscriber, reason: x}]"
    assert _decide(own_rule, "lead").corrections == ()


def test_a_pinned_stage_stays_and_the_lead_status_follows_it() -> None:
    decision = decide(POLICY, REOPENED_FACTS, pinned=frozenset({STAGE}))
    assert (decision.stage, decision.status, decision.corrections) == ("customer", "", ())
    assert (decision.rule, decision.reason) == ("keep", "the stage stays as it is")


def test_a_pinned_lead_status_stays() -> None:
    decision = decide(POLICY, REOPENED_FACTS, pinned=frozenset({STATUS}))
    assert (decision.stage, decision.status) == ("opportunity", "")
    assert [correction.property_name for correction in decision.corrections] == [STAGE]


def test_a_pinned_stage_that_is_an_alias_stays_too() -> None:
    policy = bind_policy("extends: standard\nsettings: {aliases: {subscriber: lead}}")
    facts = facts_about(policy, with_status_by("INTEGRATION", contact("subscriber", "NEW")))
    decision = decide(policy, facts, pinned=frozenset({STAGE}))
    assert (decision.stage, decision.status) == ("subscriber", "")
    assert [correction.property_name for correction in decision.corrections] == [STATUS]


def test_a_pinned_stage_does_not_let_a_lost_deal_change_the_lead_status() -> None:
    policy = bind_policy("extends: standard\nsettings: {lead_status: {applies_to: [opportunity]}}")
    facts = facts_about(policy, contact("opportunity", "CONNECTED"), lost_deal())
    assert decide(policy, facts, pinned=frozenset({STAGE})).status == "CONNECTED"


def test_a_pinned_blank_stage_leaves_the_lead_status_alone() -> None:
    decision = decide(POLICY, facts_about(POLICY, contact("", "NEW")), pinned=frozenset({STAGE}))
    assert (decision.stage, decision.status) == ("", "NEW")


def test_a_rule_with_a_lead_status_sets_it_while_it_wins() -> None:
    text = _own_rules(
        "name: mine, when: contact.vip, stage: other, direction: any, lead_status: UNQUALIFIED"
    )
    decision = _decide(text, "lead", "NEW", vip="true")
    assert (decision.stage, decision.status) == ("other", "UNQUALIFIED")
    assert [correction.rule for correction in decision.corrections] == ["mine", "mine"]
    assert _decide(text, "other", "NEW", vip="true").status == "UNQUALIFIED"
    assert _decide(text, "lead", "NEW").status == "NEW"


def test_a_companys_lead_status_is_left_alone() -> None:
    facts = facts_about(POLICY, company("lead", hs_lead_status="NEW"), won_deal())
    decision = decide(POLICY, facts)
    assert (decision.stage, decision.status, len(decision.corrections)) == ("customer", "NEW", 1)


def test_the_end_of_the_quiet_time_makes_a_record_due() -> None:
    decision = decide(
        POLICY, facts_about(POLICY, contact("salesqualifiedlead", "BAD_TIMING"), lost_deal())
    )
    assert decision.due_at is not None
    assert decision.due_at.date() == utc_day("2026-07-30").date()
    assert decide(POLICY, facts_about(POLICY, contact("lead"))).due_at is None


def test_what_is_left_alone_is_due_when_the_scope_may_change() -> None:
    policy = bind_policy("extends: standard\nsettings: {scope: contact.birthday < today}")
    decision = decide(policy, facts_about(policy, contact("lead", birthday="2026-06-10")))
    assert decision.rule == "out-of-scope"
    assert decision.due_at is not None


def test_a_scope_on_contacts_leaves_companies_outside() -> None:
    policy = bind_policy("extends: standard\nsettings: {scope: contact.vip}")
    assert decide(policy, facts_about(policy, company(), won_deal())).rule == "out-of-scope"
    assert decide(policy, facts_about(policy, contact(vip="true"), won_deal())).rule == "won"


def test_an_unknown_stage_is_named_by_its_label_where_it_has_one() -> None:
    policy = bind_policy(in_portal=portal(stages={"lead": "Lead", "7": "Pilotkunde"}))
    assert (
        decide(policy, facts_about(policy, contact("7"))).reason
        == "the policy does not name the stage Pilotkunde"
    )
    unknown_stage = decide(policy, facts_about(policy, contact("gone")))
    assert unknown_stage.reason == "the policy does not name the stage gone"
