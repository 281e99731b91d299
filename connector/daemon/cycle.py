"""One cycle: finish what is open, look at what was named, poll, decide, and write or show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from connector.core.model import ObjectType
from connector.daemon.steps import Steps
from connector.desk import Desk
from connector.errors import TemporaryError, UserError
from connector.noticing import notice
from connector.propose import propose
from connector.pull import pull, require_mirror
from connector.recover import recover
from connector.reminding import remind
from connector.sync import correct
from connector.tidying import tidy
from state import mirror

LEAST_FREE: Final = 64 * 2**20
"""Bytes: below, nothing is written to HubSpot, since the outbox must be able to follow."""
TIDY_SECONDS: Final = 3600.0
REMIND_SECONDS: Final = 3600.0
"""Looking for overlooked contacts reads the whole mirror, and days are what it is about."""
_SHARE: Final = 20
_LONGEST_PAUSE: Final = 900.0
_DECIDED: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES)

_log = structlog.get_logger()


class NoRoom(UserError):  # noqa: N818 - named by what it is
    """The disk is nearly full: HubSpot is left alone before the database has to be."""


@dataclass(slots=True)
class Rhythm:
    """When what is done next, by the clock that never goes back; 0 is at once.

    `polled` is when a poll last succeeded, None before the first; `anew` says that the ground of
    all decisions may be another one, so that they are made although nothing is due.
    """

    poll_seconds: float
    poll: float = 0.0
    plan: float = 0.0
    tidy: float = 0.0
    remind: float = 0.0
    polled: float | None = None
    shown: str = ""
    anew: bool = True

    def hurry(self) -> None:
        """Poll and decide with the next cycle: the policy, or the portal, is another one."""
        self.poll = self.plan = 0.0
        self.anew = True


def cycle(desk: Desk, steps: Steps, rhythm: Rhythm, *, writes: bool) -> None:
    """Go once through all steps; whoever calls holds the writer's lock.

    What cannot be recovered ends the cycle: a record may stand there without a stage. A failing
    poll or inbox ends nothing: what is in the mirror is decided all the same.
    """
    if not steps.run("recover", lambda: recover(desk)):
        return
    _read(desk, steps, rhythm)
    if steps.monotonic() >= rhythm.plan and _is_mirrored(desk):
        _decide(desk, steps, rhythm, writes=writes)
    if steps.monotonic() >= rhythm.tidy:
        rhythm.tidy = steps.monotonic() + TIDY_SECONDS
        steps.run("tidy", lambda: tidy(desk))


def refuse_without_room(desk: Desk) -> None:
    """Raise NoRoom where the disk has too little left for the outbox."""
    free = desk.store.free_bytes()
    if free < LEAST_FREE:
        raise NoRoom(
            f"The disk has {free // 2**20} MiB left: nothing is written to HubSpot, and everything "
            "stays due. Free some space; it goes on by itself."
        )


def _read(desk: Desk, steps: Steps, rhythm: Rhythm) -> None:
    """Look at what webhooks named, and poll where it is time."""
    if _is_mirrored(desk):
        steps.run("notice", lambda: notice(desk))
    if steps.monotonic() < rhythm.poll:
        return
    if steps.run("poll", lambda: pull(desk)):
        rhythm.polled = steps.monotonic()
    rhythm.poll = steps.monotonic() + rhythm.poll_seconds


def _decide(desk: Desk, steps: Steps, rhythm: Rhythm, *, writes: bool) -> None:
    """Write what is to be corrected, or show it; both at their pace.

    What stays due (in review, over a limit, while paused) is decided again and again. That reads
    each of these records afresh, so it gets a small share of the time and no more.
    """
    began = steps.monotonic()

    def work() -> None:
        if rhythm.anew or _due(desk):
            _apply(desk) if writes else _review(desk, rhythm)

    name = "apply" if writes else "review"
    done = steps.run(name, work)
    if done and writes:
        _remind(desk, steps, rhythm)
    rhythm.anew = rhythm.anew and not done
    if not (done and writes):
        now = steps.monotonic()
        # What passes by itself is tried again with the next poll.
        longest = rhythm.poll_seconds if _passes(steps, name) else _LONGEST_PAUSE
        rhythm.plan = now + min(_SHARE * (now - began), longest)


def _passes(steps: Steps, name: str) -> bool:
    return any(
        one.step == name and isinstance(one.error, TemporaryError) for one in steps.troubles()
    )


def _remind(desk: Desk, steps: Steps, rhythm: Rhythm) -> None:
    """Create tasks for owners where it is time; what stops that stops nothing else."""
    if steps.monotonic() < rhythm.remind:
        return

    def work() -> None:
        refuse_without_room(desk)
        remind(desk)

    longest = REMIND_SECONDS if steps.run("tasks", work) else _LONGEST_PAUSE / 3
    rhythm.remind = steps.monotonic() + longest


def _apply(desk: Desk) -> None:
    refuse_without_room(desk)
    correct(desk)


def _review(desk: Desk, rhythm: Rhythm) -> None:
    """Make a plan and say so where it is another one than before."""
    head = propose(desk)
    if head.digest != rhythm.shown:
        rhythm.shown = head.digest
        _log.info(
            "plan.made",
            portal=desk.portal_id,
            run=desk.run,
            corrections=head.summary["corrections"],
            message="nothing is written in review: look at it with `connector plan`; "
            "CONNECTOR_WRITES=apply lets the daemon write",
        )


def _is_mirrored(desk: Desk) -> bool:
    """Whether the mirror holds what this policy rests on; before that, nothing is decided."""
    try:
        require_mirror(desk)
    except UserError:
        return False
    return True


def _due(desk: Desk) -> bool:
    with desk.store.reading() as session:
        waiting = mirror.count_due(session, desk.portal_id, until=desk.door.now())
    return any(waiting[kind] for kind in _DECIDED)
