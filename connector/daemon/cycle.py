"""One cycle: recover open moves, read named records, poll, decide, and apply or review."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from connector.context import RunContext
from connector.core.model import (
    DECIDED_TYPES,
)
from connector.daemon.steps import Steps
from connector.errors import TemporaryError, UserError
from connector.operations.follow_up_tasks import create_due_tasks
from connector.operations.retention import apply_retention
from connector.operations.sync import apply_due
from connector.plan.propose import propose
from connector.pull.named_records import read_named_records
from connector.pull.poll import pull, require_mirror
from connector.push.disk_room import require_room
from connector.push.first_use import require_reviewed_rules
from connector.push.recover_open_moves import recover
from state import due_times, portal_policy

TIDY_SECONDS: Final = 3600.0
"""Seconds between two runs of retention."""
REMIND_SECONDS: Final = 3600.0
"""Seconds between two searches for overlooked contacts, which read the whole mirror."""
_PAUSE_FACTOR: Final = 20
_LONGEST_PAUSE: Final = 900.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPolicy:
    """The corrections by rule that an edited policy wants before it is written by."""

    policy: str
    digest: str
    corrections_by_rule: Mapping[str, int]


@dataclass(slots=True)
class Schedule:
    """When each step is due next, in seconds of the monotonic clock; 0 means at once.

    `last_poll` is when a poll last succeeded, None before the first. `decide_again` is set where
    policy or portal changed: a plan is then made although no record is due. `shown_digest` is
    the digest of the last plan that review has logged. `review_next` is set where the policy was
    edited: the next plan is reviewed even where the daemon writes; `reviewed_policy` is what that
    plan wants, until the next one is made. `written_digest` is of the policy that a daemon last
    wrote by, as far as this one knows, "" where none did; `other_digest` is of the policy by which
    another worker was seen to write since then.
    """

    poll_seconds: float
    next_poll: float = 0.0
    next_plan: float = 0.0
    next_tidy: float = 0.0
    next_reminder: float = 0.0
    last_poll: float | None = None
    shown_digest: str = ""
    decide_again: bool = True
    review_next: bool = False
    reviewed_policy: ReviewedPolicy | None = None
    written_digest: str = ""
    other_digest: str = ""

    def poll_and_plan_now(self) -> None:
        """Poll and decide in the next cycle, since policy or portal changed."""
        self.next_poll = self.next_plan = 0.0
        self.decide_again = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleWork:
    """What a cycle does: whether it writes, and how it carries out what people asked for."""

    writes: bool
    carry_out_requests: Callable[[], object] = lambda: None


def cycle(context: RunContext, steps: Steps, schedule: Schedule, work: CycleWork) -> None:
    """Run all steps once; the caller holds the writer's lock.

    A failed recovery ends the cycle, because a record may be without a stage. A failed poll or
    reading of named records ends nothing: the mirror is decided as it is.
    """
    # What is written to a file that no path names any more is lost: HubSpot is left alone.
    if not steps.run("database", context.store.require_same_file):
        return
    if not steps.run("recover", lambda: recover(context, only_due=_has_polled(schedule))):
        return
    steps.run("requests", work.carry_out_requests)
    _read(context, steps, schedule)
    if steps.monotonic() >= schedule.next_plan and _is_mirrored(context):
        _decide(context, steps, schedule, writes=work.writes)
    if steps.monotonic() >= schedule.next_tidy:
        schedule.next_tidy = steps.monotonic() + TIDY_SECONDS
        steps.run("tidy", lambda: apply_retention(context))


def _has_polled(schedule: Schedule) -> bool:
    """Return whether this daemon has polled: its first cycle tries every open move at once."""
    return schedule.last_poll is not None


def _read(context: RunContext, steps: Steps, schedule: Schedule) -> None:
    """Read the records that webhooks named, and poll where it is due."""
    if _is_mirrored(context):
        steps.run("notice", lambda: read_named_records(context))
    if steps.monotonic() < schedule.next_poll:
        return
    if steps.run("poll", lambda: pull(context)):
        schedule.last_poll = steps.monotonic()
    schedule.next_poll = steps.monotonic() + schedule.poll_seconds


def _decide(context: RunContext, steps: Steps, schedule: Schedule, *, writes: bool) -> None:
    """Apply the corrections, or review them where writing is off.

    Records that stay due (in review, over a limit, while paused) are decided again, and each
    decision reads them afresh. A pause in proportion to its duration keeps that to a small share
    of the time and of the requests.
    """
    started = steps.monotonic()
    # Whoever edited a policy sees what it wants before the daemon writes by it.
    is_first_look, schedule.reviewed_policy = schedule.review_next, None
    writes = writes and not is_first_look

    def work() -> None:
        if schedule.decide_again or _has_due_records(context):
            _apply(context) if writes else _review(context, schedule)

    name = "apply" if writes else "review"
    succeeded = steps.run(name, work)
    is_complete = succeeded and writes
    if is_complete:
        # What other rules wanted is written: a step of its own says that some of them wait.
        is_complete = steps.run("first-use", lambda: require_reviewed_rules(context))
        _remember_policy(context, steps, schedule)
        _remind(context, steps, schedule)
    schedule.review_next = is_first_look and not succeeded
    schedule.decide_again = (schedule.decide_again and not succeeded) or is_first_look
    now = steps.monotonic()
    if is_first_look and succeeded:
        schedule.next_plan = now + schedule.poll_seconds
    elif not is_complete:
        # A temporary failure is tried again with the next poll, a lasting one at longer pauses.
        longest_pause = schedule.poll_seconds if _is_temporary(steps, name) else _LONGEST_PAUSE
        schedule.next_plan = now + min(_PAUSE_FACTOR * (now - started), longest_pause)


def _remember_policy(context: RunContext, steps: Steps, schedule: Schedule) -> None:
    """Remember by which policy this cycle wrote: after a restart another one is reviewed first."""
    digest = context.policy.digest
    if digest == schedule.written_digest:
        return

    def work() -> None:
        with context.begin() as session:
            portal_policy.put_daemon_digest(session, digest)
        schedule.written_digest = digest

    steps.run("policy-memory", work)


def _is_temporary(steps: Steps, name: str) -> bool:
    return any(
        failing_step.step == name and isinstance(failing_step.error, TemporaryError)
        for failing_step in steps.failing_steps()
    )


def _remind(context: RunContext, steps: Steps, schedule: Schedule) -> None:
    """Create follow-up tasks where they are due; a failure here stops no other step."""
    if steps.monotonic() < schedule.next_reminder:
        return

    created = steps.run("tasks", lambda: create_due_tasks(context))
    pause = REMIND_SECONDS if created else _LONGEST_PAUSE / 3
    schedule.next_reminder = steps.monotonic() + pause


def _apply(context: RunContext) -> None:
    require_room(context)
    apply_due(context)


def _review(context: RunContext, schedule: Schedule) -> None:
    """Make a plan, and log it where it differs from the last one."""
    head = propose(context)
    if schedule.review_next:
        schedule.reviewed_policy = ReviewedPolicy(
            policy=context.policy.name,
            digest=context.policy.digest,
            corrections_by_rule={
                rule: sum(counts.values()) for rule, counts in head.summary.by_rule.items()
            },
        )
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
    """Return whether the mirror holds every property that the policy needs."""
    try:
        require_mirror(context)
    except UserError:
        return False
    return True


def _has_due_records(context: RunContext) -> bool:
    with context.reading() as session:
        due_counts = due_times.count_due(session, until=context.api.now())
    return any(due_counts[kind] for kind in DECIDED_TYPES)
