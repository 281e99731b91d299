"""Let the daemon only review a portal, whatever its settings allow; a person says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from connector.context import RunContext
from state import checkpoints
from state.db.store import Store
from state.db.transaction import Transaction

_REVIEW_ONLY: Final = "review-only"


def put_review_only(session: Transaction, *, review_only: bool, user: str, at: datetime) -> bool:
    """Store whether the daemon only reviews; return whether that changes anything."""
    if bool(checkpoints.get(session, _REVIEW_ONLY)) == review_only:
        return False
    value = {"by": user, "at": at.isoformat()} if review_only else None
    checkpoints.put(session, _REVIEW_ONLY, value)
    return True


def read_review_only(session: Transaction) -> str:
    """Return who let the daemon only review and since when, "" where nobody did."""
    stored: Mapping[str, Any] | None = checkpoints.get(session, _REVIEW_ONLY)
    if not stored:
        return ""
    return f"by {stored['by']} since {datetime.fromisoformat(stored['at']):%Y-%m-%d %H:%M} UTC"


def is_review_only(store: Store, portal_id: str) -> bool:
    """Return whether somebody lets the daemon of a portal only review."""
    with store.reading(portal_id) as session:
        return bool(read_review_only(session))


def must_stop(context: RunContext) -> bool:
    """Return whether a run of the daemon must send nothing more, since it only reviews now."""
    return (
        context.follows_review_only
        and not context.permitted
        and is_review_only(context.store, context.portal_id)
    )
