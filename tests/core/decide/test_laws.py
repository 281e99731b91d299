"""Properties of decisions that hold for every record, tested with random records."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import record_facts
from connector.core.model import STAGE, STATUS, Direction, ObjectType, Record, Version
from connector.core.policy.rule import RuleDirection
from tests.core.builders import (
    NOW,
    bind_policy,
    company,
    contact,
    deal_record,
    lost_deal,
    open_deal,
    portal,
    read_deals,
    reopened_deal,
    won_deal,
)

STAGES = list(portal().stages(ObjectType.CONTACTS))
POLICIES = [
    bind_policy(),
    bind_policy(
        "extends: standard\nsettings: {parked: [other, evangelist], aliases: {subscriber: lead}}"
    ),
    bind_policy(
        "extends: standard\nsettings:\n  on_deal: blank\n  score: {property: score}\n"
        "  exclude: {domains: [own.example], stage: evangelist}\n"
        "  after_lost: {stage: lead, customer_stage: customer, quiet_days: 10}\n"
        "  lead_status: {applies_to: [marketingqualifiedlead, salesqualifiedlead]}\n"
    ),
    bind_policy("extends: standard\nsettings: {stages: [lead, opportunity, customer]}"),
    bind_policy(
        "extends: standard\nsettings: {default_stage: lead}",
        portal(
            stages={
                option.value: option.label
                for option in sorted(STAGES, key=lambda option: option.value, reverse=True)
            }
        ),
    ),
]
CONVERSION_DATES = st.sampled_from(["", "2020-01-01", "2026-04-15", "2026-05-20T08:00:00Z"])
DEALS = st.sampled_from(
    [
        won_deal("1"),
        lost_deal("2"),
        lost_deal("3", at="2024-01-01"),
        open_deal("4"),
        reopened_deal("5"),
        (deal_record("closedsplit", "6"), ()),
        (deal_record("closedlost", "7"), ()),
        (deal_record("closedlost", "8", closedate="2026-05-10"), ()),
    ]
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any contact or company, in any stage, with any evidence of its own."""
    stage = draw(st.sampled_from(["", "gone", *(option.value for option in STAGES)]))
    if draw(st.booleans()):
        return company(stage, domain=draw(st.sampled_from(["", "own.example", "a.example"])))
    statuses = portal().options(ObjectType.CONTACTS, STATUS)
    return contact(
        stage,
        draw(st.sampled_from(["", *(option.value for option in statuses)])),
        email=draw(st.sampled_from(["", "x@own.example", "x@a.example"])),
        score=draw(st.sampled_from(["", "0", "14", "15", "30", "80", "120"])),
        recent_conversion_event_name=draw(st.sampled_from(["", "Newsletter", "Book a demo"])),
        recent_conversion_date=draw(CONVERSION_DATES),
        num_conversion_events=draw(st.sampled_from(["", "0", "2"])),
    )


Evidence = list[tuple[Record, tuple[Version, ...]]]
EVIDENCE = st.lists(DEALS, max_size=4, unique_by=lambda entry: entry[0].ref.id)
PINNED_PROPERTIES = st.frozensets(st.sampled_from([STAGE, STATUS]))


def _decide(
    policy_index: int, record: Record, evidence: Evidence, pinned: frozenset[str]
) -> Decision:
    policy = POLICIES[policy_index]
    return decide(
        policy, record_facts(policy, record, read_deals(policy, *evidence), now=NOW), pinned=pinned
    )


def _apply_decision(record: Record, decision: Decision) -> Record:
    corrected = {
        correction.property_name: correction.after or None for correction in decision.corrections
    }
    return replace(record, properties={**record.properties, **corrected})


POLICY_INDEXES = st.integers(min_value=0, max_value=len(POLICIES) - 1)


@settings(max_examples=400)
@given(POLICY_INDEXES, records(), EVIDENCE, PINNED_PROPERTIES)
def test_after_applying_a_decision_deciding_again_changes_nothing(
    policy_index: int, record: Record, evidence: Evidence, pinned: frozenset[str]
) -> None:
    first_decision = _decide(policy_index, record, evidence, pinned)
    second_decision = _decide(
        policy_index, _apply_decision(record, first_decision), evidence, pinned
    )
    assert first_decision.converged
    assert second_decision.corrections == ()
    assert (second_decision.stage, second_decision.status) == (
        first_decision.stage,
        first_decision.status,
    )


@settings(max_examples=200)
@given(POLICY_INDEXES, records(), EVIDENCE, PINNED_PROPERTIES)
def test_deciding_twice_is_deciding_once(
    policy_index: int, record: Record, evidence: Evidence, pinned: frozenset[str]
) -> None:
    assert _decide(policy_index, record, evidence, pinned) == _decide(
        policy_index, record, evidence, pinned
    )


@settings(max_examples=400)
@given(POLICY_INDEXES, records(), EVIDENCE)
def test_forward_rules_never_move_back_and_backward_rules_never_ahead(
    policy_index: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(policy_index, record, evidence, frozenset())
    object_policy = POLICIES[policy_index].object_policies[record.ref.object_type]
    rule_directions = {
        rule.name: rule.direction for rule in object_policy.rules if rule.name in decision.rules
    }
    before, after = (
        object_policy.path.get(record.value(STAGE)),
        object_policy.path.get(decision.stage),
    )
    if before is None or after is None or object_policy.aliases.get(record.value(STAGE)):
        return
    if after < before:
        assert set(rule_directions.values()) & {RuleDirection.BACKWARD, RuleDirection.ANY}
    if after > before:
        assert set(rule_directions.values()) & {RuleDirection.FORWARD, RuleDirection.ANY}


@settings(max_examples=300)
@given(POLICY_INDEXES, records(), EVIDENCE)
def test_a_decision_never_ends_without_a_stage_and_corrects_only_what_differs(
    policy_index: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(policy_index, record, evidence, frozenset())
    for correction in decision.corrections:
        assert correction.before != correction.after
        assert correction.reason
        assert correction.before == record.value(correction.property_name)
        if correction.property_name == STAGE:
            assert correction.after
            assert correction.direction in {Direction.FORWARD, Direction.BACKWARD}
    assert decision.stage or not record.value(STAGE)


@settings(max_examples=300)
@given(POLICY_INDEXES, records(), EVIDENCE)
def test_only_deals_lead_out_of_a_parking_place(
    policy_index: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(policy_index, record, evidence, frozenset())
    if (
        record.value(STAGE)
        in POLICIES[policy_index].object_policies[record.ref.object_type].parked_stages
    ):
        assert decision.stage == record.value(STAGE) or decision.rule in {"won", "open-deal"}


@settings(max_examples=300)
@given(POLICY_INDEXES, records())
def test_a_record_without_any_deal_moves_back_only_by_an_exclusion(
    policy_index: int, record: Record
) -> None:
    decision = _decide(policy_index, record, [], frozenset())
    backward_corrections = [
        correction
        for correction in decision.corrections
        if correction.direction is Direction.BACKWARD
    ]
    assert all(correction.rule == "excluded" for correction in backward_corrections)
