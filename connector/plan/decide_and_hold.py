"""Decide records on fresh readings, and again where what they rest on is held back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from connector.context import RunContext
from connector.core.corrections.holds import (
    hold_for_person,
    is_in_force,
)
from connector.core.decide.company_group import PinnedProperties, depends_on_group
from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import Facts, deals_dated_by_close_date
from connector.core.model import STATUS, Record, Ref
from connector.plan.company_groups import group_members
from connector.plan.fresh_reads import TRACKED_PROPERTIES, mark_properties, read_fresh
from connector.plan.gather import gather, read_deal_histories
from connector.plan.hold_back import Decided, hold_back, hold_lookup
from state import cascade, mirror


def decide_and_hold(context: RunContext, refs: Sequence[Ref]) -> list[Decided]:
    """Decide records; those with corrections are read afresh, with the authors of their values.

    A record that has changed since it was mirrored is decided by its fresh reading. A record that
    follows a held record is decided again: it must not follow to a stage that is not reached.

    Comes in: records of one portal, in any order. Returned: a decision for each that HubSpot
    serves, with the corrections that are held back; the others stay due. Raises what reading
    raises. It ends, because each round pins more properties of the same few records.
    """
    pinned: dict[Ref, frozenset[str]] = {}
    decisions = _decide_records(context, refs, pinned)
    # Under company sync a contact may follow its company, whose stage is held: its group decides.
    while followers := [
        decided.decision.record
        for decided in decisions
        if _rests_on_group(context, decided.decision)
    ]:
        members = group_members(context, followers)
        member_decisions = _decide_records(context, sorted(members - set(refs)), pinned)
        new_pins = {
            decided.decision.record: decided.pinned
            for decided in (*decisions, *member_decisions)
            if decided.pinned
        }
        # Nothing more is held back than was known when these were decided.
        if new_pins.items() <= pinned.items():
            break
        pinned |= {ref: names | pinned.get(ref, frozenset()) for ref, names in new_pins.items()}
        decisions = _decide_records(context, refs, pinned)
    return decisions


def _rests_on_group(context: RunContext, decision: Decision) -> bool:
    object_policy = context.policy.object_policies[decision.record.object_type]
    return bool(decision.corrections) and depends_on_group(object_policy, decision)


def _decide_records(
    context: RunContext, refs: Sequence[Ref], pinned: PinnedProperties
) -> list[Decided]:
    """Decide records while what is `pinned` stays as it is; hold back what must not be sent.

    Only records with a correction are read afresh, since HubSpot gives histories for 50 records
    a request. A record that is missing, merged, or not served is left out, and stays due.
    """
    pairs = [(facts, decide(context.policy, facts)) for facts in gather(context, refs, pinned)]
    to_correct = [facts.record for facts, decision in pairs if decision.corrections]
    if not to_correct:
        return [Decided(facts=facts, decision=decision) for facts, decision in pairs]
    result = read_fresh(context, to_correct)
    readings = result.records
    # A batch read leaves out a missing id, and answers a merged one with its survivor (HubSpot's
    # guide to the CRM object APIs).
    missing = {
        ref
        for ref in to_correct
        if ref not in result.unreadable and (ref not in readings or readings[ref].ref != ref)
    }
    # The record changed since it was mirrored, or another author than assumed set its status.
    changed = {
        *_update_mirror(context, readings, missing),
        *(facts.record for facts, _ in pairs if _has_other_status_author(facts, readings)),
    }
    left_out = missing | result.unreadable.keys()
    pairs = [(facts, decision) for facts, decision in pairs if facts.record not in left_out]
    rechecked = _decide_again(context, pairs, changed - left_out, pinned)
    # A win that only a typed close date dates must not write over what a person set since.
    undated = _undated_evidence(context, rechecked, readings)
    if undated:
        deals = sorted({deal for deals in undated.values() for deal in deals})
        _, unreadable_deals = read_deal_histories(context, deals)
        rechecked = [
            (facts, decision)
            for facts, decision in rechecked
            if unreadable_deals.isdisjoint(undated.get(facts.record, ()))
        ]
        rechecked = _decide_again(context, rechecked, set(undated), pinned)
    corrections = [correction for _, decision in rechecked for correction in decision.corrections]
    lookup = hold_lookup(context, corrections, readings)
    return [hold_back(context, facts, decision, lookup) for facts, decision in rechecked]


def _decide_again(
    context: RunContext,
    pairs: Sequence[tuple[Facts, Decision]],
    changed: Set[Ref],
    pinned: PinnedProperties,
) -> list[tuple[Facts, Decision]]:
    """Return facts and decisions, those of the `changed` records gathered and decided anew."""
    fresh_facts = {facts.record: facts for facts in gather(context, sorted(changed), pinned)}
    return [
        (fresh_facts[facts.record], decide(context.policy, fresh_facts[facts.record]))
        if facts.record in fresh_facts
        else (facts, decision)
        for facts, decision in pairs
    ]


def _has_other_status_author(facts: Facts, readings: Mapping[Ref, Record]) -> bool:
    """Return whether a reading names another author of the lead status than the facts rest on."""
    reading = readings.get(facts.record)
    history = reading.history.get(STATUS, ()) if reading and facts.status else ()
    return bool(history) and (
        facts.status_version is None or facts.status_version.at != history[0].at
    )


def _undated_evidence(
    context: RunContext,
    pairs: Sequence[tuple[Facts, Decision]],
    readings: Mapping[Ref, Record],
) -> dict[Ref, list[Ref]]:
    """Return, by record, the deals whose close date alone outdates what a person set."""
    undated: dict[Ref, list[Ref]] = {}
    for facts, decision in pairs:
        for correction in decision.corrections:
            reading = readings.get(facts.record)
            edit = (
                hold_for_person(correction.property_name, reading, context.hold_terms)
                if reading
                else None
            )
            if edit and is_in_force(edit, now=facts.now, evidence_at=None):
                deals = deals_dated_by_close_date(facts, since=edit.since)
                if deals:
                    undated[facts.record] = deals
    return undated


def _update_mirror(
    context: RunContext, readings: Mapping[Ref, Record], missing: Set[Ref]
) -> list[Ref]:
    """Put into the mirror what has changed since, or is gone; return which records changed."""
    with context.reading() as session:
        mirrored = mirror.get(session, readings)
    changed = [
        ref
        for ref, record in readings.items()
        if ref not in missing
        and any(
            (mirrored[ref].properties.get(name) or "") != record.value(name)
            for name in (
                *TRACKED_PROPERTIES[ref.object_type],
                *mark_properties(context, ref.object_type),
            )
            if name in mirrored[ref].properties
        )
    ]
    if changed or missing:
        now = context.api.now()
        with context.begin() as session:
            mirror.patch(session, [readings[ref] for ref in changed], due_at=now)
            cascade.follow_archive(session, missing, at=now)
    return changed
