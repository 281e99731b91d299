"""Compute how long a record was in each of its stages, and who set each stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.core.model import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A stay in one stage; `until` is None while it lasts.

    `source_type` is HubSpot's (CRM_UI, INTEGRATION, …), `MIRROR` where only the change was
    seen, and `CONNECTOR` where we wrote the stage ourselves.
    """

    stage: str
    since: datetime
    until: datetime | None
    source_type: str
    source_id: str = ""
    user_id: str = ""


def build_periods(versions: Sequence[Version]) -> tuple[Period, ...]:
    """Return the periods of versions (newest first), oldest first; a blank makes no period.

    >>> from datetime import UTC
    >>> def at(hour, value):
    ...     when = datetime(2026, 3, 12, hour, tzinfo=UTC)
    ...     return Version(value=value, at=when, source_type="CRM_UI")
    >>> periods = build_periods([at(9, "customer"), at(8, "customer"), at(7, ""), at(6, "lead")])
    >>> [(p.stage, p.since.hour, p.until and p.until.hour) for p in periods]
    [('lead', 6, 7), ('customer', 8, None)]
    """
    periods: list[Period] = []
    for version in reversed(versions):
        latest = periods[-1] if periods else None
        is_open = latest is not None and latest.until is None
        if is_open and latest is not None:
            if latest.stage == version.value:
                continue
            periods[-1] = replace(latest, until=version.at)
        if version.value:
            periods.append(_open_period(version))
    return tuple(periods)


def _open_period(version: Version) -> Period:
    return Period(
        stage=version.value,
        since=version.at,
        until=None,
        source_type=version.source_type,
        source_id=version.source_id,
        user_id=version.user_id,
    )
