"""Convert times to the milliseconds that the tables hold, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_millis(at: datetime) -> int:
    """Return the whole milliseconds since 1970 of an aware time, rounded down.

    >>> to_millis(datetime(1970, 1, 1, 0, 0, 2, 999, tzinfo=UTC))
    2000
    """
    # Dividing a timedelta takes twice as long, and each record has two times.
    elapsed = at - _EPOCH
    return elapsed.days * 86_400_000 + elapsed.seconds * 1000 + elapsed.microseconds // 1000


def from_millis(millis: int) -> datetime:
    """Return the time in UTC.

    >>> from_millis(2000).isoformat()
    '1970-01-01T00:00:02+00:00'
    """
    return _EPOCH + timedelta(milliseconds=millis)
