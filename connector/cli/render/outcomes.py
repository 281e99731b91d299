"""Show how a run ended, what the audit holds, and where the sandbox answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.console import new_table
from connector.cli.render.record_link import record_text
from connector.core.corrections.audit import AuditCut, AuditLine, BrokenChain, IntactChain
from connector.core.model import Outcome
from connector.core.safe_text import one_line
from connector.operations.sync import SyncResult
from connector.pull.poll import PullResult
from state.audit_archives import Archive
from state.audit_proof import HeadCheck, RunShortfall
from state.operator_actions import ActionChain

_MAX_NAMED: Final = 5

_UTC: Final = ZoneInfo("UTC")
# What each outcome means, in the words that an admin needs.
MEANINGS = {
    Outcome.APPLIED: "written, and read back as written",
    Outcome.IGNORED: "HubSpot answered, and kept the old value",
    Outcome.REVERTED: "somebody set another value right after",
    Outcome.STALE: "changed meanwhile; decided anew",
    Outcome.REFUSED: "HubSpot refused the value",
    Outcome.RESTORED: "the new stage did not hold; the old one is back",
}


def pull_table(pull_result: PullResult) -> RenderableType:
    """Return what was read, by object type."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("", "read", "new or changed", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for kind, count in pull_result.read.items():
        extent = "whole portal" if kind in pull_result.scanned else "changes"
        if names := pull_result.filled.get(kind):
            extent += f", and {', '.join(names)} of all"
        table.add_row(str(kind), f"{count:,}", f"{pull_result.changed[kind]:,}", extent)
    return table


def sync_summary(sync_result: SyncResult) -> RenderableType:
    """Return how the corrections ended, each outcome with its meaning."""
    parts: list[RenderableType] = []
    if sync_result.recovered:
        parts.append(
            Text(f"Finished {sync_result.recovered} moves that a stopped run had left open.")
        )
    if sync_result.outcomes:
        parts += [Text(""), outcome_table(sync_result.outcomes)]
    if sync_result.tasks:
        parts.append(Text(f"Created {sync_result.tasks} tasks for owners of overlooked contacts."))
    parts.append(
        Text(f"Run {sync_result.run}: `connector audit --run {sync_result.run}` shows every write.")
    )
    return Group(*parts)


def outcome_table(outcomes: Mapping[Outcome, int]) -> Table:
    """Return how many corrections ended how."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for outcome in Outcome:
        if outcomes.get(outcome):
            table.add_row(f"{outcomes[outcome]:,}", str(outcome), MEANINGS[outcome])
    return table


def audit_table(
    lines: Iterable[AuditLine],
    labels: Mapping[str, str] | None = None,
    zone: ZoneInfo = _UTC,
    portal_id: str = "",
) -> RenderableType:
    """Return audit lines as a table: times in `zone`, values with the portal's labels.

    Where the portal is named, records lead to HubSpot.
    """
    headings = ("at", "record", "property", "before", "after", "rule", "outcome", "run")
    table = new_table(*headings, gap=1)
    table.columns[0].header = f"at ({zone.key})"
    for line in lines:
        table.add_row(
            f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
            record_text(portal_id, str(line.record)),
            line.property_name,
            _labelled(line.before, labels or {}),
            _labelled(line.after, labels or {}),
            line.rule,
            str(line.outcome),
            line.run,
        )
    return table


def audit_line_text(line: AuditLine) -> str:
    """Return one line of the audit in words, for a terminal that follows it.

    >>> from datetime import UTC, datetime
    >>> from connector.core.model import Ref
    >>> line = AuditLine(at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC), run="r1", before="",
    ...     record=Ref.parse("contacts/1"), property_name="lifecyclestage", after="lead",
    ...     rule="blank", policy="standard", outcome=Outcome.APPLIED)
    >>> audit_line_text(line)
    '2026-11-02T09:30:00+00:00 contacts/1 lifecyclestage blank → lead by blank: applied (r1)'
    """
    change = f"{line.before or 'blank'} → {line.after or 'blank'}"
    return one_line(
        f"{line.at.isoformat()} {line.record} {line.property_name} {change} by {line.rule}: "
        f"{line.outcome} ({line.run})"
    )


def _labelled(value: str, labels: Mapping[str, str]) -> str:
    """Return a value with its label, where the portal has another word for it."""
    label = labels.get(value, value)
    if not value:
        return "blank"
    return value if label.casefold() == value.casefold() else f"{label} ({value})"


def verification_text(portal_id: str, verification: IntactChain | BrokenChain) -> str:
    """Return what the chain of hashes says, in words."""
    if isinstance(verification, IntactChain):
        cut_text = _cut_text(verification.cut) if verification.cut else ""
        return (
            f"Portal {portal_id}: {verification.line_count:,} audit lines{cut_text}, chain intact, "
            f"head {verification.last_hash}"
        )
    line = verification.line
    description = f"{line.record}, {line.at:%Y-%m-%d %H:%M:%S} UTC" if line else "it cannot be read"
    return (
        f"Portal {portal_id}: the audit is broken at row {verification.row} ({description}): it, "
        "or a row before it, was changed after it was written. Compare with a backup of the "
        "database."
    )


HEAD_TEXTS: Final = {
    HeadCheck.CONTAINED: "The expected head is in it: nothing up to there was changed or cut off.",
    HeadCheck.CUT_SHORT: (
        "It has fewer lines than the expected head: the newest lines were cut off, or an older "
        "backup was restored. Compare with the heads in the log (`run.finished`) and with backups."
    ),
    HeadCheck.REWRITTEN: (
        "The line of the expected head has another hash: the audit was written anew since. Compare "
        "with a backup of that time."
    ),
    HeadCheck.ARCHIVED: (
        "The line of the expected head was cut into a file: `connector audit verify --file F` "
        "proves that file."
    ),
}


def shortfall_text(shortfalls: Sequence[RunShortfall]) -> str:
    """Return which runs have fewer lines than corrections, and what that may mean."""
    names = ", ".join(
        f"{shortfall.run} ({shortfall.corrections:,} corrections, {shortfall.lines:,} lines)"
        for shortfall in shortfalls[:_MAX_NAMED]
    )
    more = f" and {len(shortfalls) - _MAX_NAMED:,} more" if len(shortfalls) > _MAX_NAMED else ""
    return (
        f"The tail may be cut off: by the table of runs, {names}{more} wrote more than the audit "
        "holds. Compare with a backup of the database."
    )


def actions_text(actions: ActionChain) -> str:
    """Return what the chain of people's actions says, in words."""
    if actions.broken_row is not None:
        return (
            f"What people asked for on the dashboard is broken at row {actions.broken_row}: it, or "
            "a row before it, was changed after it was written. Compare with a backup."
        )
    head = f", head {actions.last_hash}" if actions.rows else ""
    return f"What people asked for on the dashboard: {actions.rows:,} rows, chain intact{head}"


