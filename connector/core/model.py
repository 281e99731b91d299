"""Define the values that all folders share, frozen and named as HubSpot names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

STAGE: Final = "lifecyclestage"
STATUS: Final = "hs_lead_status"
DEAL_STAGE: Final = "dealstage"
LEAD_STAGE: Final = "hs_pipeline_stage"


class ObjectType(StrEnum):
    """The kind of a record; the values are HubSpot's path names."""

    CONTACTS = "contacts"
    COMPANIES = "companies"
    DEALS = "deals"
    LEADS = "leads"


ALWAYS_READ_TYPES: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS)
"""The types that every portal has and every policy reads; leads are read where a policy asks."""

DECIDED_TYPES: Final = (ObjectType.CONTACTS, ObjectType.COMPANIES)
"""The types whose records have a lifecycle stage of their own, and are decided."""


STAGE_PROPERTIES: Final[Mapping[ObjectType, str]] = {
    ObjectType.CONTACTS: STAGE,
    ObjectType.COMPANIES: STAGE,
    ObjectType.DEALS: DEAL_STAGE,
    ObjectType.LEADS: LEAD_STAGE,
}
"""The property that holds the stage of a record of each type."""
_PLURALS: Final = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "lead": "leads",
}
_MAX_ID = 2**63 - 1
"""The largest id that databases store."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A record's name, written `contacts/123`; ids are text, compared as integers."""

    object_type: ObjectType
    id: str

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read `contacts/123`, `contact/123` or `contact 123`; raise ValueError otherwise.

        >>> Ref.parse("contact 123")
        Ref(object_type=<ObjectType.CONTACTS: 'contacts'>, id='123')
        """
        type_name, _, record_id = text.strip().replace(" ", "/", 1).partition("/")
        plural = _PLURALS.get(type_name, type_name)
        is_number = record_id.isascii() and record_id.isdigit()
        if plural not in tuple(ObjectType) or not is_number or int(record_id) > _MAX_ID:
            raise ValueError(f"{text!r} is not a record: write contacts/123")
        return cls(ObjectType(plural), record_id)

    def __str__(self) -> str:
        return f"{self.object_type}/{self.id}"

    def __hash__(self) -> int:
        # Python keeps the hash of a text: records are looked up millions of times.
        return hash(self.id)

    def __lt__(self, ref: Ref) -> bool:
        return (self.object_type, int(self.id)) < (ref.object_type, int(ref.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One entry of a property's history; `value` is "" where it was cleared."""

    value: str
    at: datetime
    source_type: str
    source_id: str = ""
    user_id: str = ""
    source_label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as HubSpot answered it: only the properties that were asked for.

    A key that is absent was not asked for; `None` means that HubSpot has no value.
    `history` holds versions, newest first, for the properties asked for with history, and
    `merged_ids` the ids of the records that were merged into this one, where HubSpot names them.
    """

    ref: Ref
    properties: Mapping[str, str | None]
    modified_at: datetime
    created_at: datetime
    archived: bool = False
    history: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    merged_ids: tuple[str, ...] = ()

    def value(self, name: str) -> str:
        """Return a property that was asked for, "" for blank; raise KeyError if it was not."""
        return self.properties[name] or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A link between two records; `labels` are the association labels in the portal's words."""

    source: Ref
    target: Ref
    is_primary: bool = False
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One allowed value of an enumeration property; `order` is its `displayOrder`."""

    value: str
    label: str
    order: int
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyDefinition:
    """A portal's definition of a property; `type` is HubSpot's (string, number, datetime, …)."""

    name: str
    label: str
    type: str
    field_type: str = ""
    options: tuple[Option, ...] = ()
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DealStage:
    """A stage of a pipeline; `None` where its metadata say nothing, as those of leads do."""

    id: str
    label: str
    is_closed: bool | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A pipeline of deals, or of leads, with its stages in their order."""

    id: str
    label: str
    stages: tuple[DealStage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """An active workflow; `enrollment_properties` are those that its filters name.

    `set_values` are the properties that its actions set, with the value: "" is a clear, None a
    value that the workflow takes from elsewhere.
    """

    id: str
    name: str
    object_type: ObjectType
    enrollment_properties: frozenset[str] = frozenset()
    set_values: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that a token belongs to; `time_zone` is an IANA name."""

    portal_id: str
    time_zone: str = "UTC"
    account_type: str = "STANDARD"
    ui_domain: str = "app.hubspot.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """A portal: its account, property definitions and deal pipelines.

    `unreadable` says why definitions were left out, by `contacts.name`. `lead_pipelines` is None
    where leads were not asked for: then nothing is known of them.
    """

    account: Account
    definitions: Mapping[ObjectType, Mapping[str, PropertyDefinition]]
    pipelines: tuple[Pipeline, ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    lead_pipelines: tuple[Pipeline, ...] | None = None

    def options(self, object_type: ObjectType, name: str) -> tuple[Option, ...]:
        """Return a property's options in the portal's order, () where there is none.

        `displayOrder` -1 comes after every positive one (HubSpot's properties guide).
        """
        definition = self.definitions.get(object_type, {}).get(name)
        options = definition.options if definition else ()
        return tuple(sorted(options, key=lambda option: (option.order < 0, option.order)))

    def stages(self, object_type: ObjectType) -> tuple[Option, ...]:
        """Return the lifecycle stages of contacts or companies in the portal's order."""
        return self.options(object_type, STAGE)


class Direction(StrEnum):
    """The direction of a correction: of a stage in the portal's order, or of a lead status."""

    FORWARD = "forward"
    BACKWARD = "backward"
    SET = "set"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The change of one property of one record to the value that the policy asks; blank is ""."""

    record: Ref
    property_name: str
    before: str
    after: str
    direction: Direction
    rule: str
    reason: str
    evidence: tuple[str, ...] = ()


class Outcome(StrEnum):
    """How a correction ended, as the audit says it."""

    APPLIED = "applied"
    IGNORED = "ignored"
    REVERTED = "reverted"
    STALE = "stale"
    REFUSED = "refused"
    RESTORED = "restored"
