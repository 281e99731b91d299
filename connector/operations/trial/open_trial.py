"""Remember in the database what a trial saw, and whether records of it may be left."""

from __future__ import annotations

from typing import Any, Final

from state import checkpoints
from state.db.store import Store
from state.db.transaction import Transaction

TRIAL_OPEN: Final = "trial-open"
_RESULT: Final = "trial-result"


def open_trial(session: Transaction) -> str:
    """Return the token of a trial whose records may be left, "" where there is none."""
    return str(checkpoints.get(session, TRIAL_OPEN) or "")


def keep_result(session: Transaction, document: dict[str, Any]) -> None:
    """Store what a trial saw, in place of the trial before."""
    checkpoints.put(session, _RESULT, document)


def last_trial(session: Transaction) -> dict[str, Any]:
    """Return the document of the portal's last trial, {} where there was none."""
    document = checkpoints.get(session, _RESULT)
    return dict(document) if document else {}


def close_trial(store: Store, portal_id: str) -> None:
    """Remember that no record of a trial is left."""
    with store.begin(portal_id) as session:
        checkpoints.put(session, TRIAL_OPEN, "")
