"""Forget what nobody needs any more, and cut the old audit into files where that is wished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from connector.context import RunContext
from connector.core.corrections.audit import AuditCut, IntactChain
from connector.core.retention import retention_cutoff
from connector.errors import UserError
from state import audit, audit_archives, checkpoints, ledger, mirror, plans, runs, webhook_inbox

MAX_LINES_PER_FILE: Final = 50_000
"""Lines in one file: the transaction that deletes them takes about a second."""
_CHECKPOINT: Final = "audit.cut"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlannedCut:
    """A cut on its way: the lines from the beginning up to `place` go into this file."""

    last_line: int
    file: Path
    start: IntactChain


def apply_retention(context: RunContext) -> None:
    """Forget what is older than `desk.keep` says; doing it twice is doing it once."""
    _prune(context)
    planned_cut = _plan_cut(context)
    if planned_cut:
        _write_archive(context, planned_cut)
        _cut_audit(context, planned_cut)


def _prune(context: RunContext) -> None:
    """Forget events, runs, plans and histories, each for itself."""
    now, portal_id = context.api.now(), context.portal_id
    if inbox_limit := retention_cutoff(now, context.retention.inbox):
        with context.store.begin(portal_id) as session:
            webhook_inbox.prune(session, before=inbox_limit)
    if runs_limit := retention_cutoff(now, context.retention.runs):
        with context.store.begin(portal_id) as session:
            runs.prune(session, before=runs_limit)
            plans.expire(session, before=runs_limit)
    if ledger_limit := retention_cutoff(now, context.retention.ledger):
        with context.store.begin(portal_id) as session:
            archived_refs = mirror.archived_before(session, ledger_limit)
            ledger.erase(session, archived_refs)
            ledger.prune(session, before=ledger_limit)


def _plan_cut(context: RunContext) -> _PlannedCut | None:
    """Return the cut that an earlier process began and did not end, else a new one, or None."""
    before = retention_cutoff(context.api.now(), context.retention.audit)
    if before is None:
        return None
    with context.begin() as session:
        start = _cut_start(audit.head(session).cut)
        stored = checkpoints.get(session, _CHECKPOINT)
        if not stored:
            last_line = audit.place_to_cut(session, older_than=before, max_lines=MAX_LINES_PER_FILE)
            stored = last_line and _checkpoint_value(context, start.line_count + 1, last_line)
            checkpoints.put(session, _CHECKPOINT, stored)
    if not stored:
        return None
    return _PlannedCut(last_line=stored["place"], file=Path(stored["file"]), start=start)


def _cut_start(cut: AuditCut | None) -> IntactChain:
    return (
        IntactChain(line_count=cut.position, last_hash=cut.hash)
        if cut
        else IntactChain(line_count=0, last_hash="")
    )


def _checkpoint_value(context: RunContext, first_line: int, last_line: int) -> dict[str, Any]:
    folder = Path(context.retention.folder) if context.retention.folder else context.store.folder
    path = audit_archives.new_path(folder.resolve(), context.portal_id, first_line, last_line)
    return {"place": last_line, "file": str(path)}


def _write_archive(context: RunContext, planned_cut: _PlannedCut) -> None:
    """Write the file; what an earlier process wrote of it is written again, and the same."""
    with context.reading() as session:
        rows = audit.read_stored(session, until=planned_cut.last_line)
        audit_archives.write(planned_cut.file, context.portal_id, planned_cut.start, rows)


def _cut_audit(context: RunContext, planned_cut: _PlannedCut) -> None:
    """Delete what the file proves to hold, with the promise."""
    archive = audit_archives.read(planned_cut.file)
    if archive.end is None or archive.end.line_count != planned_cut.last_line:
        raise UserError(
            "The audit was changed after it was written, so it is not cut: `connector audit "
            "verify` names the line; compare with a backup."
        )
    with context.begin() as session:
        if audit.count_redacted(session, until=planned_cut.last_line) != archive.redacted:
            return  # redacted meanwhile: the promise stands, and the next time writes it anew
        cut = audit.cut(
            session,
            planned_cut.last_line,
            at=context.api.now(),
            file=str(planned_cut.file),
        )
        checkpoints.put(session, _CHECKPOINT, None)
    _log.info("audit.cut", portal=context.portal_id, lines=cut.position, file=cut.file)
