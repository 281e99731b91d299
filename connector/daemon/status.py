"""Read the daemon's status for metrics and readiness."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.core.model import (
    DECIDED_TYPES,
)
from connector.daemon.environment import Environment
from connector.daemon.loop import Loop
from connector.daemon.steps import FailingStep
from connector.errors import ConnectorError
from connector.pull.read_position import polled_until
from connector.push.disk_room import DiskNearlyFull
from connector.push.pause import Paused, read_pause
from connector.push.review_only import read_review_only
from connector.telemetry.metrics import Status
from state import (
    checkpoints,
    due_times,
    holds,
    outbox,
    outgoing_events,
    plans,
    quarantine,
    unreadable_records,
    webhook_inbox,
)

# Without these steps the daemon does no work at all.
_VITAL_STEPS = frozenset({"database", "portal", "settings", "token", "recover", "poll"})
_POLL_GRACE_SECONDS = 60.0


def read_status(environment: Environment | None) -> Status:
    """Read the figures from the database; all 0 while no portal is open or it is locked."""
    if environment is None:
        return Status()
    try:
        return _read_from_database(environment, known_now(environment))
    except ConnectorError:
        return Status()


def known_now(environment: Environment | None) -> datetime:
    """Return the portal's time without a request; the machine's, where no answer told it."""
    portal_time = environment.api.known_now() if environment else None
    return portal_time or datetime.now(UTC)


def _read_from_database(environment: Environment, now: datetime) -> Status:
    store, portal_id = environment.store, environment.portal_id
    is_paused = read_pause(store, portal_id) is not None
    with store.reading(portal_id) as session:
        due_counts = due_times.count_due(session, until=now)
        head = plans.latest(session)
        events = outgoing_events.count(session)
        return Status(
            due=sum(due_counts[kind] for kind in DECIDED_TYPES),
            open_moves=len(outbox.open_moves(session)),
            quarantined=len(quarantine.read_quarantined(session)),
            unreadable=len(unreadable_records.read_all(session)),
            holds=len(holds.read_active(session, now=now)),
            paused=int(is_paused),
            events_waiting=webhook_inbox.count_waiting(session).count,
            outgoing_events=events.waiting,
            outgoing_events_set_aside=events.set_aside,
            database_bytes=store.size_bytes(),
            free_bytes=store.free_bytes(),
            lag=_lag(polled_until(session), now),
            requests_left=environment.api.allowance().remaining,
            left_alone=dict(head.summary.left_alone) if head else {},
        )


def _lag(polled_until: datetime | None, now: datetime) -> float | None:
    return None if polled_until is None else max(0.0, (now - polled_until).total_seconds())


def problems(loop: Loop) -> list[str]:
    """Return what keeps the daemon from working, one line each; empty where nothing does.

    A plan over a limit is no such problem: it waits for a person, and polling goes on.
    """
    lines = [
        f"{failing_step.step}: {failing_step.error}"
        for failing_step in loop.steps.failing_steps()
        if _is_vital(failing_step)
    ]
    try:
        with loop.sources.store.reading("0") as session:
            checkpoints.get(session, "ready")
    except ConnectorError as error:
        lines.append(f"database: {error}")
    if loop.environment is None:
        lines.append("portal: not opened yet")
    elif loop.schedule.last_poll is None:
        lines.append("poll: the first one has not ended yet")
    else:
        age = loop.steps.monotonic() - loop.schedule.last_poll
        max_age = 5 * loop.schedule.poll_seconds + _POLL_GRACE_SECONDS
        if age > max_age:
            lines.append(f"poll: the last one ended {age:.0f} seconds ago, which is too long")
    return lines


def failures(loop: Loop) -> list[str]:
    """Return which other steps fail, one line each: polling and webhooks go on.

    A mistake in an edited policy is one, since the last good policy counts.
    """
    return [
        f"{failing_step.step}: {failing_step.error}"
        for failing_step in loop.steps.failing_steps()
        if not _is_vital(failing_step) and not isinstance(failing_step.error, Paused)
    ]


def remarks(loop: Loop) -> list[str]:
    """Return what an operator may have forgotten, one line each."""
    environment = loop.environment
    if environment is None:
        return []
    try:
        pause = read_pause(environment.store, environment.portal_id)
        with environment.store.reading(environment.portal_id) as session:
            review_only = read_review_only(session)
    except ConnectorError:
        return []
    lines = [f"writes are paused {pause.text}: `connector resume`"] if pause else []
    if review_only:
        lines.append(f"the daemon only reviews, set {review_only} on the dashboard's page Today")
    return lines


def _is_vital(failing_step: FailingStep) -> bool:
    return failing_step.step in _VITAL_STEPS or isinstance(failing_step.error, DiskNearlyFull)
