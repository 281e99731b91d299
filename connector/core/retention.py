"""Define how long each kind of stored data is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriods:
    """The retention period of each kind of data, None for ever.

    `folder` receives the archive files of the audit; "" is the folder of the database. HubSpot
    repeats a webhook delivery for up to a day, so received events are kept for longer than that.
    """

    audit: timedelta | None = None
    ledger: timedelta | None = None
    runs: timedelta | None = timedelta(days=365)
    inbox: timedelta | None = timedelta(days=3)
    folder: str = ""


def retention_cutoff(now: datetime, period: timedelta | None) -> datetime | None:
    """Return the moment before which data is deleted, None where it is kept for ever.

    >>> from datetime import UTC
    >>> retention_cutoff(datetime(2026, 3, 4, tzinfo=UTC), timedelta(days=3))
    datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    >>> retention_cutoff(datetime(2026, 3, 4, tzinfo=UTC), None)
    """
    return None if period is None else now - period
