"""What is known of one record when it is decided: the facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.core.binding import BoundPolicy
from connector.core.deals import Deal
from connector.core.model import Record, Ref
from connector.core.values import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that a decision rests on; blank is "".

    `deals` holds only deals that count; `evidence_at` is the time of the newest evidence:
    when a deal entered its present stage, or the latest form conversion.
    """

    record: Ref
    stage: str
    status: str
    values: Values
    deals: tuple[Deal, ...]
    now: datetime
    evidence_at: datetime | None


def facts(
    policy: BoundPolicy,
    record: Record,
    deals: Sequence[Deal],
    *,
    company: Record | None = None,
    now: datetime,
) -> Facts:
    """Return the facts about a contact or company, from its record and its deals."""
    raise NotImplementedError
