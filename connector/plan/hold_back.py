"""Hold back the corrections that must not be sent, and decide again without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from connector.context import RunContext
from connector.core.conditions.value_text import format_moment
from connector.core.corrections.holds import (
    HeldBack,
    HeldBackCause,
    Hold,
    HoldScope,
    hold_for_person,
    hold_for_program,
    hold_scopes,
    is_in_force,
    longest_hold,
)
from connector.core.corrections.moves import correction_key
from connector.core.decide.decision import Decision, decide
from connector.core.decide.facts import Facts
from connector.core.history.conflicts import mark_own_versions
from connector.core.history.writers import writer_text
from connector.core.model import STAGE, STATUS, Correction, Outcome, Record, Ref
from connector.plan.own_sources import own_sources
from state import applied_corrections, audit, holds, ledger, mirror, outbox, quarantine
from state.db.transaction import Transaction

_CONNECTOR = "the connector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decision about one record, and its corrections that are held back."""

    facts: Facts
    decision: Decision
    held_back: tuple[HeldBack, ...] = ()

    @property
    def due_at(self) -> datetime | None:
        """Return when time alone may change it: a hold's end counts as well."""
        times = [self.decision.due_at, *(entry.until for entry in self.held_back)]
        return min((time for time in times if time is not None), default=None)

    @property
    def pinned(self) -> frozenset[str]:
        """Return the properties that stay as they are."""
        return frozenset(entry.correction.property_name for entry in self.held_back)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldLookup:
    """What speaks against corrections: holds by what they are of, quarantined keys, open moves."""

    holds_by_target: Mapping[tuple[HoldScope, str], Sequence[Hold]]
    quarantine_notes: Mapping[str, str]
    open_refs: Set[Ref]
    readings: Mapping[Ref, Record]
    mirrored: Mapping[Ref, Record]


def hold_lookup(
    context: RunContext, corrections: Sequence[Correction], readings: Mapping[Ref, Record]
) -> HoldLookup:
    """Gather what speaks against these corrections; count what was reverted since it held."""
    now = context.api.now()
    with context.begin() as session:
        _count_reverts(context, session, corrections, readings)
        holds_by_target: dict[tuple[HoldScope, str], list[Hold]] = {}
        records = {correction.record for correction in corrections}
        for hold in holds.read_active_on(session, records, now=now):
            holds_by_target.setdefault((hold.scope, hold.target), []).append(hold)
        quarantine_notes = {
            failure.key: failure.note for failure in quarantine.read_quarantined(session)
        }
        return HoldLookup(
            holds_by_target=holds_by_target,
            quarantine_notes=quarantine_notes,
            open_refs={move.record for move in outbox.open_moves(session)},
            readings=readings,
            mirrored=mirror.get(session, records),
        )


def _count_reverts(
    context: RunContext,
    session: Transaction,
    corrections: Sequence[Correction],
    readings: Mapping[Ref, Record],
) -> None:
    """Count a correction that held once, and is asked for again on the same evidence."""
    reverted_keys = applied_corrections.reverted_times(session, corrections)
    reverted = [
        correction for correction in corrections if correction_key(correction) in reverted_keys
    ]
    for correction in reverted:
        quarantine.note_failure(
            session,
            correction,
            outcome=Outcome.REVERTED,
            note=_revert_note(context, correction, readings.get(correction.record)),
            at=context.api.now(),
        )
    applied_corrections.forget(session, reverted)


def _revert_note(context: RunContext, correction: Correction, record: Record | None) -> str:
    """Return who set back the value that we had written, in words."""
    history = record.history.get(correction.property_name, ()) if record else ()
    if not history:
        return f"somebody set it back to {correction.before or 'blank'}"
    version = history[0]
    at = format_moment(version.at, context.policy.zone)
    return f"{writer_text(version)} set it back to {version.value or 'blank'} on {at}"


def hold_back(context: RunContext, facts: Facts, decision: Decision, lookup: HoldLookup) -> Decided:
    """Decide again without what must not be sent, until nothing of that is left.

    The stage goes first: a lead status is held back only for the stage that really results. A
    stage that failed in this run is tried once more by the next one: until then it is not
    known which stage results, and the lead status stays as it is.

    Comes in: a decision, and what speaks against corrections, read just before. Returned: the
    last decision, with everything that was held back on the way. It ends, because what is held
    back is pinned, and a record has only a few properties to correct.
    """
    held_back: tuple[HeldBack, ...] = ()
    while True:
        new_entries = tuple(
            entry
            for correction in decision.corrections
            if (entry := _held_back_entry(context, correction, facts, decision, lookup))
        )
        # What is left may be sent.
        if not new_entries:
            return Decided(facts=facts, decision=decision, held_back=held_back)
        # A stage among them first: without it another lead status may result.
        held_back += (
            tuple(entry for entry in new_entries if entry.correction.property_name == STAGE)
            or new_entries
        )
        pinned = frozenset(entry.correction.property_name for entry in held_back)
        # The stage is sent once more by the next run: until then no lead status follows it.
        if any(_is_tried_again(context, entry.correction, lookup) for entry in held_back):
            pinned |= {STATUS}
        decision = decide(context.policy, facts, pinned=pinned)


