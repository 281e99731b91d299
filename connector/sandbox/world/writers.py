"""Choose the writer of a change as HubSpot's histories name it: source type, source id, user."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from random import Random

from connector.sandbox.world.setup import APP_ID, USER_IDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The writer of a change, as a property's history names it."""

    source: str
    source_id: str
    user_id: int | None = None


def choose_writer(rng: Random, source: str) -> Writer:
    """Return one of the writers of a source."""
    if source in ("CRM_UI", "MOBILE_IOS"):
        user_id = rng.choice(USER_IDS)
        return Writer(source=source, source_id=f"userId:{user_id}", user_id=user_id)
    enrollment = rng.randrange(10**11, 10**12)
    source_ids = {
        "INTEGRATION": APP_ID,
        "AUTOMATION_PLATFORM": f"enrollmentId:{enrollment};actionExecutionIndex:1",
        "IMPORT": str(rng.randrange(40_000_000, 40_000_012)),
        "FORM": "7d3f0d5c-5a25-4a55-8bb8-0f6a2c9e1b40",
        "PIPELINE_SETTINGS": "deal-lifecycle-sync",
        "COMPANIES": "FetchAssociatedCompanyIdStep",
    }
    return Writer(source=source, source_id=source_ids[source])


def usual_source(rng: Random, actions: AbstractSet[str]) -> str:
    """Return a source that usually makes such changes (`form`, `deal`, `status`, …)."""
    if actions & {"deal", "more"}:
        return rng.choice(("PIPELINE_SETTINGS", "PIPELINE_SETTINGS", "CRM_UI"))
    if "form" in actions:
        return rng.choice(("FORM", "FORM", "AUTOMATION_PLATFORM"))
    if "status" in actions:
        return rng.choice(("CRM_UI", "CRM_UI", "MOBILE_IOS", "AUTOMATION_PLATFORM"))
    return rng.choice(("AUTOMATION_PLATFORM", "CRM_UI", "INTEGRATION", "IMPORT"))
