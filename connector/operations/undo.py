"""Undo writes: restore the old value where ours still stands, and hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from connector.context import DecisionContext, RunContext, chunks
from connector.core.corrections.audit import AuditCut, AuditLine
from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.corrections.moves import Move
from connector.core.decide.decision import stage_direction
from connector.core.history.writers import is_by_person, writer_text
from connector.core.model import STAGE, Correction, Direction, Outcome, Record, Ref
from connector.plan.fresh_reads import read_records
from connector.plan.storing import raise_storage_failure
from connector.push.disk_room import release_room, require_room
from connector.push.finish_moves import FAILURES
from connector.push.move_batch import finish_unserved
from connector.push.push import BATCH_SIZE, push_stepwise
from connector.push.release_holds import UNDO, hold_author
from connector.push.restore_edits import CorrectionResult
from state import audit, due_times, holds, runs

RULE = UNDO


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which writes to undo; a field that is None does not narrow.

    `until` leaves out what was written after a person confirmed the undo.
    """

    run: str | None = None
    record: Ref | None = None
    rule: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def description(self) -> str:
        """Return the selection in words, for reasons."""
        parts = {
            "run": self.run,
            "record": self.record,
            "rule": self.rule,
            "since": self.since.isoformat() if self.since else None,
        }
        return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyWrite:
    """Our change of one property of one record, from the first selected write to the last."""

    record: Ref
    property_name: str
    before: str
    after: str
    at: datetime
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUndone:
    """A write that is not undone, and why."""

    record: Ref
    property_name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPlan:
    """What an undo would do: the moves back, and the writes that it must leave.

    `cut` is set where audit lines of the selection may have been moved to a file.
    """

    selection: Selection
    moves: tuple[tuple[Correction, ...], ...]
    not_undone: tuple[NotUndone, ...]
    earlier_undos: frozenset[tuple[Ref, str]]
    cut: AuditCut | None = None

    @property
    def corrections(self) -> int:
        """Return how many properties are restored."""
        return sum(len(corrections) for corrections in self.moves)

    @property
    def backward(self) -> int:
        """Return how many stages must be cleared first: their dates cannot be restored."""
        return sum(
            correction.direction is Direction.BACKWARD
            for corrections in self.moves
            for correction in corrections
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoResult:
    """How an undo ended."""

    run: str
    undo: UndoPlan
    outcomes: Counter[Outcome]
    not_undone: tuple[NotUndone, ...]


def plan_undo(context: RunContext, selection: Selection) -> UndoPlan:
    """Return what would be restored: only where our value still stands; writes nothing."""
    writes = selected_writes(context, selection)
    records = read_records(context, sorted({write.record for write in writes}))
    not_undone: list[NotUndone] = []
    moves: dict[Ref, list[Correction]] = {}
    for write in writes:
        reason = _reason_to_leave(context, write, records.get(write.record))
        if reason:
            not_undone.append(
                NotUndone(record=write.record, property_name=write.property_name, reason=reason)
            )
        elif write.before != write.after:
            moves.setdefault(write.record, []).append(
                _reverse_correction(context, write, selection)
            )
    return UndoPlan(
        selection=selection,
        moves=tuple(tuple(corrections) for _, corrections in sorted(moves.items())),
        not_undone=tuple(not_undone),
        earlier_undos=_undos_to_undo(writes, moves),
        cut=_cut_reached(context, selection),
    )


def _undos_to_undo(
    writes: Iterable[PropertyWrite], moves: Mapping[Ref, Sequence[Correction]]
) -> frozenset[tuple[Ref, str]]:
    """Return the writes of earlier undos that these moves take back.

    The hold of an undo whose value stays must stay too: the next cycle would write it again.
    """
    moved = {
        (correction.record, correction.property_name)
        for corrections in moves.values()
        for correction in corrections
    }
    return (
        frozenset((write.record, write.property_name) for write in writes if write.rule == RULE)
        & moved
    )


def undo(context: RunContext, plan: UndoPlan) -> UndoResult:
    """Restore the planned values, which no limit and no pause stops.

    The records are held before anything is sent: after a crash the next cycle would otherwise
    make the undone corrections again.
    """
    require_room(context)
    with context.begin() as session:
        runs.begin(session, context.run, "undo", context.api.now())
        holds.add(session, _undo_holds(context, plan))
    results = [
        result
        for moves in _batches(context, plan.moves)
        for result in push_stepwise(context, moves)
    ]
    results += finish_unserved(context)
    raise_storage_failure(context)
    release_room(context)
    outcomes = Counter(result.outcome for result in results)
    _close_undo(
        context, plan, results, {str(outcome): count for outcome, count in outcomes.items()}
    )
    failures = tuple(
        NotUndone(
            record=result.correction.record,
            property_name=result.correction.property_name,
            reason=f"{result.outcome}: {result.note}",
        )
        for result in results
        if result.outcome in FAILURES | {Outcome.STALE}
    )
    return UndoResult(
        run=context.run, undo=plan, outcomes=outcomes, not_undone=plan.not_undone + failures
    )


def _close_undo(
    context: RunContext,
    plan: UndoPlan,
    results: Sequence[CorrectionResult],
    summary: Mapping[str, int],
) -> None:
    """End the run; release the holds of what was not restored, and of undos that were undone."""
    failures = [result.correction for result in results if result.outcome is not Outcome.APPLIED]
    to_release = {
        (correction.record, correction.property_name) for correction in failures
    } | plan.earlier_undos
    now = context.api.now()
    with context.begin() as session:
        for record, name in sorted(to_release):
            holds.remove(
                session,
                HoldScope.RECORD,
                str(record),
                property_name=name,
                origin=HoldOrigin.UNDONE,
            )
        due_times.mark_due(session, {record for record, _ in to_release}, at=now)
        runs.finish(session, context.run, now, summary)


def selected_writes(context: DecisionContext, selection: Selection) -> list[PropertyWrite]:
    """Fold the selected writes: of each property the first old value and the last new one."""
    with context.reading() as session:
        lines = audit.read(
            session,
            record=selection.record,
            run=selection.run,
            since=selection.since,
            until=selection.until,
        )
        selected = [line for line in lines if _is_selected(line, selection)]
    writes: dict[tuple[Ref, str], PropertyWrite] = {}
    for line in selected:
        key = line.record, line.property_name
        writes[key] = PropertyWrite(
            record=line.record,
            property_name=line.property_name,
            before=writes[key].before if key in writes else line.before,
            after=line.after,
            at=line.at,
            rule=line.rule,
        )
    return list(writes.values())


def _cut_reached(context: RunContext, selection: Selection) -> AuditCut | None:
    """Return the audit's cut where the selection may reach lines before it, else None."""
    with context.reading() as session:
        cut = audit.head(session).cut
        run = runs.get(session, selection.run) if selection.run else None
    if cut is None:
        return None
    start_times = [time for time in (selection.since, run and run.began_at) if time]
    return None if start_times and max(start_times) > cut.last_line_at else cut


def _is_selected(line: AuditLine, selection: Selection) -> bool:
    return (
        line.outcome is Outcome.APPLIED
        and not line.redacted
        and (selection.rule is None or line.rule == selection.rule)
    )


def _reason_to_leave(context: RunContext, write: PropertyWrite, record: Record | None) -> str:
    """Return why a write is not undone, "" where our value still stands."""
    if record is None:
        return "archived or deleted since"
    if record.ref != write.record:
        return f"merged into {record.ref} since"
    history = record.history.get(write.property_name, ())
    value = record.value(write.property_name)
    if value != write.after:
        writer = f" by {writer_text(history[0])}" if history and history[0].value == value else ""
        return f"changed since{writer}: it is {value or 'blank'}"
    if (
        history
        and history[0].at > write.at
        and is_by_person(history[0], imports=context.hold_terms.imports)
    ):
        return f"confirmed since by {writer_text(history[0])}"
    return ""


def _reverse_correction(
    context: RunContext, write: PropertyWrite, selection: Selection
) -> Correction:
    return Correction(
        record=write.record,
        property_name=write.property_name,
        before=write.after,
        after=write.before,
        direction=_reverse_direction(context, write),
        rule=RULE,
        reason=f"undo of {selection.description}",
    )


def _reverse_direction(context: RunContext, write: PropertyWrite) -> Direction:
    if write.property_name == STAGE:
        return stage_direction(
            context.policy.object_policies[write.record.object_type], write.after, write.before
        )
    return Direction.SET if write.before else Direction.CLEAR


def _undo_holds(context: RunContext, plan: UndoPlan) -> Iterator[Hold]:
    now = context.api.now()
    for correction in (item for corrections in plan.moves for item in corrections):
        yield Hold(
            scope=HoldScope.RECORD,
            target=str(correction.record),
            property_name=correction.property_name,
            reason=f"undone: {plan.selection.description}, by run {context.run}",
            by=hold_author(context.run),
            since=now,
            origin=HoldOrigin.UNDONE,
        )


def _batches(
    context: RunContext, moves: Iterable[tuple[Correction, ...]]
) -> Iterator[Sequence[Move]]:
    for _, group in groupby(moves, key=lambda corrections: corrections[0].record.object_type):
        for part in chunks(group, BATCH_SIZE):
            yield [_new_move(context, corrections) for corrections in part]


def _new_move(context: RunContext, corrections: tuple[Correction, ...]) -> Move:
    return Move(
        record=corrections[0].record,
        corrections=corrections,
        run=context.run,
        plan=RULE,
        policy=context.policy.name,
        promised_at=context.api.now(),
    )
