"""Hold what a story is told with and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from connector.sandbox.names import Firm
from connector.sandbox.portal import Portal
from connector.sandbox.setting import Course
from connector.sandbox.situations import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a contact works."""

    company: str
    firm: Firm


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """What a story is written with; `midnight` began the portal's day, nothing is told after it."""

    portal: Portal
    dice: Random
    midnight: datetime
    owners: tuple[str, ...]
    imports: list[datetime] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    idle: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Throw the dice."""
        return self.dice.random() < share

    def day(self, days_ago: float) -> datetime:
        """Return a moment in working hours of a day in the past."""
        seconds = self.dice.randrange(6 * 3600, 17 * 3600)
        millis = self.dice.randrange(1000)
        return self.midnight - timedelta(days=int(days_ago), seconds=-seconds, milliseconds=-millis)


@dataclass(slots=True, kw_only=True)
class Scene:
    """The state of a story while it is told.

    `partner` is another company, `colleague` another contact of the same one ("" for none);
    `together` is how likely the colleague stands on the deals too.
    """

    pen: Pen
    situation: Situation
    seat: Seat | None
    partner: str = ""
    colleague: str = ""
    together: float = 0.12
    contact: str = ""
    conversions: int = 0
    deals: dict[str, tuple[str, Course]] = field(default_factory=dict)
