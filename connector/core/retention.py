"""How long what is remembered is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPeriods:
    """How long each thing is kept, None for ever; `folder` is where the audit is cut into.

    "" is the folder of the database. A webhook delivery is repeated for up to a day by HubSpot,
    so that what was received is known for longer than that.
    """

    audit: timedelta | None = None
    ledger: timedelta | None = None
    runs: timedelta | None = timedelta(days=365)
    inbox: timedelta | None = timedelta(days=3)
    folder: str = ""


def retention_cutoff(now: datetime, period: timedelta | None) -> datetime | None:
    """Return the moment before which things go, None where they are kept for ever.

    >>> from datetime import UTC
    >>> retention_cutoff(datetime(2026, 3, 4, tzinfo=UTC), timedelta(days=3))
    datetime.datetime(2026, 3, 1, 0, 0, tzinfo=datetime.timezone.utc)
    >>> retention_cutoff(datetime(2026, 3, 4, tzinfo=UTC), None)
    """
    return None if period is None else now - period
