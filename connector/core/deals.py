"""What a deal proves: won, lost or open, and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connector.core.model import Ref


class DealState(StrEnum):
    """What a deal's pipeline says of its stage."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One deal as evidence.

    `entered_at` is when it entered its present stage, as well as we know: `dated` tells
    whether the portal said so itself (history or `hs_v2_date_entered_…`), or whether it is
    the close date of a closed deal or the creation of an open one.
    """

    ref: Ref
    state: DealState
    stage: str
    pipeline: str
    counts: bool = True
    was_won: bool = False
    dated: bool = False
    entered_at: datetime | None = None
    won_at: datetime | None = None
    properties: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def lost_at(self) -> datetime | None:
        """Return when it was lost, `None` if it is not lost or nobody knows."""
        return self.entered_at if self.state is DealState.LOST else None