def _is_tried_again(context: RunContext, correction: Correction, lookup: HoldLookup) -> bool:
    """Return whether a stage failed once, in this run, and is sent again by the next one."""
    key = correction_key(correction)
    return (
        correction.property_name == STAGE
        and key in context.state.failed_in_run
        and key not in lookup.quarantine_notes
    )


def _held_back_entry(
    context: RunContext,
    correction: Correction,
    facts: Facts,
    decision: Decision,
    lookup: HoldLookup,
) -> HeldBack | None:
    """Return why a correction must not be sent, None where nothing speaks against it."""
    # The outcome of an earlier write is open: a second one would mix with it.
    if correction.record in lookup.open_refs:
        reason = "an earlier move is open: `connector recover --list` shows why"
        return HeldBack(
            correction=correction, cause=HeldBackCause.QUARANTINED, reason=reason, by=_CONNECTOR
        )
    hold = _longest_hold(context, correction, facts, decision, lookup)
    if hold is not None:
        reason = hold.reason
        return HeldBack(
            correction=correction,
            cause=HeldBackCause.HELD,
            reason=reason,
            by=hold.by,
            until=hold.until,
        )
    # It failed twice on this evidence, in runs before this one.
    failure_key = correction_key(correction)
    if failure_key in lookup.quarantine_notes:
        reason = f"failed twice: {lookup.quarantine_notes[failure_key]}"
        return HeldBack(
            correction=correction, cause=HeldBackCause.QUARANTINED, reason=reason, by=_CONNECTOR
        )
    # It failed a moment ago: the same answer would come again.
    if failure_key in context.state.failed_in_run:
        reason = "failed in this run; tried once more by the next one"
        return HeldBack(
            correction=correction, cause=HeldBackCause.QUARANTINED, reason=reason, by=_CONNECTOR
        )
    return None


def _longest_hold(
    context: RunContext,
    correction: Correction,
    facts: Facts,
    decision: Decision,
    lookup: HoldLookup,
) -> Hold | None:
    """Return the hold on this property that lasts longest, None where no hold is in force.

    Comes in: a correction with the facts and the decision that it came from. A hold ends by its
    date, or by evidence of the property that is newer than what a person set.
    """
    # A blank stage that another program is about to set.
    candidates: list[Hold] = []
    reading = lookup.readings.get(correction.record)
    if reading and correction.property_name == STAGE and not correction.before:
        blank = hold_for_program(
            _with_own_versions(context, reading),
            decision.rules,
            ledger.CONNECTOR,
            minutes=context.policy.policy.number("blank_minutes"),
            now=facts.now,
            zone=context.policy.zone,
        )
        candidates += [blank] if blank else []
    # A value that a person set.
    if reading and (edit := hold_for_person(correction.property_name, reading, context.hold_terms)):
        candidates.append(edit)
    # A hold of the operator, of an undo or of an edit, by any scope of the record.
    mirrored = lookup.mirrored.get(correction.record)
    for target in hold_scopes(mirrored) if mirrored else ():
        candidates += [
            hold
            for hold in lookup.holds_by_target.get(target, ())
            if hold.property_name in {"", correction.property_name}
        ]
    now, newest = facts.now, facts.newest_evidence(correction.property_name)
    return longest_hold(
        hold for hold in candidates if is_in_force(hold, now=now, evidence_at=newest)
    )


def _with_own_versions(context: RunContext, record: Record) -> Record:
    """Return a record with our own versions of its stage marked as ours, by the audit."""
    history = record.history.get(STAGE, ())
    if not history or history[0].value:
        return record
    with context.reading() as session:
        own_writes = {
            (line.after, line.at)
            for line in audit.read_of_records(session, [record.ref])
            if line.property_name == STAGE
        }
    versions = mark_own_versions(history, own_writes, ledger.CONNECTOR, own_sources(context))
    return replace(record, history={**record.history, STAGE: versions})
