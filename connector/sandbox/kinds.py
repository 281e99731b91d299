"""The kinds of records that the box serves, and the names HubSpot has for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One object type: its names, its own words for two timestamps, and where ids begin."""

    name: str
    singular: str
    type_id: str
    created: str
    modified: str
    defaults: tuple[str, ...]
    first_id: int
    id_step: int
    scope: str
    stage: str = ""
    pipeline: str = ""

    @property
    def always(self) -> tuple[str, ...]:
        """Return the properties that stand in every answer, asked for or not."""
        return (self.created, self.modified, "hs_object_id")


CONTACTS: Final = Kind(
    name="contacts",
    singular="contact",
    type_id="0-1",
    created="createdate",
    modified="lastmodifieddate",
    defaults=("email", "firstname", "lastname"),
    first_id=51,
    id_step=50,
    scope="contacts",
    stage="lifecyclestage",
    pipeline="contacts-lifecycle-pipeline",
)
COMPANIES: Final = Kind(
    name="companies",
    singular="company",
    type_id="0-2",
    created="createdate",
    modified="hs_lastmodifieddate",
    defaults=("domain", "name"),
    first_id=9_000_000_001,
    id_step=1,
    scope="companies",
    stage="lifecyclestage",
    pipeline="companies-lifecycle-pipeline",
)
DEALS: Final = Kind(
    name="deals",
    singular="deal",
    type_id="0-3",
    created="createdate",
    modified="hs_lastmodifieddate",
    defaults=("amount", "closedate", "dealname", "dealstage", "pipeline"),
    first_id=30_000_000_003,
    id_step=7,
    scope="deals",
    stage="dealstage",
)
TASKS: Final = Kind(
    name="tasks",
    singular="task",
    type_id="0-27",
    created="hs_createdate",
    modified="hs_lastmodifieddate",
    defaults=(),
    first_id=60_000_000_001,
    id_step=1,
    scope="contacts",  # tasks ride on the contacts scopes
)

KINDS: Final = {kind.name: kind for kind in (CONTACTS, COMPANIES, DEALS, TASKS)}
NAMES: Final = {
    name: kind for kind in KINDS.values() for name in (kind.name, kind.singular, kind.type_id)
}