def actions_document(actions: ActionChain) -> dict[str, Any]:
    """Return what the chain of people's actions says, for scripts."""
    return {"rows": actions.rows, "head": actions.last_hash, "broken_row": actions.broken_row}


def verification_document(
    portal_id: str, verification: IntactChain | BrokenChain
) -> dict[str, Any]:
    """Return what the chain of hashes says, for scripts."""
    if isinstance(verification, IntactChain):
        return {
            "portal_id": portal_id,
            "intact": True,
            "lines": verification.line_count,
            "head": verification.last_hash,
            "cut": cut_document(verification.cut),
        }
    return {"portal_id": portal_id, "intact": False, "row": verification.row}


def cut_document(cut: AuditCut | None) -> dict[str, Any] | None:
    """Return where the audit was cut, for scripts."""
    if cut is None:
        return None
    return {
        "lines": cut.position,
        "until": cut.last_line_at.isoformat(),
        "at": cut.at.isoformat(),
        "hash": cut.hash,
        "file": cut.file,
    }


def _cut_text(cut: AuditCut) -> str:
    return (
        f" (the first {cut.position:,} of them, until {cut.last_line_at:%Y-%m-%d %H:%M:%S} UTC, "
        f"were cut on {cut.at:%Y-%m-%d}, the last into a file that "
        f"`connector audit verify --file {cut.file}` proves)"
    )


def archive_text(path: str, archive: Archive, *, is_continued: bool) -> str:
    """Return what a file of the audit proves, in words."""
    if isinstance(archive.verdict, BrokenChain):
        return (
            f"{path}: broken at line {archive.verdict.row} of portal {archive.portal_id}: it, "
            "or one "
            "before it in this file, was changed after it was written."
        )
    span = f"lines {archive.start.line_count + 1:,} to {archive.verdict.line_count:,} of portal"
    description = (
        f"{path}: {span} {archive.portal_id}, chain intact, head {archive.verdict.last_hash}"
    )
    if is_continued:
        return f"{description}; the chain in the database goes on from it."
    return (
        f"{description}; but this database knows of no such cut: it is of another one, or was "
        "changed."
    )


def archive_document(path: str, archive: Archive, *, is_continued: bool) -> dict[str, Any]:
    """Return what a file of the audit proves, for scripts."""
    return {
        "file": path,
        "leads": is_continued,
        **verification_document(archive.portal_id, archive.verdict),
    }


def sandbox_instructions(url: str, token: str, contacts: int) -> str:
    """Return how to talk to the sandbox that has just started."""
    return (
        f"A simulated portal with {contacts:,} contacts answers at {url}\n\n"
        f"  export HUBSPOT_API_URL={url}\n"
        f"  export HUBSPOT_ACCESS_TOKEN={token}\n"
        "  connector check\n"
        "  connector pull && connector plan\n\n"
        "Ctrl-C ends it, and everything in it."
    )
