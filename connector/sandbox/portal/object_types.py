"""The object types of the sandbox, and HubSpot's names for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One object type: its names, its own words for two timestamps, and where ids begin."""

    name: str
    singular: str
    type_id: str
    created_property: str
    modified_property: str
    default_properties: tuple[str, ...]
    first_id: int
    id_step: int
    scope: str
    stage_property: str = ""
    pipeline_id: str = ""

    @property
    def always_shown(self) -> tuple[str, ...]:
        """Return the properties that stand in every answer, asked for or not."""
        return (self.created_property, self.modified_property, "hs_object_id")


CONTACTS: Final = ObjectType(
    name="contacts",
    singular="contact",
    type_id="0-1",
    created_property="createdate",
    modified_property="lastmodifieddate",
    default_properties=("email", "firstname", "lastname"),
    first_id=51,
    id_step=50,
    scope="contacts",
    stage_property="lifecyclestage",
    pipeline_id="contacts-lifecycle-pipeline",
)
COMPANIES: Final = ObjectType(
    name="companies",
    singular="company",
    type_id="0-2",
    created_property="createdate",
    modified_property="hs_lastmodifieddate",
    default_properties=("domain", "name"),
    first_id=9_000_000_001,
    id_step=1,
    scope="companies",
    stage_property="lifecyclestage",
    pipeline_id="companies-lifecycle-pipeline",
)
DEALS: Final = ObjectType(
    name="deals",
    singular="deal",
    type_id="0-3",
    created_property="createdate",
    modified_property="hs_lastmodifieddate",
    default_properties=("amount", "closedate", "dealname", "dealstage", "pipeline"),
    first_id=30_000_000_003,
    id_step=7,
    scope="deals",
    stage_property="dealstage",
)
LEADS: Final = ObjectType(
    name="leads",
    singular="lead",
    type_id="0-136",
    created_property="hs_createdate",
    modified_property="hs_lastmodifieddate",
    default_properties=("hs_lead_name",),
    first_id=50_000_000_001,
    id_step=3,
    scope="leads",
    stage_property="hs_pipeline_stage",
)
TASKS: Final = ObjectType(
    name="tasks",
    singular="task",
    type_id="0-27",
    created_property="hs_createdate",
    modified_property="hs_lastmodifieddate",
    default_properties=(),
    first_id=60_000_000_001,
    id_step=1,
    scope="contacts",  # tasks ride on the contacts scopes
)

OBJECT_TYPES: Final = {
    object_type.name: object_type for object_type in (CONTACTS, COMPANIES, DEALS, LEADS, TASKS)
}
OBJECT_TYPES_BY_NAME: Final = {
    name: object_type
    for object_type in OBJECT_TYPES.values()
    for name in (object_type.name, object_type.singular, object_type.type_id)
}
