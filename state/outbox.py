"""Store open moves, so that the next start finishes or restores them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlmodel import SQLModel

from connector.core.corrections.moves import Move, Phase
from connector.core.model import Ref
from state.db.columns import number, number_key, table_of, text, text_key
from state.db.encoding import canonical_json, corrections_text, parse_corrections, parse_json
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.db.writer_fences import refuse_replaced_writer


class _Row(SQLModel, table=True):
    """The key allows one open move per record."""

    __tablename__ = "outbox"

    portal_id: int = number_key()
    object_type: str = text_key()
    object_id: int = number_key()
    corrections: str = text()
    phase: str = text()
    run: str = text()
    plan: str = text()
    policy: str = text()
    promised_at: int = number()
    seen: str = text()


_TABLE: Final = table_of(_Row)


def promise(session: Transaction, moves: Sequence[Move]) -> None:
    """Store moves before anything of them is sent.

    A second open move of a record raises IntegrityError: it would overwrite the phase of the first
    move, and a record that the first move cleared would stay blank.
    """
    refuse_replaced_writer(session)
    if moves:
        session.execute(insert(_TABLE), [_row(session, move) for move in moves])


def advance(session: Transaction, refs: Iterable[Ref], phase: Phase) -> None:
    """Store the phase of moves, before the request of that phase is sent.

    Raise LookupError where a record has no open move: nothing may be sent for it.
    """
    refuse_replaced_writer(session)
    for chunk in chunk_refs(refs):
        conditions = chunk_conditions(session, _TABLE, chunk)
        statement = update(_TABLE).where(*conditions).values(phase=phase.value)
        if session.connection().execute(statement).rowcount != len(chunk[1]):
            raise LookupError(f"not every one of these {chunk[0]} has an open move: {chunk[1]}")


def open_moves(session: Transaction) -> tuple[Move, ...]:
    """Return every open move, ordered by type and id."""
    query = (
        select(_TABLE)
        .where(_TABLE.c.portal_id == session.portal_key)
        .order_by(_TABLE.c.object_type, _TABLE.c.object_id)
    )
    return tuple(_move(row) for row in session.execute(query))


def has_open_moves(session: Transaction) -> bool:
    """Return whether a move of any portal is open."""
    return session.execute(select(_TABLE.c.portal_id).limit(1)).first() is not None


def move_to_survivors(session: Transaction, merged: Mapping[Ref, Ref]) -> None:
    """Move the open moves of merged records to their survivors.

    A survivor that has an open move of its own keeps that one.
    """
    moves = open_moves(session)
    records_with_move = {open_move.record for open_move in moves}
    for move in moves:
        survivor = merged.get(move.record)
        if survivor is None:
            continue
        close(session, [move.record])
        if survivor not in records_with_move:
            corrections = tuple(
                replace(correction, record=survivor) for correction in move.corrections
            )
            promise(session, [replace(move, record=survivor, corrections=corrections)])
            records_with_move.add(survivor)


def close(session: Transaction, refs: Iterable[Ref]) -> None:
    """Delete moves that have ended, in the transaction that appends their audit lines."""
    refuse_replaced_writer(session)
    for chunk in chunk_refs(refs):
        session.execute(delete(_TABLE).where(*chunk_conditions(session, _TABLE, chunk)))


def _row(session: Transaction, move: Move) -> dict[str, Any]:
    return {
        "portal_id": session.portal_key,
        "object_type": move.record.object_type.value,
        "object_id": int(move.record.id),
        "corrections": corrections_text(move.corrections),
        "phase": move.phase.value,
        "run": move.run,
        "plan": move.plan,
        "policy": move.policy,
        "promised_at": to_millis(move.promised_at),
        "seen": canonical_json(
            {name: [to_millis(at), value] for name, (at, value) in move.last_read.items()}
        ),
    }


def _move(row: Any) -> Move:
    return Move(
        record=ref_of(row.object_type, row.object_id),
        corrections=parse_corrections(row.corrections),
        run=row.run,
        plan=row.plan,
        policy=row.policy,
        promised_at=from_millis(row.promised_at),
        phase=Phase(row.phase),
        last_read={
            name: (from_millis(at), value) for name, (at, value) in parse_json(row.seen).items()
        },
    )
