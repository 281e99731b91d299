"""Compare the audit with what is known of it from elsewhere: a head, and the runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from connector.core.corrections.audit import ChainCheck, IntactChain
from state import audit, audit_counts, runs
from state.db.transaction import Transaction


class HeadCheck(StrEnum):
    """How the chain compares with a head that was noted earlier."""

    CONTAINED = "contained"
    CUT_SHORT = "cut short"
    REWRITTEN = "rewritten"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShortfall:
    """A run that ended with more corrections than the audit has lines of it."""

    run: str
    corrections: int
    lines: int


def check_head(session: Transaction, verdict: ChainCheck, expected: IntactChain) -> HeadCheck:
    """Return whether the chain goes through an expected head: so many lines, the last hash.

    `CUT_SHORT`: the database has fewer lines, so the newest were cut off or a backup was restored.
    `REWRITTEN`: the line at that place has another hash. `ARCHIVED`: the line left for a file, of
    which only the last line of each cut is known.
    """
    if isinstance(verdict, IntactChain) and verdict.line_count < expected.line_count:
        return HeadCheck.CUT_SHORT
    stored_hash = audit.hash_at(session, expected.line_count)
    if stored_hash is None:
        return HeadCheck.ARCHIVED
    return HeadCheck.CONTAINED if stored_hash == expected.last_hash else HeadCheck.REWRITTEN


def runs_with_missing_lines(session: Transaction) -> tuple[RunShortfall, ...]:
    """Return the runs since the last cut that ended with more corrections than they have lines.

    A run's summary counts its corrections by outcome, and each of them has a line.
    """
    cut = audit.head(session).cut
    lines_by_run = audit_counts.count_lines_by_run(session)
    shortfalls = []
    for run in runs.read(session, since=cut.last_line_at if cut else None):
        # A run that began in the very moment of the last line that was cut may have lost lines.
        if cut and run.began_at <= cut.last_line_at:
            continue
        corrections = sum(count for count in run.summary.values() if isinstance(count, int))
        lines = lines_by_run.get(run.run, 0)
        if run.finished_at is not None and lines < corrections:
            shortfalls.append(RunShortfall(run=run.run, corrections=corrections, lines=lines))
    return tuple(shortfalls)
