"""Define a new HubSpot portal, for policies that are tried without a real portal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.core.model import (
    LEAD_STAGE,
    STAGE,
    STATUS,
    Account,
    DealStage,
    ObjectType,
    Option,
    Pipeline,
    Portal,
    PropertyDefinition,
)

STAGES: Final = {
    "subscriber": "Subscriber",
    "lead": "Lead",
    "marketingqualifiedlead": "Marketing Qualified Lead",
    "salesqualifiedlead": "Sales Qualified Lead",
    "opportunity": "Opportunity",
    "customer": "Customer",
    "evangelist": "Evangelist",
    "other": "Other",
}
STATUSES: Final = {
    "NEW": "New",
    "OPEN": "Open",
    "IN_PROGRESS": "In Progress",
    "OPEN_DEAL": "Open Deal",
    "UNQUALIFIED": "Unqualified",
    "ATTEMPTED_TO_CONTACT": "Attempted to Contact",
    "CONNECTED": "Connected",
    "BAD_TIMING": "Bad Timing",
}
DEAL_STAGES: Final = (
    DealStage(id="appointmentscheduled", label="Appointment Scheduled", probability=0.2),
    DealStage(id="contractsent", label="Contract Sent", is_closed=False, probability=0.9),
    DealStage(id="closedwon", label="Closed Won", is_closed=True, probability=1.0),
    DealStage(id="closedlost", label="Closed Lost", is_closed=True, probability=0.0),
    DealStage(id="closedsplit", label="Closed, shared", is_closed=True, probability=0.5),
)


LEAD_STAGES: Final = (
    DealStage(id="new-stage-id", label="New"),
    DealStage(id="attempting-stage-id", label="Attempting"),
    DealStage(id="connected-stage-id", label="Connected"),
    DealStage(id="qualified-stage-id", label="Qualified"),
    DealStage(id="unqualified-stage-id", label="Disqualified"),
)


def definition(
    name: str, kind: str = "string", *, field_type: str = "text", options: Iterable[Option] = ()
) -> PropertyDefinition:
    """Return a property definition as a portal would give it, labelled by its name."""
    return PropertyDefinition(
        name=name, label=name, type=kind, field_type=field_type, options=tuple(options)
    )


def options(labels: Mapping[str, str]) -> tuple[Option, ...]:
    """Return options in this order, from values with their labels."""
    return tuple(
        Option(value=value, label=label, order=index)
        for index, (value, label) in enumerate(labels.items())
    )


def default_portal(
    *,
    stages: Mapping[str, str] = STAGES,
    statuses: Mapping[str, str] = STATUSES,
    extra_properties: Mapping[ObjectType, Iterable[PropertyDefinition]] | None = None,
    pipelines: Iterable[Pipeline] = (),
    time_zone: str = "UTC",
) -> Portal:
    """Return a portal with HubSpot's default stages, statuses and pipeline, or with others."""
    sales = Pipeline(id="default", label="Sales Pipeline", stages=DEAL_STAGES)
    by_object_type = _definitions(options(stages), options(statuses))
    for object_type, definitions in (extra_properties or {}).items():
        by_object_type[object_type] = (*by_object_type[object_type], *definitions)
    extra_pipelines = tuple(pipelines)
    replaces_default = any(pipeline.id == sales.id for pipeline in extra_pipelines)
    return Portal(
        account=Account(portal_id="1", time_zone=time_zone),
        definitions={
            object_type: {
                property_definition.name: property_definition
                for property_definition in property_definitions
            }
            for object_type, property_definitions in by_object_type.items()
        },
        pipelines=extra_pipelines if replaces_default else (sales, *extra_pipelines),
        lead_pipelines=(
            Pipeline(id="lead-pipeline-id", label="Lead pipeline", stages=LEAD_STAGES),
        ),
    )


_OTHER_PROPERTIES: Final[Mapping[ObjectType, Sequence[tuple[str, ...]]]] = {
    ObjectType.CONTACTS: (
        ("email",),
        ("recent_conversion_event_name",),
        ("recent_conversion_date", "datetime"),
        ("num_conversion_events", "number"),
        ("first_conversion_event_name",),
        ("associatedcompanyid", "number"),
        ("hubspot_owner_id",),
        ("engagements_last_meeting_booked", "datetime"),
        ("notes_last_contacted", "datetime"),
        ("hs_sales_email_last_replied", "datetime"),
        ("hs_latest_meeting_activity", "datetime"),
        ("jobtitle",),
        ("country",),
    ),
    ObjectType.COMPANIES: (
        ("domain",),
        ("hubspot_owner_id",),
        ("name",),
        ("country",),
        ("numberofemployees", "number"),
    ),
    ObjectType.LEADS: (
        (LEAD_STAGE,),
        ("hs_pipeline",),
        ("hubspot_owner_id",),
    ),
    ObjectType.DEALS: (
        ("dealstage",),
        ("pipeline",),
        ("closedate", "datetime"),
        ("createdate", "datetime"),
        ("hs_is_closed", "bool"),
        ("hs_is_closed_won", "bool"),
        ("dealname",),
        ("amount", "number"),
    ),
}


def _definitions(
    stages: tuple[Option, ...], statuses: tuple[Option, ...]
) -> dict[ObjectType, tuple[PropertyDefinition, ...]]:
    enumeration = {"kind": "enumeration", "field_type": "radio"}
    stage = definition(STAGE, options=stages, **enumeration)
    status = definition(STATUS, options=statuses, **enumeration)
    stage_properties = {ObjectType.CONTACTS: (stage, status), ObjectType.COMPANIES: (stage, status)}
    return {
        object_type: (
            *stage_properties.get(object_type, ()),
            *(definition(*arguments) for arguments in other_properties),
        )
        for object_type, other_properties in _OTHER_PROPERTIES.items()
    }
