"""Undo what was written: put back what still stands as we left it, and hold it there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from connector.core.audit import AuditLine, Cut
from connector.core.holds import Hold, Origin, Scope, by_person
from connector.core.model import STAGE, Correction, Direction, Outcome, Record, Ref
from connector.core.moves import Move
from connector.core.rules import direction
from connector.core.writers import named
from connector.desk import Desk, chunks
from connector.ending import UNHEEDED
from connector.giving_back import Ending
from connector.push import BATCH, push_batch
from connector.readings import read
from connector.releasing import UNDO, signature
from state import audit, holds, mirror, runs

RULE = UNDO


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which writes to undo; None does not narrow. `told` says it in words."""

    run: str | None = None
    record: Ref | None = None
    rule: str | None = None
    since: datetime | None = None

    @property
    def told(self) -> str:
        """Return the selection in words, for reasons."""
        parts = {
            "run": self.run,
            "record": self.record,
            "rule": self.rule,
            "since": self.since.isoformat() if self.since else None,
        }
        return ", ".join(f"{name} {one}" for name, one in parts.items() if one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What we made of one property of one record, from the first selected write to the last."""

    record: Ref
    property_name: str
    before: str
    after: str
    at: datetime
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A write that is not undone, and why."""

    record: Ref
    property_name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What an undo would do: the way back of each record, and what it must leave.

    `cut` is there where lines of the selection may have left the database for a file.
    """

    selection: Selection
    moves: tuple[tuple[Correction, ...], ...]
    left: tuple[Left, ...]
    again: frozenset[tuple[Ref, str]]
    cut: Cut | None = None

    @property
    def corrections(self) -> int:
        """Return how many properties go back."""
        return sum(len(one) for one in self.moves)

    @property
    def backward(self) -> int:
        """Return how many stages must be cleared first: their dates cannot be restored."""
        return sum(one.direction is Direction.BACKWARD for each in self.moves for one in each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How an undo ended."""

    run: str
    undo: Undo
    outcomes: Counter[Outcome]
    left: tuple[Left, ...]


def prepare(desk: Desk, selection: Selection) -> Undo:
    """Return what would be put back: only where our value still stands; writes nothing."""
    written = _written(desk, selection)
    found = read(desk, sorted({one.record for one in written}))
    left: list[Left] = []
    moves: dict[Ref, list[Correction]] = {}
    for one in written:
        why = _why_left(desk, one, found.get(one.record))
        if why:
            left.append(Left(record=one.record, property_name=one.property_name, why=why))
        elif one.before != one.after:
            moves.setdefault(one.record, []).append(_back(desk, one, selection))
    return Undo(
        selection=selection,
        moves=tuple(tuple(each) for _, each in sorted(moves.items())),
        left=tuple(left),
        again=frozenset((one.record, one.property_name) for one in written if one.rule == RULE),
        cut=_cut(desk, selection),
    )


def undo(desk: Desk, prepared: Undo) -> Undone:
    """Put back what was prepared; held before it is sent, so that no crash lets it come again.

    Neither limits nor a pause stop it.
    """
    with desk.store.begin() as session:
        runs.begin(session, desk.portal_id, desk.run, "undo", desk.door.now())
        holds.add(session, desk.portal_id, _holds(desk, prepared))
    endings = [one for moves in _batches(desk, prepared.moves) for one in push_batch(desk, moves)]
    outcomes = Counter(one.outcome for one in endings)
    _close(desk, prepared, endings, {str(one): count for one, count in outcomes.items()})
    failed = tuple(
        Left(
            record=one.correction.record,
            property_name=one.correction.property_name,
            why=f"{one.outcome}: {one.note}",
        )
        for one in endings
        if one.outcome in UNHEEDED | {Outcome.STALE}
    )
    return Undone(run=desk.run, undo=prepared, outcomes=outcomes, left=prepared.left + failed)


def _close(
    desk: Desk, prepared: Undo, endings: Sequence[Ending], summary: Mapping[str, int]
) -> None:
    """End the run; what did not go back, or is an undo undone, is held no more."""
    failed = [one.correction for one in endings if one.outcome is not Outcome.APPLIED]
    unheld = {(one.record, one.property_name) for one in failed} | prepared.again
    now = desk.door.now()
    with desk.store.begin() as session:
        for record, name in sorted(unheld):
            holds.remove(
                session,
                desk.portal_id,
                Scope.RECORD,
                str(record),
                property_name=name,
                origin=Origin.UNDONE,
            )
        mirror.mark_due(session, desk.portal_id, {record for record, _ in unheld}, at=now)
        runs.finish(session, desk.portal_id, desk.run, now, summary)


def _written(desk: Desk, selection: Selection) -> list[Written]:
    """Fold the selected writes: of each property the first old value and the last new one."""
    with desk.store.reading() as session:
        lines = audit.read(
            session,
            desk.portal_id,
            record=selection.record,
            run=selection.run,
            since=selection.since,
        )
        chosen = [one for one in lines if _is_chosen(one, selection)]
    found: dict[tuple[Ref, str], Written] = {}
    for one in chosen:
        key = one.record, one.property_name
        found[key] = Written(
            record=one.record,
            property_name=one.property_name,
            before=found[key].before if key in found else one.before,
            after=one.after,
            at=one.at,
            rule=one.rule,
        )
    return list(found.values())


def _cut(desk: Desk, selection: Selection) -> Cut | None:
    """Return the cut of the audit that the selection reaches behind, None where it does not."""
    with desk.store.reading() as session:
        cut = audit.head(session, desk.portal_id).cut
        run = runs.get(session, desk.portal_id, selection.run) if selection.run else None
    if cut is None:
        return None
    begins = [one for one in (selection.since, run and run.began_at) if one]
    return None if begins and max(begins) > cut.latest else cut


def _is_chosen(line: AuditLine, selection: Selection) -> bool:
    return (
        line.outcome is Outcome.APPLIED
        and not line.redacted
        and (selection.rule is None or line.rule == selection.rule)
    )


def _why_left(desk: Desk, one: Written, record: Record | None) -> str:
    """Return why a write is left as it is, "" where our value still stands."""
    if record is None:
        return "archived or deleted since"
    if record.ref != one.record:
        return f"merged into {record.ref} since"
    history = record.history.get(one.property_name, ())
    value = record.value(one.property_name)
    if value != one.after:
        who = f" by {named(history[0])}" if history and history[0].value == value else ""
        return f"changed since{who}: it is {value or 'blank'}"
    if history and history[0].at > one.at and by_person(history[0], desk.hold_terms):
        return f"confirmed since by {named(history[0])}"
    return ""


def _back(desk: Desk, one: Written, selection: Selection) -> Correction:
    return Correction(
        record=one.record,
        property_name=one.property_name,
        before=one.after,
        after=one.before,
        direction=_way(desk, one),
        rule=RULE,
        reason=f"undo of {selection.told}",
    )


def _way(desk: Desk, one: Written) -> Direction:
    if one.property_name == STAGE:
        return direction(desk.policy.sides[one.record.object_type], one.after, one.before)
    return Direction.SET if one.before else Direction.CLEAR


def _holds(desk: Desk, prepared: Undo) -> Iterator[Hold]:
    now = desk.door.now()
    for one in (each for corrections in prepared.moves for each in corrections):
        yield Hold(
            scope=Scope.RECORD,
            of=str(one.record),
            property_name=one.property_name,
            reason=f"undone: {prepared.selection.told}, by run {desk.run}",
            by=signature(desk.run),
            since=now,
            origin=Origin.UNDONE,
        )


def _batches(desk: Desk, moves: Iterable[tuple[Correction, ...]]) -> Iterator[Sequence[Move]]:
    for _, group in groupby(moves, key=lambda each: each[0].record.object_type):
        for part in chunks(group, BATCH):
            yield [_move(desk, corrections) for corrections in part]


def _move(desk: Desk, corrections: tuple[Correction, ...]) -> Move:
    return Move(
        record=corrections[0].record,
        corrections=corrections,
        run=desk.run,
        plan=RULE,
        policy=desk.policy.name,
        promised_at=desk.door.now(),
    )
