"""Show the portals of a fleet: their files, how they are doing, and what a check found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from connector.cli.render.check_up import renderable as findings_view
from connector.cli.render.console import new_table
from connector.operations.finding import Finding
from connector.operations.portal_status import PortalStatus

PlanDocument: TypeAlias = dict[str, Any]
"""The plan of one portal for scripts, with its `name`; `error` is null where there is a plan."""


def list_table(documents: Iterable[Mapping[str, Any]]) -> Table:
    """Return the portal files as a table."""
    table = new_table("name", "portal", "policy", "writes", "problem")
    for document in documents:
        table.add_row(
            document["name"],
            document["portal_id"] or "",
            document.get("policy", ""),
            document.get("writes", ""),
            Text(document["problem"] or "", style="bold red"),
        )
    return table


def status_document(name: str, status: PortalStatus) -> dict[str, Any]:
    """Return how a portal is doing for scripts; `polled_until` is null before the first poll."""
    return {
        "name": name,
        "portal_id": status.portal_id,
        "polled_until": status.polled_until.isoformat() if status.polled_until else None,
        "due": status.due,
        "open_moves": status.open_moves,
        "quarantined": status.quarantined,
        "paused": status.paused,
    }


def status_table(documents: Iterable[Mapping[str, Any]]) -> Table:
    """Return how the portals are doing as a table."""
    numbers = ("due", "open moves", "quarantined")
    table = new_table("name", "portal", "polled until", *numbers, "paused", right=numbers)
    for document in documents:
        table.add_row(
            document["name"],
            document["portal_id"],
            (document["polled_until"] or "never")[:19].replace("T", " "),
            *(f"{document[name.replace(' ', '_')]:,}" for name in numbers),
            document["paused"] or "",
        )
    return table


def plan_table(documents: Iterable[PlanDocument]) -> Table:
    """Return the plans of the portals as a table."""
    table = new_table("name", "portal", "policy", "corrections", "remark", right=["corrections"])
    for document in documents:
        if document["error"]:
            table.add_row(document["name"], "", "", "", Text(document["error"], style="bold red"))
            continue
        table.add_row(
            document["name"],
            document["portal_id"],
            document["policy"]["name"],
            f"{document['corrections']:,}",
            "".join(f"over a limit: {limit}" for limit in document["over_limits"][:1]),
        )
    return table


def findings_table(findings: Mapping[str, Sequence[Finding]]) -> RenderableType:
    """Return what a check found, portal by portal."""
    parts: list[RenderableType] = []
    for name, portal_findings in findings.items():
        parts += [Text(name, style="bold"), findings_view(portal_findings)]
    return Group(*parts)


def findings_document(findings: Mapping[str, Sequence[Finding]]) -> list[dict[str, Any]]:
    """Return what a check found for scripts."""
    return [
        {"portal": name, "name": finding.name, "light": finding.result, "message": finding.message}
        for name, portal_findings in findings.items()
        for finding in portal_findings
    ]
