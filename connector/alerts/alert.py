"""Decide which alerts hold now, from failing steps, open moves and quarantined corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.core.corrections.moves import Move
from connector.daemon.steps import FailingStep
from connector.errors import ConnectorError, TemporaryError
from connector.hubspot.http.failures import LimitReached, ScopeMissing, TokenRefused
from connector.push.enforce_limits import OverLimit, RunStopped
from connector.push.first_use import FirstUse
from connector.push.pause import Paused
from connector.push.room import DiskNearlyFull
from state.db.sqlite import DatabaseReplaced
from state.quarantine import FailedCorrection
from state.unreadable_records import UnreadableRecord

TEMPORARY_FAILURE_SECONDS: Final = 600.0
"""Seconds before a temporary failure (HubSpot away, a locked database) raises an alert."""
OPEN_TOO_LONG: Final = timedelta(minutes=15)
"""How long a move may stay open before it raises an alert."""
RECENT_QUARANTINE: Final = timedelta(hours=24)
"""How long a quarantined correction keeps its alert."""
_MAX_NAMED: Final = 3  # named in one alert
_TITLES: Final[tuple[tuple[type[ConnectorError], tuple[str, str]], ...]] = (
    (OverLimit, ("over-limit", "A plan is over a limit: nothing is written until you look")),
    (FirstUse, ("first-use", "Rules that are new in this portal wait for a first review")),
    (RunStopped, ("stopped", "A run was stopped, since what it wrote did not hold")),
    (DatabaseReplaced, ("database", "The database file was removed or replaced")),
    (DiskNearlyFull, ("disk", "The disk is nearly full: nothing is written to HubSpot")),
    (TokenRefused, ("token", "HubSpot refuses the token")),
    (ScopeMissing, ("scope", "The token lacks a scope")),
    (LimitReached, ("requests", "HubSpot's request limit is reached")),
)


DIGEST: Final = "digest"
"""The kind of the daily message about overlooked contacts, which is no alert."""
URGENT: Final = "urgent"
WARNING: Final = "warning"
SEVERITIES: Final = (URGENT, WARNING)
_URGENT_KEYS: Final = frozenset({"database", "disk", "open-moves", "stopped", "token"})
KINDS: Final = (
    *(key for _, (key, _) in _TITLES),
    "poll",
    "open-moves",
    "quarantined",
    "unreadable-records",
)
"""The keys of alerts; one of a failing step is `step-` and the step's name."""


def severity_of(key: str) -> str:
    """Return how urgent an alert is: urgent where records may stand wrong until a person acts.

    >>> severity_of("open-moves"), severity_of("over-limit")
    ('urgent', 'warning')
    """
    return URGENT if key in _URGENT_KEYS else WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One problem, with a key that stays the same for as long as it lasts."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The inputs of the alerts; `monotonic_seconds` is the clock that times the failing steps."""

    failing_steps: Sequence[FailingStep]
    monotonic_seconds: float
    now: datetime
    open_moves: Sequence[Move]
    failed_corrections: Sequence[FailedCorrection]
    unreadable_records: Sequence[UnreadableRecord] = ()


def alerts(health: Health) -> Iterator[Alert]:
    """Yield the alerts that hold now."""
    for failing_step in health.failing_steps:
        yield from _failing_step_alert(failing_step, health.monotonic_seconds - failing_step.since)
    yield from _open_move_alert(health)
    yield from _quarantine_alert(health)
    yield from _unreadable_records_alert(health)


def _failing_step_alert(failing_step: FailingStep, failing_seconds: float) -> Iterator[Alert]:
    error, step = failing_step.error, failing_step.step
    if isinstance(error, Paused):
        return  # an operator paused on purpose
    is_temporary = isinstance(error, TemporaryError) and not isinstance(error, LimitReached)
    if is_temporary and failing_seconds < TEMPORARY_FAILURE_SECONDS:
        return
    key, title = _key_and_title(failing_step)
    yield Alert(key=key, title=title, text=f"{error} (It began in the step {step}.)")


def _key_and_title(failing_step: FailingStep) -> tuple[str, str]:
    """Return the key and the title of an alert."""
    for error_type, key_and_title in _TITLES:
        if isinstance(failing_step.error, error_type):
            return key_and_title
    if failing_step.step == "poll":
        return "poll", "The mirror falls behind: polls fail"
    return f"step-{failing_step.step}", f"The step {failing_step.step} fails"


def _open_move_alert(health: Health) -> Iterator[Alert]:
    late_moves = [
        move for move in health.open_moves if health.now - move.promised_at > OPEN_TOO_LONG
    ]
    if late_moves:
        names = ", ".join(str(move.record) for move in late_moves[:_MAX_NAMED])
        yield Alert(
            key="open-moves",
            title=f"{len(late_moves)} corrections have begun and do not end",
            text=f"{names}: a record may stand there without a stage. The daemon goes on trying; "
            "`connector recover --list` says why they are open, and `connector recover --release "
            f"{late_moves[0].record}` gives up.",
        )


def _unreadable_records_alert(health: Health) -> Iterator[Alert]:
    records = health.unreadable_records
    if records:
        details = "; ".join(f"{entry.record}: {entry.reason}" for entry in records[:_MAX_NAMED])
        yield Alert(
            key="unreadable-records",
            title=f"{len(records)} records cannot be read and are left alone",
            text=f"{details}. Everything else goes on, and they are tried again by themselves: "
            "`connector quarantine list` says when.",
        )


def _quarantine_alert(health: Health) -> Iterator[Alert]:
    recent = [
        correction
        for correction in health.failed_corrections
        if health.now - correction.at < RECENT_QUARANTINE
    ]
    if recent:
        details = "; ".join(
            f"{correction.record} {correction.property_name}: {correction.note}"
            for correction in recent[:_MAX_NAMED]
        )
        yield Alert(
            key="quarantined",
            title=f"{len(recent)} corrections came to nothing twice: somebody else writes as well",
            text=f"{details}. They are not sent again until something changes. Switch off the "
            "other writer, or hold these records: `connector hold add`.",
        )
