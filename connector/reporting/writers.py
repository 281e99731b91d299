"""Report who sets the stage and the lead status, how often, and who fights whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from connector.core.model import STAGE, STATUS, Outcome, Ref
from connector.core.rivals import Habit, Rivals, Writer, signed
from connector.reporting.report import Cell, Report
from state import audit, ledger

_CHUNK = 1000
_COLUMNS = ("property_name", "who", "source_type", "source_id", "times", "records", "last_at")
_MORE = ("set_back", "set_back_by")
Ours = Mapping[tuple[Ref, str], frozenset[tuple[str, datetime]]]


def writers(session: Session, portal_id: str) -> Report:
    """Return who writes in this portal, as far as histories were read: of what needed a look."""
    rivals = Rivals()
    every = ledger.each(session, portal_id, (STAGE, STATUS))
    while found := list(islice(every, _CHUNK)):
        ours = _ours(session, portal_id, {ref for ref, _, _ in found})
        for ref, name, versions in found:
            mine = ours.get((ref, name), frozenset())
            rivals.note(ref, name, signed(versions, mine, ledger.OURS))
    fights = [_fight(key, habit) for key, habit in sorted(rivals.fights.items(), key=_most)]
    return Report(
        name="writers",
        title="Who sets lifecycle stage and lead status",
        columns=(*_COLUMNS, *_MORE),
        rows=[_row(rivals, *each) for each in sorted(rivals.writers.items(), key=_most)],
        notes=tuple(_told(one) for one in fights),
        more={"fights": fights},
    )


def _most(each: tuple[tuple[Any, ...], Habit]) -> tuple[int, tuple[Any, ...]]:
    """Sort the most frequent ones first."""
    return -each[1].times, each[0]


def _ours(session: Session, portal_id: str, refs: set[Ref]) -> Ours:
    """Return which values we set, and when that was verified, by record and property."""
    found: dict[tuple[Ref, str], set[tuple[str, datetime]]] = defaultdict(set)
    for line in audit.of_records(session, portal_id, refs):
        key = line.record, line.property_name
        found[key].add((line.after, line.at))
        if line.outcome is Outcome.RESTORED:
            found[key].add((line.before, line.at))
    return {key: frozenset(each) for key, each in found.items()}


def _row(rivals: Rivals, key: tuple[str, Writer], habit: Habit) -> tuple[Cell, ...]:
    """Return one writer, with how often and by whom it was set back."""
    name, writer = key
    back = {two: each for (of, one, two), each in rivals.fights.items() if (of, one) == key}
    return (
        name,
        writer.who,
        writer.source_type,
        writer.source_id,
        habit.times,
        len(habit.records),
        habit.last_at.isoformat(),
        sum(each.times for each in back.values()),
        "; ".join(two.who for two in sorted(back)),
    )


def _fight(key: tuple[str, Writer, Writer], habit: Habit) -> dict[str, Any]:
    name, one, two = key
    return {
        "property_name": name,
        "set_by": one.who,
        "set_back_by": two.who,
        "times": habit.times,
        "records": len(habit.records),
        "last_at": habit.last_at.isoformat(),
        "examples": [str(ref) for ref in habit.examples],
    }


def _told(fight: Mapping[str, Any]) -> str:
    return (
        f"{fight['property_name']}: {fight['set_by']} sets, {fight['set_back_by']} sets back "
        f"within a week: {fight['times']:,} times on {fight['records']:,} records "
        f"({', '.join(fight['examples'])})."
    )
