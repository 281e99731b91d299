"""One cycle: finish what is open, look at what was named, poll, decide, and write or show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from connector.context import RunContext
from connector.core.model import ObjectType
from connector.daemon.steps import Steps
from connector.errors import TemporaryError, UserError
from connector.operations.follow_up_tasks import create_due_tasks
from connector.operations.retention import apply_retention
from connector.operations.sync import apply_due
from connector.plan.propose import propose
from connector.pull.named_records import read_named_records
from connector.pull.poll import pull, require_mirror
from connector.push.recover import recover
from state import mirror

MIN_FREE_BYTES: Final = 64 * 2**20
"""Bytes: below, nothing is written to HubSpot, since the outbox must be able to follow."""
TIDY_SECONDS: Final = 3600.0
REMIND_SECONDS: Final = 3600.0
"""Looking for overlooked contacts reads the whole mirror, and days are what it is about."""
_PAUSE_FACTOR: Final = 20
_LONGEST_PAUSE: Final = 900.0
_DECIDED_TYPES: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES)

_log = structlog.get_logger()


class DiskNearlyFull(UserError):
    """The disk is nearly full: HubSpot is left alone before the database has to be."""


@dataclass(slots=True)
class Schedule:
    """When what is done next, by the clock that never goes back; 0 is at once.

    `polled` is when a poll last succeeded, None before the first; `anew` says that the ground of
    all decisions may be another one, so that they are made although nothing is due.
    """

    poll_seconds: float
    next_poll: float = 0.0
    next_plan: float = 0.0
    next_tidy: float = 0.0
    next_reminder: float = 0.0
    last_poll: float | None = None
    shown_digest: str = ""
    decide_again: bool = True

    def poll_and_plan_now(self) -> None:
        """Poll and decide with the next cycle: the policy, or the portal, is another one."""
        self.next_poll = self.next_plan = 0.0
        self.decide_again = True


def cycle(context: RunContext, steps: Steps, schedule: Schedule, *, writes: bool) -> None:
    """Go once through all steps; whoever calls holds the writer's lock.

    What cannot be recovered ends the cycle: a record may stand there without a stage. A failing
    poll or inbox ends nothing: what is in the mirror is decided all the same.
    """
    if not steps.run("recover", lambda: recover(context)):
        return
    _read(context, steps, schedule)
    if steps.monotonic() >= schedule.next_plan and _is_mirrored(context):
        _decide(context, steps, schedule, writes=writes)
    if steps.monotonic() >= schedule.next_tidy:
        schedule.next_tidy = steps.monotonic() + TIDY_SECONDS
        steps.run("tidy", lambda: apply_retention(context))


def require_free_disk(context: RunContext) -> None:
    """Raise NoRoom where the disk has too little left for the outbox."""
    free = context.store.free_bytes()
    if free < MIN_FREE_BYTES:
        raise DiskNearlyFull(
            f"The disk has {free // 2**20} MiB left: nothing is written to HubSpot, and everything "
            "stays due. Free some space; it goes on by itself."
        )


def _read(context: RunContext, steps: Steps, schedule: Schedule) -> None:
    """Look at what webhooks named, and poll where it is time."""
    if _is_mirrored(context):
        steps.run("notice", lambda: read_named_records(context))
    if steps.monotonic() < schedule.next_poll:
        return
    if steps.run("poll", lambda: pull(context)):
        schedule.last_poll = steps.monotonic()
    schedule.next_poll = steps.monotonic() + schedule.poll_seconds


def _decide(context: RunContext, steps: Steps, schedule: Schedule, *, writes: bool) -> None:
    """Write what is to be corrected, or show it; both at their pace.

    What stays due (in review, over a limit, while paused) is decided again and again. That reads
    each of these records afresh, so it gets a small share of the time and no more.
    """
    started = steps.monotonic()

    def work() -> None:
        if schedule.decide_again or _has_due_records(context):
            _apply(context) if writes else _review(context, schedule)

    name = "apply" if writes else "review"
    succeeded = steps.run(name, work)
    if succeeded and writes:
        _remind(context, steps, schedule)
    schedule.decide_again = schedule.decide_again and not succeeded
    if not (succeeded and writes):
        now = steps.monotonic()
        # What passes by itself is tried again with the next poll.
        longest_pause = schedule.poll_seconds if _is_temporary(steps, name) else _LONGEST_PAUSE
        schedule.next_plan = now + min(_PAUSE_FACTOR * (now - started), longest_pause)


def _is_temporary(steps: Steps, name: str) -> bool:
    return any(
        failing_step.step == name and isinstance(failing_step.error, TemporaryError)
        for failing_step in steps.failing_steps()
    )


def _remind(context: RunContext, steps: Steps, schedule: Schedule) -> None:
    """Create tasks for owners where it is time; what stops that stops nothing else."""
    if steps.monotonic() < schedule.next_reminder:
        return

    def work() -> None:
        require_free_disk(context)
        create_due_tasks(context)

    pause = REMIND_SECONDS if steps.run("tasks", work) else _LONGEST_PAUSE / 3
    schedule.next_reminder = steps.monotonic() + pause


def _apply(context: RunContext) -> None:
    require_free_disk(context)
    apply_due(context)


def _review(context: RunContext, schedule: Schedule) -> None:
    """Make a plan and say so where it is another one than before."""
    head = propose(context)
    if head.digest != schedule.shown_digest:
        schedule.shown_digest = head.digest
        _log.info(
            "plan.made",
            portal=context.portal_id,
            run=context.run,
            corrections=head.summary.corrections,
            message="nothing is written in review: look at it with `connector plan`; "
            "CONNECTOR_WRITES=apply lets the daemon write",
        )


def _is_mirrored(context: RunContext) -> bool:
    """Whether the mirror holds what this policy rests on; before that, nothing is decided."""
    try:
        require_mirror(context)
    except UserError:
        return False
    return True


def _has_due_records(context: RunContext) -> bool:
    with context.reading() as session:
        due_counts = mirror.count_due(session, until=context.api.now())
    return any(due_counts[kind] for kind in _DECIDED_TYPES)
