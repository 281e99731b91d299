"""The alerts: what is wrong, and what to do about it, as a pure function of how things stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.core.moves import Move
from connector.daemon.cycle import NoRoom
from connector.daemon.steps import Trouble
from connector.errors import ConnectorError, TemporaryError
from connector.hubspot.faults import LimitReached, ScopeMissing, TokenRefused
from connector.limiting import OverLimit, Stopped
from connector.pausing import Paused
from state.strikes import Strike

PATIENCE: Final = 600.0
"""Seconds that what may pass by itself (HubSpot away, a locked database) is not told of."""
OPEN_TOO_LONG: Final = timedelta(minutes=15)
FOUGHT: Final = timedelta(hours=24)
_MOST: Final = 3  # named in one alert
_NAMES: Final[tuple[tuple[type[ConnectorError], tuple[str, str]], ...]] = (
    (OverLimit, ("over-limit", "A plan is over a limit: nothing is written until you look")),
    (Stopped, ("stopped", "A run was stopped, since what it wrote did not hold")),
    (NoRoom, ("disk", "The disk is nearly full: nothing is written to HubSpot")),
    (TokenRefused, ("token", "HubSpot refuses the token")),
    (ScopeMissing, ("scope", "The token lacks a scope")),
    (LimitReached, ("requests", "HubSpot's request limit is reached")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that is wrong; the same thing has the same key, however long it lasts."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How things stand: failing steps, the clock they are timed by, moves, and what failed."""

    troubles: Sequence[Trouble]
    seconds: float
    now: datetime
    open_moves: Sequence[Move]
    strikes: Sequence[Strike]


def alerts(standing: Standing) -> Iterator[Alert]:
    """Yield what a person should hear of now."""
    for trouble in standing.troubles:
        yield from _of_trouble(trouble, standing.seconds - trouble.since)
    yield from _of_moves(standing)
    yield from _of_strikes(standing)


def _of_trouble(trouble: Trouble, lasts: float) -> Iterator[Alert]:
    error, step = trouble.error, trouble.step
    if isinstance(error, Paused):
        return  # somebody said so
    passes = isinstance(error, TemporaryError) and not isinstance(error, LimitReached)
    if passes and lasts < PATIENCE:
        return
    key, title = _named(trouble)
    yield Alert(key=key, title=title, text=f"{error} (It began in the step {step}.)")


def _named(trouble: Trouble) -> tuple[str, str]:
    """Return the key and the title of an alert."""
    for kind, named in _NAMES:
        if isinstance(trouble.error, kind):
            return named
    if trouble.step == "poll":
        return "poll", "The mirror falls behind: polls fail"
    return f"step-{trouble.step}", f"The step {trouble.step} fails"


def _of_moves(standing: Standing) -> Iterator[Alert]:
    late = [one for one in standing.open_moves if standing.now - one.promised_at > OPEN_TOO_LONG]
    if late:
        names = ", ".join(str(one.record) for one in late[:_MOST])
        yield Alert(
            key="open-moves",
            title=f"{len(late)} corrections have begun and do not end",
            text=f"{names}: a record may stand there without a stage. The daemon goes on trying; "
            "`connector check` says whether the token may write, `connector audit --record "
            f"{late[0].record}` what was done.",
        )


def _of_strikes(standing: Standing) -> Iterator[Alert]:
    fresh = [one for one in standing.strikes if standing.now - one.at < FOUGHT]
    if fresh:
        said = "; ".join(f"{one.record} {one.property_name}: {one.note}" for one in fresh[:_MOST])
        yield Alert(
            key="quarantined",
            title=f"{len(fresh)} corrections came to nothing twice: somebody else writes as well",
            text=f"{said}. They are not sent again until something changes. Switch off the other "
            "writer, or hold these records: `connector hold add`.",
        )
