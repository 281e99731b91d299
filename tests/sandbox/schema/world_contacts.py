"""Look at the contacts of a seeded world through the portal's own data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import fill

TODAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SQL = "salesqualifiedlead"
OBJECT_TYPES = ("contacts", "companies", "deals")
DEFAULT_STAGES = frozenset(
    f"subscriber lead marketingqualifiedlead {SQL} opportunity customer evangelist other".split()
)


def create_world(contacts: int = 2000, seed: int = 1) -> Portal:
    portal = Portal(clock=Clock(TODAY, running=False))
    fill(portal, contacts=contacts, seed=seed)
    return portal


shared_world = cache(create_world)


@dataclass(frozen=True)
class ContactView:
    """A contact with its deals as the portal tells them."""

    id: str
    values: dict[str, str]
    deals: tuple[str, ...]
    deal_outcomes: frozenset[str]
    was_won: bool
    lost_at: datetime | None
    stage_source: str
    stage_set_at: datetime | None

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
    def form_at(self) -> datetime | None:
        text = self.values.get("recent_conversion_date", "")
        return datetime.fromisoformat(text) if text else None

    @property
    def domain(self) -> str:
        return self.values.get("email", "").rpartition("@")[2]


def deal_outcome(portal: Portal, deal: str) -> str:
    if portal.value("deals", deal, "hs_is_closed") == "false":
        return "open"
    if portal.value("deals", deal, "hs_is_closed_won") == "true":
        return "won"
    return "lost" if portal.value("deals", deal, "hs_is_closed_lost") == "true" else "between"


def version_time(version: Any) -> datetime:
    return datetime.fromtimestamp(version.at / 1000, UTC)


def contact_view(portal: Portal, contact: str) -> ContactView:
    record = portal.record("contacts", contact)
    deals = tuple(map(str, portal.links.of("contacts", record.id, "deals")))
    won_histories = [portal.history("deals", deal, "hs_is_closed_won") for deal in deals]
    last_changes = [version_time(portal.history("deals", deal, "dealstage")[-1]) for deal in deals]
    outcomes = [deal_outcome(portal, deal) for deal in deals]
    stages = portal.history("contacts", contact, "lifecyclestage")
    return ContactView(
        id=contact,
        values=record.values,
        deals=deals,
        deal_outcomes=frozenset(outcomes),
        was_won=any(version.value == "true" for history in won_histories for version in history),
        lost_at=max(
            (
                changed_at
                for changed_at, outcome in zip(last_changes, outcomes, strict=True)
                if outcome == "lost"
            ),
            default=None,
        ),
        stage_source=stages[-1].source.type if stages else "",
        stage_set_at=version_time(stages[-1]) if stages else None,
    )


@cache
def contact_views() -> tuple[ContactView, ...]:
    portal = shared_world()
    return tuple(contact_view(portal, str(record.id)) for record in portal.records("contacts"))


def days_ago(days: float) -> datetime:
    return TODAY - timedelta(days=days)


def has_only(contact: ContactView, *outcomes: str) -> bool:
    return contact.deal_outcomes == frozenset(outcomes)


def lost_recently(contact: ContactView) -> bool:
    return contact.lost_at is not None and contact.lost_at > days_ago(85)
