"""The inside of a portal: what its parts need of each other, without locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Final

from connector.sandbox.portal import calculated, events, refusals, writes
from connector.sandbox.portal.associations import Link, Links
from connector.sandbox.portal.automations import Automations
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.definitions import Schema
from connector.sandbox.portal.object_types import (
    COMPANIES,
    CONTACTS,
    DEALS,
    OBJECT_TYPES,
    OBJECT_TYPES_BY_NAME,
    ObjectType,
)
from connector.sandbox.portal.record import Record, Source, iso, parse_time
from connector.sandbox.portal.switches import Switches
from connector.sandbox.portal.table import Table
from connector.sandbox.portal.writes import STAGE, Stamp

APP_ID: Final = "18221010"


class PortalState:
    """The parts of a portal; whoever calls holds its lock."""

    def __init__(
        self,
        portal_id: int = 147893286,
        time_zone: str = "Europe/Oslo",
        clock: Clock | None = None,
        *,
        currency: str = "NOK",
    ) -> None:
        self.portal_id = portal_id
        self.time_zone = time_zone
        self.currency = currency
        self.ui_domain = "app-eu1.hubspot.com"
        self.clock = clock or Clock()
        self.lock = RLock()
        self.switches = Switches()
        self.schema = Schema(self.switches)
        self.tables = {name: Table(object_type) for name, object_type in OBJECT_TYPES.items()}
        self.links = Links()
        self.automations = Automations(self)
        self.workflows: list[dict[str, Any]] = []
        self.listeners: list[Callable[[events.Event], None]] = []
        self._stale: dict[tuple[str, int], tuple[int, Record]] = {}
        self._getters: dict[tuple[Any, ...], dict[str, calculated.Getter]] = {}

    def resolve_type(self, object_type: str) -> ObjectType:
        """Return a kind by its name, singular or type id; refuse any other."""
        resolved = OBJECT_TYPES_BY_NAME.get(object_type)
        if resolved is not None:
            return resolved
        if object_type[:1].isdigit():
            raise refusals.uncategorized(400, f"Invalid object or event type id: {object_type}")
        raise refusals.uncategorized(400, f"Unable to infer object type from: {object_type}")

    def validate(
        self, object_type: ObjectType, properties: Mapping[str, Any], *, api: bool = False
    ) -> Any:
        """Return values as they are stored; refuse them all where one is not valid."""
        values, problems = writes.check_values(self, object_type, properties, api=api)
        if problems:
            raise refusals.invalid_values(problems)
        return values

    def add_record(
        self, object_type: ObjectType, record_id: int, values: dict[str, str], stamp: Stamp
    ) -> Record:
        """Add a record with values that were checked."""
        created_text = values.pop(object_type.created_property, "")
        company_id = values.pop("associatedcompanyid", "")
        at = parse_time(created_text) if created_text else stamp.at
        record = Record(object_type, record_id, at, stamp.source)
        record.values = {name: value for name, value in values.items() if value}
        self._set_defaults(record)
        self.tables[object_type.name].add(record)
        self.touch(record)
        if company_id:
            self.set_primary_company(record, company_id)
        if self.listeners:
            self.send_event(record, "creation")
        return record

    def read(self, record: Record, name: str) -> str:
        """Return the value of a property, stored or calculated, "" for blank."""
        getter = self.getters(record.object_type).get(name)
        return getter(record) if getter else record.values.get(name, "")

    def getters(self, object_type: ObjectType) -> dict[str, calculated.Getter]:
        """Return how the calculated properties of a kind are found."""
        switches = self.switches
        key = (
            object_type.name,
            self.schema.version,
            switches.legacy_stage_dates,
            switches.stage_property_suffix,
        )
        if key not in self._getters:
            self._getters[key] = calculated.getters(self, object_type)
        return self._getters[key]

    def touch(self, record: Record) -> None:
        """Tell the search index that a record changed; it may learn of it late."""
        lag_seconds = self.switches.search_lag_seconds
        if self.switches.search_lag_for:
            name = f"{record.object_type.name}/{record.id}"
            lag_seconds = self.switches.search_lag_for.get(name, lag_seconds)
        visible_at = self.clock.ms() + round(lag_seconds * 1000) if lag_seconds else None
        self.tables[record.object_type.name].index.touch(record.id, visible_at)

    def link(self, record: Record, other_record: Record, link: Link, at: int) -> None:
        """Link two records, and let HubSpot react."""
        if not self.links.add(
            (record.object_type.name, record.id),
            (other_record.object_type.name, other_record.id),
            link,
        ):
            return
        self._bump_modified((record, other_record), at)
        for source, target in ((record, other_record), (other_record, record)):
            if source.object_type is DEALS:
                self.automations.on_deal_linked(source, target.object_type.name, target.id)
        self._send_association_events(record, other_record, removed=False)

    def unlink(self, record: Record, other_record: Record) -> None:
        """Take the link between two records out."""
        if self.links.remove(
            (record.object_type.name, record.id), (other_record.object_type.name, other_record.id)
        ):
            self._bump_modified((record, other_record), self.clock.ms())
            self._send_association_events(record, other_record, removed=True)

    def set_primary_company(self, record: Record, company_id: str) -> None:
        """Make a company the primary one of a contact; "" takes the primary link out."""
        old = calculated.primary_company_id(self, record)
        if company_id == old:
            return
        companies = self.tables[COMPANIES.name]
        company = companies.find(company_id or old)
        if company is not None and company_id:
            self.link(record, company, Link(primary=True), self.clock.ms())
        elif company is not None:
            self.unlink(record, company)

    def bump_linked_modified(self, record: Record) -> None:
        """Let the roll-ups of linked records follow a record that came or went."""
        neighbours = self.links.linked_records(record.object_type.name, record.id)
        self._bump_modified(
            [self.tables[type_name].records[linked_id] for type_name, linked_id, _ in neighbours],
            self.clock.ms(),
        )

    def keep_stale_copy(self, record: Record) -> None:
        """Keep a record as it is, for the reads that come too early after a write."""
        if self.switches.read_lag:
            entry = (self.switches.read_lag, record.copy())
            self._stale.setdefault((record.object_type.name, record.id), entry)

    def record_for_read(self, record: Record) -> Record:
        """Return a record as a read sees it: perhaps still as it was before the last write."""
        key = (record.object_type.name, record.id)
        if key not in self._stale:
            return record
        remaining, stale_record = self._stale.pop(key)
        if remaining > 1:
            self._stale[key] = (remaining - 1, stale_record)
        return stale_record

    def api_source(self) -> Source:
        """Return the source that HubSpot writes down for this token."""
        name = self.switches.api_source
        return Source(name, APP_ID, name)

    def send_event(self, record: Record, event_type: str, **fields: Any) -> None:
        """Send an event to whoever listens."""
        if self.listeners:
            event = events.build_event(self, record, event_type, fields)
            for listener in self.listeners:
                listener(event)

    def send_property_event(self, record: Record, name: str, value: str, source: Source) -> None:
        """Send the event of a changed property to whoever listens."""
        if self.listeners:
            value_fields = events.value_fields(self.switches.webhook_clear, value)
            fields = {"propertyName": name, **value_fields, "changeSource": source.type}
            self.send_event(record, "propertyChange", **fields, sourceId=source.id)

    def _send_association_events(
        self, record: Record, other_record: Record, *, removed: bool
    ) -> None:
        for source, target in ((record, other_record), (other_record, record)):
            association_type = (
                f"{source.object_type.singular}_TO_{target.object_type.singular}".upper()
            )
            self.send_event(
                source,
                "associationChange",
                associationType=association_type,
                fromObjectId=source.id,
                toObjectId=target.id,
                associationRemoved=removed,
            )

    def _bump_modified(self, records: Any, at: int) -> None:
        for record in records:
            if self.switches.association_bumps_modified:
                record.modified = max(record.modified, at)
                self.touch(record)

    def _set_defaults(self, record: Record) -> None:
        """Set what HubSpot sets by itself when a record is created."""
        values, created_at = record.values, iso(record.created)
        if record.object_type is CONTACTS and values.get(STAGE) == "customer":
            values.setdefault("closedate", created_at)
        deal_stage = self.schema.deal_stage(values.get("dealstage", ""))
        if record.object_type is DEALS and deal_stage:
            values["pipeline"] = deal_stage[0].id
            if deal_stage[1].closed:
                values.setdefault("closedate", created_at)
