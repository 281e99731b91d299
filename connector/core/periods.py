"""Tell how long a record stood in each of its stages, and who had put it there."""

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


def periods(versions: Sequence[Version]) -> tuple[Period, ...]:
    """Return the stays that versions (newest first) tell of, oldest first; a blank is none.

    >>> from datetime import UTC
    >>> def at(hour, value):
    ...     when = datetime(2026, 3, 12, hour, tzinfo=UTC)
    ...     return Version(value=value, at=when, source_type="CRM_UI")
    >>> found = periods([at(9, "customer"), at(8, "customer"), at(7, ""), at(6, "lead")])
    >>> [(one.stage, one.since.hour, one.until and one.until.hour) for one in found]
    [('lead', 6, 7), ('customer', 8, None)]
    """
    found: list[Period] = []
    for one in reversed(versions):
        last = found[-1] if found else None
        lasts = last is not None and last.until is None
        if lasts and last is not None:
            if last.stage == one.value:
                continue
            found[-1] = replace(last, until=one.at)
        if one.value:
            found.append(_begun(one))
    return tuple(found)


def _begun(one: Version) -> Period:
    return Period(
        stage=one.value,
        since=one.at,
        until=None,
        source_type=one.source_type,
        source_id=one.source_id,
        user_id=one.user_id,
    )
