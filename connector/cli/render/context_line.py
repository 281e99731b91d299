"""Say what a command rests on: portal, policy, database, and what it writes."""

from __future__ import annotations

from typing import Any

from connector.context import RunOrigin
from connector.core.safe_text import safe_text


def context_line(portal_id: str, origin: RunOrigin, *, writes: str) -> str:
    """Return the one line that stands before what a command does."""
    parts = [
        f"portal {portal_id}",
        f"policy {origin.policy} ({origin.policy_source})",
        f"database {origin.database}",
        f"writes {writes}",
    ]
    if origin.settings_files:
        parts.append(f"settings from {', '.join(origin.settings_files)}")
    return safe_text(" · ".join(parts))


def context_document(portal_id: str, origin: RunOrigin, *, writes: str) -> dict[str, Any]:
    """Return the same for scripts: the `context` of a command's JSON."""
    return {
        "portal_id": portal_id,
        "policy": origin.policy,
        "policy_source": origin.policy_source,
        "database": origin.database,
        "settings_files": list(origin.settings_files),
        "writes": writes,
    }
