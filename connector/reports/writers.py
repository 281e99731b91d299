"""Report who sets stage and lead status, how often, and who sets back whose values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from connector.core.history.conflicts import EditCount, Writer, WriterConflicts, mark_own_versions
from connector.core.model import STAGE, STATUS, Outcome, Ref
from connector.reports.table import Cell, Report
from state import audit, ledger
from state.db.transaction import Transaction

_CHUNK = 1000
_COLUMNS = ("property_name", "who", "source_type", "source_id", "times", "records", "last_at")
_SET_BACK_COLUMNS = ("set_back", "set_back_by")
OwnValues = Mapping[tuple[Ref, str], frozenset[tuple[str, datetime]]]


def writers_report(session: Transaction) -> Report:
    """Return the writers of stage and lead status, as far as their histories were read."""
    conflicts = WriterConflicts()
    histories = ledger.read_histories(session, (STAGE, STATUS))
    while chunk := list(islice(histories, _CHUNK)):
        own_values = _own_values(session, {ref for ref, _, _ in chunk})
        for ref, name, versions in chunk:
            values = own_values.get((ref, name), frozenset())
            conflicts.add_versions(ref, name, mark_own_versions(versions, values, ledger.CONNECTOR))
    conflict_rows = [
        _conflict_row(key, stats)
        for key, stats in sorted(conflicts.conflicts.items(), key=_by_frequency)
    ]
    return Report(
        name="writers",
        title="Who sets lifecycle stage and lead status",
        columns=(*_COLUMNS, *_SET_BACK_COLUMNS),
        rows=[
            _row(conflicts, *entry)
            for entry in sorted(conflicts.writers.items(), key=_by_frequency)
        ],
        notes=tuple(_conflict_note(row) for row in conflict_rows),
        json_only={"fights": conflict_rows},
    )


def _by_frequency(entry: tuple[tuple[Any, ...], EditCount]) -> tuple[int, tuple[Any, ...]]:
    """Sort the most frequent ones first."""
    return -entry[1].edit_count, entry[0]


def _own_values(session: Transaction, refs: set[Ref]) -> OwnValues:
    """Return the values that we set and when each was verified, by record and property."""
    values: dict[tuple[Ref, str], set[tuple[str, datetime]]] = defaultdict(set)
    for line in audit.read_of_records(session, refs):
        key = line.record, line.property_name
        values[key].add((line.after, line.at))
        if line.outcome is Outcome.RESTORED:
            values[key].add((line.before, line.at))
    return {key: frozenset(pairs) for key, pairs in values.items()}


def _row(conflicts: WriterConflicts, key: tuple[str, Writer], stats: EditCount) -> tuple[Cell, ...]:
    """Return one writer, with how often and by whom it was set back."""
    name, writer = key
    set_backs = {
        second_writer: set_back_stats
        for (
            property_name,
            first_writer,
            second_writer,
        ), set_back_stats in conflicts.conflicts.items()
        if (property_name, first_writer) == key
    }
    return (
        name,
        writer.description,
        writer.source_type,
        writer.source_id,
        stats.edit_count,
        len(stats.records),
        stats.last_at.isoformat(),
        sum(set_back_stats.edit_count for set_back_stats in set_backs.values()),
        "; ".join(second_writer.description for second_writer in sorted(set_backs)),
    )


def _conflict_row(key: tuple[str, Writer, Writer], stats: EditCount) -> dict[str, Any]:
    name, first_writer, second_writer = key
    return {
        "property_name": name,
        "set_by": first_writer.description,
        "set_back_by": second_writer.description,
        "times": stats.edit_count,
        "records": len(stats.records),
        "last_at": stats.last_at.isoformat(),
        "examples": [str(ref) for ref in stats.examples],
    }


def _conflict_note(row: Mapping[str, Any]) -> str:
    return (
        f"{row['property_name']}: {row['set_by']} sets, {row['set_back_by']} sets back "
        f"within a week: {row['times']:,} times on {row['records']:,} records "
        f"({', '.join(row['examples'])})."
    )
