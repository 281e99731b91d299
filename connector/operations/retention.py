"""Delete what is older than the retention periods, and cut the old audit into archive files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import structlog

from connector.context import RunContext
from connector.core.corrections.audit import IntactChain
from connector.core.retention import retention_cutoff
from connector.errors import UserError
from state import (
    audit,
    audit_archives,
    checkpoints,
    ledger,
    mirror_queries,
    observed_changes,
    outgoing_events,
    plans,
    runs,
    webhook_inbox,
)
from state.db.transaction import Transaction

MAX_LINES_PER_FILE: Final = 50_000
"""Lines in one file: the transaction that deletes them takes about a second."""
_CHECKPOINT: Final = "audit.cut"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedCut:
    """A cut that was begun: the audit's lines up to `last_line` go into this file."""

    last_line: int
    file: Path

    def to_checkpoint(self) -> dict[str, Any]:
        return {"place": self.last_line, "file": str(self.file)}

    @classmethod
    def from_checkpoint(cls, stored: Any) -> Self | None:
        """Return the planned cut, None where the checkpoint is empty."""
        return cls(last_line=stored["place"], file=Path(stored["file"])) if stored else None


def apply_retention(context: RunContext) -> None:
    """Delete what is older than `context.retention` allows; repeating it changes nothing."""
    _prune(context)
    planned_cut = _plan_cut(context)
    if planned_cut:
        _write_archive(context, planned_cut)
        _cut_audit(context, planned_cut)


def _prune(context: RunContext) -> None:
    """Delete old events, runs, plans and histories, each in a transaction of its own."""
    now = context.api.now()
    if inbox_limit := retention_cutoff(now, context.retention.inbox):
        with context.begin() as session:
            webhook_inbox.prune(session, before=inbox_limit)
            observed_changes.prune(session, before=inbox_limit)
    if runs_limit := retention_cutoff(now, context.retention.runs):
        with context.begin() as session:
            runs.prune(session, before=runs_limit)
            outgoing_events.prune_set_aside(session, before=runs_limit)
            plans.expire(session, before=runs_limit)
    if ledger_limit := retention_cutoff(now, context.retention.ledger):
        with context.begin() as session:
            archived_refs = mirror_queries.archived_before(session, ledger_limit)
            ledger.erase(session, archived_refs)
            ledger.prune(session, before=ledger_limit)


def _plan_cut(context: RunContext) -> _PlannedCut | None:
    """Return the cut that an earlier process began and did not end, else a new one or None."""
    before = retention_cutoff(context.api.now(), context.retention.audit)
    if before is None:
        return None
    with context.begin() as session:
        planned_cut = _PlannedCut.from_checkpoint(checkpoints.get(session, _CHECKPOINT))
        if planned_cut:
            return planned_cut
        last_line = audit.place_to_cut(session, older_than=before, max_lines=MAX_LINES_PER_FILE)
        if last_line is None:
            return None
        first_line = _start_of_kept_lines(session).line_count + 1
        planned_cut = _PlannedCut(
            last_line=last_line, file=_archive_path(context, first_line, last_line)
        )
        checkpoints.put(session, _CHECKPOINT, planned_cut.to_checkpoint())
        return planned_cut


def _start_of_kept_lines(session: Transaction) -> IntactChain:
    """Return the end of the chain that was cut, from which the kept lines continue."""
    cut = audit.head(session).cut
    return IntactChain(line_count=cut.position if cut else 0, last_hash=cut.hash if cut else "")


def _archive_path(context: RunContext, first_line: int, last_line: int) -> Path:
    folder = Path(context.retention.folder) if context.retention.folder else context.store.folder
    return audit_archives.new_path(folder.resolve(), context.portal_id, first_line, last_line)


def _write_archive(context: RunContext, planned_cut: _PlannedCut) -> None:
    """Write the archive; a file that an earlier process began is written again."""
    with context.reading() as session:
        rows = audit.read_stored(session, until=planned_cut.last_line)
        start = _start_of_kept_lines(session)
        audit_archives.write(planned_cut.file, context.portal_id, start, rows)


def _cut_audit(context: RunContext, planned_cut: _PlannedCut) -> None:
    """Delete the lines that the archive proves to hold, and the planned cut."""
    archive = audit_archives.read(planned_cut.file)
    if archive.end is None or archive.end.line_count != planned_cut.last_line:
        raise UserError(
            "The audit was changed after it was written, so it is not cut: `connector audit "
            "verify` names the line; compare with a backup."
        )
    with context.begin() as session:
        if audit.count_redacted(session, until=planned_cut.last_line) != archive.redacted:
            return  # redacted meanwhile: the cut stays planned, the next run writes the file again
        cut = audit.cut(
            session,
            planned_cut.last_line,
            at=context.api.now(),
            file=str(planned_cut.file),
        )
        checkpoints.put(session, _CHECKPOINT, None)
    _log.info("audit.cut", portal=context.portal_id, lines=cut.position, file=cut.file)
