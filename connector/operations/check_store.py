"""Check what is remembered of a portal: what is set aside, and which moves are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from connector.operations.finding import CheckResult, Finding
from connector.operations.quarantine import list_set_aside
from connector.operations.trial.open_trial import TRIAL_OPEN
from state import checkpoints, outbox
from state.db.store import Store

_EXAMPLES: Final = 5


def check_store(store: Store, portal_id: str) -> Iterator[Finding]:
    """Yield what waits in the database for a person, or for its next try."""
    with store.reading(portal_id) as session:
        entries = list_set_aside(session)
        moves = outbox.open_moves(session)
        is_trial_open = bool(checkpoints.get(session, TRIAL_OPEN))
    if is_trial_open:
        message = "a trial was stopped: `connector check --trial --clean` removes what it left"
        yield Finding(name="trial", result=CheckResult.WARNING, message=message, section="database")
    set_aside = [f"{entry.record}: {entry.reason}" for entry in entries]
    yield _finding(
        "set aside", set_aside, "`connector quarantine list` shows all, and when each is tried next"
    )
    yield _finding(
        "open moves",
        [str(move.record) for move in moves],
        "they are finished by the next start; `connector recover --list` shows why they are open",
    )


def _finding(name: str, items: Sequence[str], hint: str) -> Finding:
    if not items:
        return Finding(name=name, result=CheckResult.OK, message="none", section="database")
    more = ", …" if len(items) > _EXAMPLES else ""
    message = f"{len(items)} ({', '.join(items[:_EXAMPLES])}{more}): {hint}"
    return Finding(name=name, result=CheckResult.WARNING, message=message, section="database")
