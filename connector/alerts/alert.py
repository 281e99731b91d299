"""Decide which alerts hold now, from failing steps, open moves and quarantined corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from connector.core.corrections.moves import Move
from connector.daemon.cycle import ReviewedPolicy
from connector.daemon.steps import FailingStep
from connector.errors import ConnectorError, TemporaryError
from connector.hubspot.http.failures import LimitReached, ScopeMissing, TokenRefused
from connector.push.disk_room import DiskNearlyFull
from connector.push.enforce_limits import OverLimit, RunStopped
from connector.push.first_use import FirstUse
from connector.push.pause import Paused, PauseNotice
from state.db.sqlite import DatabaseReplaced
from state.outgoing_events import EventCounts
from state.quarantine import FailedCorrection
from state.unreadable_records import UnreadableRecord

TEMPORARY_FAILURE_SECONDS: Final = 600.0
"""Seconds before a temporary failure (HubSpot away, a locked database) raises an alert."""
OPEN_TOO_LONG: Final = timedelta(minutes=15)
"""How long a move may stay open before it raises an alert."""
EVENTS_WAIT_TOO_LONG: Final = timedelta(hours=1)
"""How long an event may wait for its receiver before it raises an alert."""
LONG_PAUSE: Final = timedelta(days=1)
"""How long a pause may last before it raises an alert: it may have been forgotten."""
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


# A plan waits for a person; nothing is broken.
_WARNINGS: Final = (OverLimit, FirstUse)
MessageType = Literal["info", "success", "warning", "failure"]
"""How a channel marks a message: one of Apprise's types."""
DIGEST: Final = "digest"
"""The kind of the daily message about overlooked contacts, which is no alert."""
NOTICES: Final = ("ready-for-sales", "deal-won", "customer-deal")
"""The kinds of notices about what happened in HubSpot; an address gets them that names them."""
URGENT: Final = "urgent"
WARNING: Final = "warning"
SEVERITIES: Final = (URGENT, WARNING)
_URGENT_KEYS: Final = frozenset({"database", "disk", "open-moves", "stopped", "token"})
KINDS: Final = (
    *(key for _, (key, _) in _TITLES),
    "poll",
    "open-moves",
    "events-waiting",
    "events-set-aside",
    "paused",
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
    """One problem, with a key that stays the same for as long as it lasts.

    `message_type` is `failure` where something does not work, `warning` where somebody should look.
    """

    key: str
    title: str
    text: str
    message_type: MessageType = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The inputs of the alerts; `monotonic_seconds` is the clock that times the failing steps."""

    failing_steps: Sequence[FailingStep]
    monotonic_seconds: float
    now: datetime
    open_moves: Sequence[Move]
    failed_corrections: Sequence[FailedCorrection]
    unreadable_records: Sequence[UnreadableRecord] = ()
    pause: PauseNotice | None = None
    policy_review: ReviewedPolicy | None = None
    events: EventCounts = field(default_factory=EventCounts)


def alerts(health: Health) -> Iterator[Alert]:
    """Yield the alerts that hold now."""
    for failing_step in health.failing_steps:
        yield from _failing_step_alert(failing_step, health.monotonic_seconds - failing_step.since)
    yield from _open_move_alert(health)
    yield from _quarantine_alert(health)
    yield from _unreadable_records_alert(health)
    yield from _event_alerts(health)
    yield from _pause_alert(health)
    yield from _policy_review_alert(health)


def _failing_step_alert(failing_step: FailingStep, failing_seconds: float) -> Iterator[Alert]:
    error, step = failing_step.error, failing_step.step
    if isinstance(error, Paused):
        return  # an operator paused on purpose
    is_temporary = isinstance(error, TemporaryError) and not isinstance(error, LimitReached)
    if is_temporary and failing_seconds < TEMPORARY_FAILURE_SECONDS:
        return
    key, title = _key_and_title(failing_step)
    message_type: MessageType = "warning" if isinstance(error, _WARNINGS) else "failure"
    text = f"{error} (It began in the step {step}.)"
    yield Alert(key=key, title=title, text=text, message_type=message_type)


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
            message_type="warning",
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
            message_type="warning",
        )


def _event_alerts(health: Health) -> Iterator[Alert]:
    events = health.events
    if events.since and health.now - events.since > EVENTS_WAIT_TOO_LONG:
        yield Alert(
            key="events-waiting",
            title=f"{events.waiting:,} events wait for the receiver of CONNECTOR_EVENTS",
            text=f"The oldest waits since {events.since:%Y-%m-%d %H:%M} UTC. None is lost: they "
            "are posted again by themselves. The log names the answer: `events.failing`, "
            "`events.refused`.",
            message_type="warning",
        )
    if events.set_aside:
        yield Alert(
            key="events-set-aside",
            title=f"{events.set_aside:,} events are set aside: their receiver refuses them",
            text="It takes others meanwhile, so that these no longer hold up the later events of "
            "their records. They are posted again once a day; the log names each as "
            "`events.set_aside`.",
        )


def _pause_alert(health: Health) -> Iterator[Alert]:
    if health.pause and health.now - health.pause.since > LONG_PAUSE:
        yield Alert(
            key="paused",
            title="Writes have been paused for more than a day",
            text=f"They are paused {health.pause.text}. Nothing is corrected meanwhile: "
            "`connector resume` lets writes through again.",
            message_type="warning",
        )


def _policy_review_alert(health: Health) -> Iterator[Alert]:
    review = health.policy_review
    if review:
        counts = ", ".join(
            f"{rule} {count:,}" for rule, count in sorted(review.corrections_by_rule.items())
        )
        yield Alert(
            key=f"policy-{review.digest[:12]}",
            title=f"The edited policy {review.policy} is written by from the next cycle on",
            text=f"Its corrections by rule: {counts or 'none'}. `connector plan` shows them, "
            "`connector pause` stops them. Rules that are new in this portal wait for a first "
            "review where they want more than `limits.first_use`.",
            message_type="warning",
        )
