"""Look at the contacts of a seeded world through the portal's own data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.world import fill

TODAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SQL = "salesqualifiedlead"
KINDS = ("contacts", "companies", "deals")
DEFAULT_STAGES = frozenset(
    f"subscriber lead marketingqualifiedlead {SQL} opportunity customer evangelist other".split()
)


def world(contacts: int = 2000, seed: int = 1) -> Portal:
    portal = Portal(clock=Clock(TODAY, running=False))
    fill(portal, contacts=contacts, seed=seed)
    return portal


shared = cache(world)


@dataclass(frozen=True)
class View:
    """A contact with its deals as the portal tells them."""

    id: str
    values: dict[str, str]
    deals: tuple[str, ...]
    ends: frozenset[str]
    once_won: bool
    lost_on: datetime | None
    stage_by: str
    stage_on: datetime | None

    @property
    def stage(self) -> str:
        return self.values.get("lifecyclestage", "")

    @property
    def status(self) -> str:
        return self.values.get("hs_lead_status", "")

    @property
    def form(self) -> str:
        return self.values.get("recent_conversion_event_name", "").lower()

    @property
    def form_on(self) -> datetime | None:
        text = self.values.get("recent_conversion_date", "")
        return datetime.fromisoformat(text) if text else None

    @property
    def domain(self) -> str:
        return self.values.get("email", "").rpartition("@")[2]


def end_of(portal: Portal, deal: str) -> str:
    if portal.value("deals", deal, "hs_is_closed") == "false":
        return "open"
    if portal.value("deals", deal, "hs_is_closed_won") == "true":
        return "won"
    return "lost" if portal.value("deals", deal, "hs_is_closed_lost") == "true" else "between"


def at(version: Any) -> datetime:
    return datetime.fromtimestamp(version.at / 1000, UTC)


def view(portal: Portal, contact: str) -> View:
    record = portal.record("contacts", contact)
    deals = tuple(map(str, portal.links.of("contacts", record.id, "deals")))
    flags = [portal.history("deals", one, "hs_is_closed_won") for one in deals]
    lost = [at(portal.history("deals", one, "dealstage")[-1]) for one in deals]
    ends = [end_of(portal, one) for one in deals]
    stages = portal.history("contacts", contact, "lifecyclestage")
    return View(
        id=contact,
        values=record.values,
        deals=deals,
        ends=frozenset(ends),
        once_won=any(one.value == "true" for flag in flags for one in flag),
        lost_on=max(
            (day for day, end in zip(lost, ends, strict=True) if end == "lost"), default=None
        ),
        stage_by=stages[-1].source.type if stages else "",
        stage_on=at(stages[-1]) if stages else None,
    )


@cache
def views() -> tuple[View, ...]:
    portal = shared()
    return tuple(view(portal, str(one.id)) for one in portal.records("contacts"))


def ago(days: float) -> datetime:
    return TODAY - timedelta(days=days)


def only(one: View, *ends: str) -> bool:
    return one.ends == frozenset(ends)


def lately_lost(one: View) -> bool:
    return one.lost_on is not None and one.lost_on > ago(85)
