"""Laws that hold for every record: deciding is closed, and never goes astray."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.core.facts import facts
from connector.core.model import STAGE, STATUS, Direction, ObjectType, Record, Version
from connector.core.policy_form import Way
from connector.core.rules import Decision, decide
from tests.core.givens import (
    NOW,
    bound,
    company,
    contact,
    deal_record,
    lost,
    opened,
    portal,
    read,
    reopened,
    won,
)

STAGES = list(portal().stages(ObjectType.CONTACTS))
POLICIES = [
    bound(),
    bound(
        "extends: standard\nsettings: {parked: [other, evangelist], aliases: {subscriber: lead}}"
    ),
    bound(
        "extends: standard\nsettings:\n  on_deal: blank\n  score: {property: score}\n"
        "  exclude: {domains: [own.example], stage: evangelist}\n"
        "  after_lost: {stage: lead, customer_stage: customer, quiet_days: 10}\n"
        "  lead_status: {applies_to: [marketingqualifiedlead, salesqualifiedlead]}\n"
    ),
    bound("extends: standard\nsettings: {stages: [lead, opportunity, customer]}"),
    bound(
        "extends: standard\nsettings: {default_stage: lead}",
        portal(
            stages={
                one.value: one.label
                for one in sorted(STAGES, key=lambda one: one.value, reverse=True)
            }
        ),
    ),
]
DAYS = st.sampled_from(["", "2020-01-01", "2026-04-15", "2026-05-20T08:00:00Z"])
DEALS = st.sampled_from(
    [
        won("1"),
        lost("2"),
        lost("3", at="2024-01-01"),
        opened("4"),
        reopened("5"),
        (deal_record("closedsplit", "6"), ()),
        (deal_record("closedlost", "7"), ()),
        (deal_record("closedlost", "8", closedate="2026-05-10"), ()),
    ]
)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Any contact or company, in any stage, with any evidence of its own."""
    stage = draw(st.sampled_from(["", "gone", *(one.value for one in STAGES)]))
    if draw(st.booleans()):
        return company(stage, domain=draw(st.sampled_from(["", "own.example", "a.example"])))
    statuses = portal().options(ObjectType.CONTACTS, STATUS)
    return contact(
        stage,
        draw(st.sampled_from(["", *(one.value for one in statuses)])),
        email=draw(st.sampled_from(["", "x@own.example", "x@a.example"])),
        score=draw(st.sampled_from(["", "0", "14", "15", "30", "80", "120"])),
        recent_conversion_event_name=draw(st.sampled_from(["", "Newsletter", "Book a demo"])),
        recent_conversion_date=draw(DAYS),
        num_conversion_events=draw(st.sampled_from(["", "0", "2"])),
    )


Evidence = list[tuple[Record, tuple[Version, ...]]]
EVIDENCE = st.lists(DEALS, max_size=4, unique_by=lambda one: one[0].ref.id)
PINS = st.frozensets(st.sampled_from([STAGE, STATUS]))


def _decide(which: int, record: Record, evidence: Evidence, pins: frozenset[str]) -> Decision:
    to = POLICIES[which]
    return decide(to, facts(to, record, read(to, *evidence), now=NOW), pinned=pins)


def _applied(record: Record, decision: Decision) -> Record:
    wanted = {one.property_name: one.after or None for one in decision.corrections}
    return replace(record, properties={**record.properties, **wanted})


WHICH = st.integers(min_value=0, max_value=len(POLICIES) - 1)


@settings(max_examples=400)
@given(WHICH, records(), EVIDENCE, PINS)
def test_after_applying_a_decision_deciding_again_changes_nothing(
    which: int, record: Record, evidence: Evidence, pins: frozenset[str]
) -> None:
    first = _decide(which, record, evidence, pins)
    again = _decide(which, _applied(record, first), evidence, pins)
    assert first.settled
    assert again.corrections == ()
    assert (again.stage, again.status) == (first.stage, first.status)


@settings(max_examples=200)
@given(WHICH, records(), EVIDENCE, PINS)
def test_deciding_twice_is_deciding_once(
    which: int, record: Record, evidence: Evidence, pins: frozenset[str]
) -> None:
    assert _decide(which, record, evidence, pins) == _decide(which, record, evidence, pins)


@settings(max_examples=400)
@given(WHICH, records(), EVIDENCE)
def test_forward_rules_never_move_back_and_backward_rules_never_ahead(
    which: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(which, record, evidence, frozenset())
    side = POLICIES[which].sides[record.ref.object_type]
    ways = {one.name: one.way for one in side.rules if one.name in decision.rules}
    before, after = side.path.get(record.value(STAGE)), side.path.get(decision.stage)
    if before is None or after is None or side.aliases.get(record.value(STAGE)):
        return
    if after < before:
        assert set(ways.values()) & {Way.BACKWARD, Way.ANY}
    if after > before:
        assert set(ways.values()) & {Way.FORWARD, Way.ANY}


@settings(max_examples=300)
@given(WHICH, records(), EVIDENCE)
def test_a_decision_never_ends_without_a_stage_and_corrects_only_what_differs(
    which: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(which, record, evidence, frozenset())
    for one in decision.corrections:
        assert one.before != one.after
        assert one.reason
        assert one.before == record.value(one.property_name)
        if one.property_name == STAGE:
            assert one.after
            assert one.direction in {Direction.FORWARD, Direction.BACKWARD}
    assert decision.stage or not record.value(STAGE)


@settings(max_examples=300)
@given(WHICH, records(), EVIDENCE)
def test_only_deals_lead_out_of_a_parking_place(
    which: int, record: Record, evidence: Evidence
) -> None:
    decision = _decide(which, record, evidence, frozenset())
    if record.value(STAGE) in POLICIES[which].sides[record.ref.object_type].parked:
        assert decision.stage == record.value(STAGE) or decision.rule in {"won", "open-deal"}


@settings(max_examples=300)
@given(WHICH, records())
def test_a_record_without_any_deal_moves_back_only_by_an_exclusion(
    which: int, record: Record
) -> None:
    decision = _decide(which, record, [], frozenset())
    back = [one for one in decision.corrections if one.direction is Direction.BACKWARD]
    assert all(one.rule == "excluded" for one in back)
