"""Read how things stand, for whoever looks at the daemon from outside."""

from __future__ import annotations

from datetime import datetime

from connector.core.model import ObjectType
from connector.daemon.cycle import NoRoom, Rhythm
from connector.daemon.ground import Ground
from connector.daemon.steps import Steps, Trouble
from connector.errors import ConnectorError
from connector.meters import Figures
from state import checkpoints, holds, inbox, mirror, outbox, plans, strikes

_DECIDED = (ObjectType.CONTACTS, ObjectType.COMPANIES)
# What keeps a daemon from doing its work; an apply over a limit, say, waits for a person.
_VITAL = frozenset({"portal", "settings", "token", "policy", "recover", "poll"})
_LATE = 60.0


def figures(ground: Ground) -> Figures:
    """Read the figures from the database; none while the portal is not known, or it is locked."""
    if not ground.is_open:
        return Figures()
    try:
        return _read(ground, ground.door.now())
    except ConnectorError:
        return Figures()


def _read(ground: Ground, now: datetime) -> Figures:
    store, portal_id = ground.store, ground.portal_id
    with store.reading() as session:
        due = mirror.count_due(session, portal_id, until=now)
        head = plans.latest(session, portal_id)
        marks = [checkpoints.get(session, portal_id, f"changes.{kind}") for kind in ObjectType]
        return Figures(
            due=sum(due[kind] for kind in _DECIDED),
            open_moves=len(outbox.open_moves(session, portal_id)),
            quarantined=len(strikes.listed(session, portal_id)),
            holds=len(holds.listed(session, portal_id, now=now)),
            events_waiting=inbox.count(session, portal_id).count,
            database_bytes=store.size_bytes(),
            free_bytes=store.free_bytes(),
            lag=_lag([one["until"] for one in marks if one], now),
            requests_left=ground.door.allowance().left,
            left_alone=dict(head.summary.get("left_alone", {})) if head else {},
        )


def _lag(marks: list[str], now: datetime) -> float | None:
    if len(marks) < len(ObjectType):
        return None
    return max(0.0, (now - min(map(datetime.fromisoformat, marks))).total_seconds())


def problems(ground: Ground, steps: Steps, rhythm: Rhythm) -> list[str]:
    """Say what is wrong, one line each; nothing where the daemon does its work."""
    found = [f"{one.step}: {one.error}" for one in steps.troubles() if _is_vital(one)]
    try:
        with ground.store.reading() as session:
            checkpoints.get(session, "0", "ready")
    except ConnectorError as error:
        found.append(f"database: {error}")
    if not ground.is_open:
        found.append("portal: not opened yet")
    elif rhythm.polled is None:
        found.append("poll: the first one has not ended yet")
    else:
        age, most = steps.monotonic() - rhythm.polled, 5 * rhythm.poll_seconds + _LATE
        if age > most:
            found.append(f"poll: the last one ended {age:.0f} seconds ago, which is too long")
    return found


def _is_vital(trouble: Trouble) -> bool:
    return trouble.step in _VITAL or isinstance(trouble.error, NoRoom)
