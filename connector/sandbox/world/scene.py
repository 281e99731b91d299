"""Hold what a story is told with and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.names import CompanyProfile
from connector.sandbox.world.setup import DealPipeline
from connector.sandbox.world.situations import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Employer:
    """Where a contact works."""

    company_id: str
    profile: CompanyProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a story is written with; `midnight` began the portal's day, nothing is told after it."""

    portal: Portal
    rng: Random
    midnight: datetime
    owners: tuple[str, ...]
    import_times: list[datetime] = field(default_factory=list)
    used_addresses: set[str] = field(default_factory=set)
    contacts_without_deals: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Throw the dice."""
        return self.rng.random() < share

    def time_on_day(self, days_ago: float) -> datetime:
        """Return a moment in working hours of a day in the past."""
        seconds = self.rng.randrange(6 * 3600, 17 * 3600)
        millis = self.rng.randrange(1000)
        return self.midnight - timedelta(days=int(days_ago), seconds=-seconds, milliseconds=-millis)


@dataclass(slots=True, kw_only=True)
class ContactStory:
    """The state of a story while it is told.

    `partner` is another company, `colleague` another contact of the same one ("" for none);
    `together` is how likely the colleague stands on the deals too.
    """

    world: World
    situation: Situation
    employer: Employer | None
    partner_id: str = ""
    colleague_id: str = ""
    colleague_chance: float = 0.12
    contact_id: str = ""
    conversion_count: int = 0
    deals: dict[str, tuple[str, DealPipeline]] = field(default_factory=dict)
