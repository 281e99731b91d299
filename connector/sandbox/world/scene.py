"""What a contact's story needs, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.names import CompanyProfile
from connector.sandbox.world.setup import PARTNERS, RECRUITING, RENEWALS, SALES, DealPipeline
from connector.sandbox.world.situations import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Employer:
    """Where a contact works."""

    company_id: str
    profile: CompanyProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What stories need; all of them end before `midnight`, the beginning of the portal's day.

    `pipelines` holds the deal pipelines with their weights; job candidates go into `recruiting`.
    """

    portal: Portal
    rng: Random
    midnight: datetime
    owners: tuple[str, ...]
    pipelines: tuple[tuple[DealPipeline, int], ...] = (
        (SALES, 80),
        (RENEWALS, 14),
        (PARTNERS, 6),
    )
    recruiting: DealPipeline = RECRUITING
    import_times: list[datetime] = field(default_factory=list)
    used_addresses: set[str] = field(default_factory=set)
    contacts_without_deals: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return self.rng.random() < share

    def time_on_day(self, days_ago: float) -> datetime:
        """Return a moment in working hours of a day in the past."""
        seconds = self.rng.randrange(6 * 3600, 17 * 3600)
        millis = self.rng.randrange(1000)
        return self.midnight - timedelta(days=int(days_ago), seconds=-seconds, milliseconds=-millis)


@dataclass(slots=True, kw_only=True)
class ContactStory:
    """The state of a story while it is written.

    `partner_id` is another company, `colleague_id` another contact of the same company ("" for
    none); `colleague_chance` is the probability that the colleague is linked to the deals too.
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
