"""Show how a run ended, what the audit holds, and where the sandbox answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.core.audit import AuditLine, Broken, Cut, Intact
from connector.core.model import Outcome
from connector.pull import Pulled
from connector.sync import Synced
from state.archives import Archive

# What each outcome means, in the words that an admin needs.
MEANINGS = {
    Outcome.APPLIED: "written, and read back as written",
    Outcome.IGNORED: "HubSpot answered, and kept the old value",
    Outcome.REVERTED: "somebody set another value right after",
    Outcome.STALE: "changed meanwhile; decided anew",
    Outcome.REFUSED: "HubSpot refused the value",
    Outcome.RESTORED: "the new stage did not hold; the old one is back",
}


def pulled(done: Pulled) -> RenderableType:
    """Return what was read, by object type."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for heading in ("", "read", "new or changed", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for kind, count in done.read.items():
        how = "whole portal" if kind in done.whole else "changes"
        table.add_row(str(kind), f"{count:,}", f"{done.changed[kind]:,}", how)
    return table


def synced(done: Synced) -> RenderableType:
    """Return how the corrections ended, each outcome with its meaning."""
    parts: list[RenderableType] = []
    if done.recovered:
        parts.append(Text(f"Finished {done.recovered} moves that a stopped run had left open."))
    if done.outcomes:
        parts += [Text(""), ended(done.outcomes)]
    if done.tasks:
        parts.append(Text(f"Created {done.tasks} tasks for owners of overlooked contacts."))
    parts.append(Text(f"Run {done.run}: `connector audit --run {done.run}` shows every write."))
    return Group(*parts)


def ended(outcomes: Mapping[Outcome, int]) -> Table:
    """Return how many corrections ended how."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    for outcome in Outcome:
        if outcomes.get(outcome):
            table.add_row(f"{outcomes[outcome]:,}", str(outcome), MEANINGS[outcome])
    return table


def audited(lines: Iterable[AuditLine]) -> RenderableType:
    """Return audit lines as a table."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("at", "record", "property", "before", "after", "rule", "outcome", "run"):
        table.add_column(heading, overflow="fold")
    for one in lines:
        table.add_row(
            f"{one.at:%Y-%m-%d %H:%M:%S}",
            str(one.record),
            one.property_name,
            one.before or "blank",
            one.after or "blank",
            one.rule,
            str(one.outcome),
            one.run,
        )
    return table


def verdict(portal_id: str, found: Intact | Broken) -> str:
    """Return what the chain of hashes says, in words."""
    if isinstance(found, Intact):
        since = _since(found.cut) if found.cut else ""
        return (
            f"Portal {portal_id}: {found.lines:,} audit lines{since}, chain intact, "
            f"head {found.head}"
        )
    return (
        f"Portal {portal_id}: the audit is broken at row {found.row} ({found.line.record}, "
        f"{found.line.at:%Y-%m-%d %H:%M:%S}): it, or a row before it, was changed after it was "
        "written. Compare with a backup of the database."
    )


def verdict_document(portal_id: str, found: Intact | Broken) -> dict[str, Any]:
    """Return what the chain of hashes says, for scripts."""
    if isinstance(found, Intact):
        return {
            "portal_id": portal_id,
            "intact": True,
            "lines": found.lines,
            "head": found.head,
            "cut": cut_document(found.cut),
        }
    return {"portal_id": portal_id, "intact": False, "row": found.row}


def cut_document(cut: Cut | None) -> dict[str, Any] | None:
    """Return where the audit was cut, for scripts."""
    if cut is None:
        return None
    return {
        "lines": cut.place,
        "until": cut.latest.isoformat(),
        "at": cut.at.isoformat(),
        "hash": cut.hash,
        "file": cut.file,
    }


def _since(cut: Cut) -> str:
    return (
        f" (the first {cut.place:,} of them, until {cut.latest:%Y-%m-%d %H:%M:%S}, were cut on "
        f"{cut.at:%Y-%m-%d}, the last into {cut.file}: `connector audit verify --file` proves it)"
    )


def archived(path: str, found: Archive, *, leads: bool) -> str:
    """Return what a file of the audit proves, in words."""
    if isinstance(found.verdict, Broken):
        return (
            f"{path}: broken at line {found.verdict.row} of portal {found.portal_id}: it, or one "
            "before it in this file, was changed after it was written."
        )
    span = f"lines {found.begins.lines + 1:,} to {found.verdict.lines:,} of portal"
    told = f"{path}: {span} {found.portal_id}, chain intact, head {found.verdict.head}"
    if leads:
        return f"{told}; the chain in the database goes on from it."
    return f"{told}; but this database knows of no such cut: it is of another one, or was changed."


def archived_document(path: str, found: Archive, *, leads: bool) -> dict[str, Any]:
    """Return what a file of the audit proves, for scripts."""
    return {"file": path, "leads": leads, **verdict_document(found.portal_id, found.verdict)}


def sandbox_ready(url: str, token: str, contacts: int) -> str:
    """Return how to talk to the sandbox that has just started."""
    return (
        f"A portal in a box with {contacts:,} contacts answers at {url}\n\n"
        f"  export HUBSPOT_API_URL={url}\n"
        f"  export HUBSPOT_ACCESS_TOKEN={token}\n"
        "  connector sync\n\n"
        "Ctrl-C ends it, and everything in it."
    )
