"""What is decided, by examples: closure, directions, pins, evidence and reasons."""

from __future__ import annotations

from itertools import pairwise

import pytest

from connector.core.model import STAGE, STATUS, Correction, Direction, ObjectType, Ref
from connector.core.rules import Decision, decide, direction
from tests.core.givens import (
    bound,
    company,
    contact,
    deal_record,
    known,
    lost,
    on,
    opened,
    portal,
    reopened,
    rule,
    won,
)

POLICY = bound()
REOPENED = known(POLICY, contact("customer"), reopened())


def _own(*rules: str, settings: str = "{}") -> str:
    return f"extends: standard\nsettings: {settings}\nrules:\n" + "".join(
        f"  - {{{one}, reason: because}}\n" for one in rules
    )


def _decided(text: str, stage: str, status: str = "", **more: str) -> Decision:
    to = bound(text)
    return decide(to, known(to, contact(stage, status, **more)))


def test_a_correction_says_what_why_and_on_what_evidence() -> None:
    assert decide(POLICY, REOPENED).corrections == (
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
    found = decide(POLICY, known(POLICY, contact("customer"), won()))
    assert (found.corrections, found.rule, found.rules) == ((), "won", ("won",))
    assert found.reason == "deals/9 is won since 2026-03-01"
    assert decide(POLICY, known(POLICY, contact("evangelist"))).rule == "keep"


def test_evidence_names_forms_scores_domains_and_properties() -> None:
    to = bound(
        rule(
            "conversion.counts and contact.score > 3 and domain == 'a.example' "
            "and contact.tier == 'Gold' and 'a' in contact.interests"
        )
    )
    form = {"recent_conversion_event_name": "Demo", "recent_conversion_date": "2026-05-01"}
    more = {"score": "42", "email": "x@a.example", "tier": "1", "interests": "a;b"}
    found = decide(to, known(to, contact("lead", **form, **more)))
    assert found.corrections[0].evidence == (
        "form 'Demo' on 2026-05-01",
        "the score is 42",
        "the domain is a.example",
        "contact.tier is Gold",
        "contact.interests is Alpha, Beta",
    )


def test_a_form_without_a_day_or_a_name_is_told_as_far_as_it_is_known() -> None:
    nameless = known(POLICY, contact("subscriber", num_conversion_events="2"))
    assert decide(POLICY, nameless).corrections[0].evidence == ()
    dayless = known(POLICY, contact("subscriber", recent_conversion_event_name="News"))
    assert decide(POLICY, dayless).corrections[0].evidence == ("form 'News'",)


def test_of_many_deals_the_newest_five_are_named() -> None:
    deals = [opened(str(n), at=f"2026-04-{n:02}") for n in range(1, 9)]
    found = decide(POLICY, known(POLICY, contact("lead"), *deals)).corrections[0]
    assert found.evidence[0] == "deals/4 open since 2026-04-04"
    assert found.evidence[5:] == ("and 3 more deals",)


def test_a_deal_of_unknown_times_is_evidence_all_the_same() -> None:
    undated = (deal_record("closedlost"), ())
    found = decide(POLICY, known(POLICY, contact("opportunity"), undated))
    assert found.corrections[0].evidence == ("deals/9 was lost at an unknown time",)


def test_a_blank_record_goes_forward_and_a_parked_one_backward() -> None:
    to_customer = decide(POLICY, known(POLICY, contact("other"), won())).corrections[0]
    assert (to_customer.before, to_customer.direction) == ("other", Direction.BACKWARD)
    from_blank = decide(POLICY, known(POLICY, contact(), won())).corrections[0]
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
    assert direction(POLICY.sides[ObjectType.CONTACTS], before, after) == expected


def test_rules_that_move_a_record_to_and_fro_leave_it_alone_and_say_so() -> None:
    found = _decided(
        _own(
            "name: there, when: stage == 'lead', stage: customer",
            "name: back, when: stage == 'customer', stage: lead, direction: backward",
        ),
        "lead",
        "NEW",
    )
    assert (found.settled, found.corrections, found.stage, found.status) == (
        False,
        (),
        "lead",
        "NEW",
    )
    assert found.rule == "unsettled"
    assert found.reason == "not settled within 3 rounds: there, back move it to and fro"


def test_rows_that_change_a_lead_status_to_and_fro_leave_the_record_alone() -> None:
    rows = (
        "lead_status:\n"
        "  - {name: a, when: status == 'NEW', lead_status: OPEN, reason: x}\n"
        "  - {name: b, when: status == 'OPEN', lead_status: NEW, reason: x}\n"
    )
    to = bound(f"rules: []\n{rows}")
    found = decide(to, known(to, contact("lead", "NEW")))
    assert found.reason == "not settled within 3 rounds: the lead status rows move it to and fro"


def _chain(*stages: str) -> str:
    pairs = pairwise(stages)
    return _own(*(f"name: to-{b}, when: stage == '{a}', stage: {b}" for a, b in pairs))


def test_rules_may_lead_a_record_in_three_rounds_and_the_plan_holds_the_last() -> None:
    three = _chain("subscriber", "lead", "opportunity", "customer")
    found = _decided(three, "subscriber")
    assert (found.stage, found.rule) == ("customer", "to-customer")
    assert found.reason == "because"
    assert found.rules[:3] == ("to-lead", "to-opportunity", "to-customer")


def test_a_fourth_round_is_one_too_many() -> None:
    four = _chain("subscriber", "lead", "opportunity", "customer", "evangelist")
    assert not _decided(four, "subscriber").settled
    assert _decided(four, "lead").settled


def test_the_reasons_of_all_movers_are_told() -> None:
    to = bound("extends: standard\nsettings: {score: {property: score}, after_lost: {stage: lead}}")
    facts = known(to, contact("opportunity", score="40"), lost(at="2025-05-01"))
    assert decide(to, facts).reason == (
        "deals/9 was lost on 2025-05-01, and no deal is open or won; then "
        "the score is 40, and 30 qualify"
    )


def test_a_backward_rule_never_moves_ahead_nor_from_blank_nor_out_of_a_parking_place() -> None:
    back = _own("name: mine, when: always, stage: opportunity, direction: backward")
    assert _decided(back, "customer").stage == "opportunity"
    assert _decided(back, "lead").stage == "lead"
    assert _decided(back, "").stage == ""
    assert _decided(back, "other").stage == "other"


def test_a_forward_rule_moves_into_a_parking_place_only_ahead() -> None:
    park = _own("name: mine, when: always, stage: subscriber", settings="{parked: [subscriber]}")
    assert _decided(park, "lead").stage == "lead"
    assert _decided(park, "").stage == "subscriber"


def test_a_rule_may_lead_out_of_a_parking_place_if_it_says_so() -> None:
    out = _own("name: mine, when: always, stage: lead, from_parked: yes")
    assert _decided(out, "other").corrections[0].direction is Direction.BACKWARD


def test_a_rule_leads_where_its_branch_for_the_stage_says() -> None:
    text = _own(
        "name: mine, when: always, direction: any, "
        "stage: {customer: evangelist, Evangelist: keep, otherwise: subscriber}"
    )
    assert _decided(text, "customer").stage == "evangelist"
    assert _decided(text, "opportunity").stage == "subscriber"
    assert (
        _decided(text.replace(", otherwise: subscriber", ""), "opportunity").stage == "opportunity"
    )


def test_a_branch_for_a_stage_that_the_portal_lacks_does_not_matter_in_a_preset() -> None:
    without = {"lead": "Lead", "customer": "Customer", "other": "Other"}
    to = bound("extends: standard\nsettings: {default_stage: lead}", portal(stages=without))
    assert decide(to, known(to, contact("lead"), won())).stage == "customer"


def test_an_alias_counts_as_the_stage_that_it_stands_for() -> None:
    text = "extends: standard\nsettings: {aliases: {subscriber: lead}}"
    found = _decided(text, "subscriber", "UNQUALIFIED")
    assert (found.stage, found.rule, found.status) == ("lead", "alias", "UNQUALIFIED")
    assert found.reason == "Subscriber counts as Lead"
    own = text + "\nrules: [{name: mine, when: stage == 'lead', stage: Subscriber, reason: x}]"
    assert _decided(own, "lead").corrections == ()


def test_a_pinned_stage_stays_and_the_lead_status_follows_it() -> None:
    found = decide(POLICY, REOPENED, pinned=frozenset({STAGE}))
    assert (found.stage, found.status, found.corrections) == ("customer", "", ())
    assert (found.rule, found.reason) == ("keep", "the stage stays as it is")


def test_a_pinned_lead_status_stays() -> None:
    found = decide(POLICY, REOPENED, pinned=frozenset({STATUS}))
    assert (found.stage, found.status) == ("opportunity", "")
    assert [one.property_name for one in found.corrections] == [STAGE]


def test_a_pinned_stage_that_is_an_alias_stays_too() -> None:
    to = bound("extends: standard\nsettings: {aliases: {subscriber: lead}}")
    facts = known(to, contact("subscriber", "NEW"))
    found = decide(to, facts, pinned=frozenset({STAGE}))
    assert (found.stage, found.status) == ("subscriber", "")
    assert [one.property_name for one in found.corrections] == [STATUS]


def test_a_pinned_stage_does_not_let_a_lost_deal_change_the_lead_status() -> None:
    to = bound("extends: standard\nsettings: {lead_status: {applies_to: [opportunity]}}")
    facts = known(to, contact("opportunity", "CONNECTED"), lost())
    assert decide(to, facts, pinned=frozenset({STAGE})).status == "CONNECTED"


def test_a_pinned_blank_stage_leaves_the_lead_status_alone() -> None:
    found = decide(POLICY, known(POLICY, contact("", "NEW")), pinned=frozenset({STAGE}))
    assert (found.stage, found.status) == ("", "NEW")


def test_a_rule_with_a_lead_status_sets_it_while_it_wins() -> None:
    text = _own(
        "name: mine, when: contact.vip, stage: other, direction: any, lead_status: UNQUALIFIED"
    )
    found = _decided(text, "lead", "NEW", vip="true")
    assert (found.stage, found.status) == ("other", "UNQUALIFIED")
    assert [one.rule for one in found.corrections] == ["mine", "mine"]
    assert _decided(text, "other", "NEW", vip="true").status == "UNQUALIFIED"
    assert _decided(text, "lead", "NEW").status == ""


def test_a_companys_lead_status_is_left_alone() -> None:
    facts = known(POLICY, company("lead", hs_lead_status="NEW"), won())
    found = decide(POLICY, facts)
    assert (found.stage, found.status, len(found.corrections)) == ("customer", "NEW", 1)


def test_the_end_of_the_quiet_time_makes_a_record_due() -> None:
    found = decide(POLICY, known(POLICY, contact("salesqualifiedlead", "BAD_TIMING"), lost()))
    assert found.due_at is not None
    assert found.due_at.date() == on("2026-07-30").date()
    assert decide(POLICY, known(POLICY, contact("lead"))).due_at is None


def test_what_is_left_alone_is_due_when_the_scope_may_change() -> None:
    to = bound("extends: standard\nsettings: {scope: contact.birthday < today}")
    found = decide(to, known(to, contact("lead", birthday="2026-06-10")))
    assert found.rule == "out-of-scope"
    assert found.due_at is not None


def test_a_scope_on_contacts_leaves_companies_outside() -> None:
    to = bound("extends: standard\nsettings: {scope: contact.vip}")
    assert decide(to, known(to, company(), won())).rule == "out-of-scope"
    assert decide(to, known(to, contact(vip="true"), won())).rule == "won"


def test_an_unknown_stage_is_named_by_its_label_where_it_has_one() -> None:
    to = bound(on=portal(stages={"lead": "Lead", "7": "Pilotkunde"}))
    assert (
        decide(to, known(to, contact("7"))).reason
        == "the policy does not name the stage Pilotkunde"
    )
    gone = decide(to, known(to, contact("gone")))
    assert gone.reason == "the policy does not name the stage gone"
