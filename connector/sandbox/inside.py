"""The inside of a portal: what its parts need of each other, without locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Final

from connector.sandbox import calculated, refusals, webhooks, writes
from connector.sandbox.associations import Link, Links
from connector.sandbox.automations import Automations
from connector.sandbox.clock import Clock
from connector.sandbox.kinds import COMPANIES, CONTACTS, DEALS, KINDS, NAMES, Kind
from connector.sandbox.record import Record, Source, iso, parse_time
from connector.sandbox.schema import Schema
from connector.sandbox.switches import Switches
from connector.sandbox.table import Table
from connector.sandbox.writes import STAGE, Stamp

APP_ID: Final = "18221010"


class Inside:
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
        self.tables = {name: Table(kind) for name, kind in KINDS.items()}
        self.links = Links()
        self.automations = Automations(self)
        self.flows: list[dict[str, Any]] = []
        self.listeners: list[Callable[[webhooks.Event], None]] = []
        self._stale: dict[tuple[str, int], tuple[int, Record]] = {}
        self._getters: dict[tuple[Any, ...], dict[str, calculated.Getter]] = {}

    def kind(self, object_type: str) -> Kind:
        """Return a kind by its name, singular or type id; refuse any other."""
        found = NAMES.get(object_type)
        if found is not None:
            return found
        if object_type[:1].isdigit():
            raise refusals.plain(400, f"Invalid object or event type id: {object_type}")
        raise refusals.plain(400, f"Unable to infer object type from: {object_type}")

    def valid(self, kind: Kind, properties: Mapping[str, Any], *, api: bool = False) -> Any:
        """Return values as they are stored; refuse them all where one is not valid."""
        values, problems = writes.checked(self, kind, properties, api=api)
        if problems:
            raise refusals.bad_values(problems)
        return values

    def add(self, kind: Kind, record_id: int, values: dict[str, str], stamp: Stamp) -> Record:
        """Add a record with values that were checked."""
        created = values.pop(kind.created, "")
        company = values.pop("associatedcompanyid", "")
        at = parse_time(created) if created else stamp.at
        record = Record(kind, record_id, at, stamp.source)
        record.values = {name: value for name, value in values.items() if value}
        self._complete(record)
        self.tables[kind.name].add(record)
        self.touch(record)
        if company:
            self.set_primary_company(record, company)
        if self.listeners:
            self.tell(record, "creation")
        return record

    def read(self, record: Record, name: str) -> str:
        """Return the value of a property, stored or calculated, "" for blank."""
        getter = self.getters(record.kind).get(name)
        return getter(record) if getter else record.values.get(name, "")

    def getters(self, kind: Kind) -> dict[str, calculated.Getter]:
        """Return how the calculated properties of a kind are found."""
        switches = self.switches
        key = (
            kind.name,
            self.schema.version,
            switches.legacy_stage_dates,
            switches.stage_property_suffix,
        )
        if key not in self._getters:
            self._getters[key] = calculated.getters(self, kind)
        return self._getters[key]

    def touch(self, record: Record) -> None:
        """Tell the search index that a record changed; it may learn of it late."""
        lag = self.switches.search_lag_seconds
        if self.switches.search_lag_for:
            name = f"{record.kind.name}/{record.id}"
            lag = self.switches.search_lag_for.get(name, lag)
        visible_at = self.clock.ms() + round(lag * 1000) if lag else None
        self.tables[record.kind.name].index.touch(record.id, visible_at)

    def link(self, one: Record, other: Record, link: Link, at: int) -> None:
        """Link two records, and let HubSpot react."""
        if not self.links.add((one.kind.name, one.id), (other.kind.name, other.id), link):
            return
        self._bump((one, other), at)
        for deal, linked in ((one, other), (other, one)):
            if deal.kind is DEALS:
                self.automations.deal_linked(deal, linked.kind.name, linked.id)
        self._tell_link(one, other, removed=False)

    def unlink(self, one: Record, other: Record) -> None:
        """Take the link between two records out."""
        if self.links.remove((one.kind.name, one.id), (other.kind.name, other.id)):
            self._bump((one, other), self.clock.ms())
            self._tell_link(one, other, removed=True)

    def set_primary_company(self, record: Record, company_id: str) -> None:
        """Make a company the primary one of a contact; "" takes the primary link out."""
        old = calculated.primary_company(self, record)
        if company_id == old:
            return
        companies = self.tables[COMPANIES.name]
        company = companies.find(company_id or old)
        if company is not None and company_id:
            self.link(record, company, Link(primary=True), self.clock.ms())
        elif company is not None:
            self.unlink(record, company)

    def bump_linked(self, record: Record) -> None:
        """Let the roll-ups of linked records follow a record that came or went."""
        linked = self.links.neighbours(record.kind.name, record.id)
        self._bump([self.tables[kind].records[one] for kind, one, _ in linked], self.clock.ms())

    def remember(self, record: Record) -> None:
        """Keep a record as it is, for the reads that come too early after a write."""
        if self.switches.read_lag:
            kept = (self.switches.read_lag, record.copy())
            self._stale.setdefault((record.kind.name, record.id), kept)

    def seen(self, record: Record) -> Record:
        """Return a record as a read sees it: perhaps still as it was before the last write."""
        key = (record.kind.name, record.id)
        if key not in self._stale:
            return record
        left, old = self._stale.pop(key)
        if left > 1:
            self._stale[key] = (left - 1, old)
        return old

    def api_source(self) -> Source:
        """Return the source that HubSpot writes down for this token."""
        name = self.switches.api_source
        return Source(name, APP_ID, name)

    def tell(self, record: Record, what: str, **more: Any) -> None:
        """Send an event to whoever listens."""
        if self.listeners:
            event = webhooks.event(self, record, what, more)
            for listener in self.listeners:
                listener(event)

    def tell_property(self, record: Record, name: str, value: str, source: Source) -> None:
        """Send the event of a changed property to whoever listens."""
        if self.listeners:
            shown = webhooks.shown_value(self.switches.webhook_clear, value)
            more = {"propertyName": name, **shown, "changeSource": source.type}
            self.tell(record, "propertyChange", **more, sourceId=source.id)

    def _tell_link(self, one: Record, other: Record, *, removed: bool) -> None:
        for source, target in ((one, other), (other, one)):
            pair = f"{source.kind.singular}_TO_{target.kind.singular}".upper()
            self.tell(
                source,
                "associationChange",
                associationType=pair,
                fromObjectId=source.id,
                toObjectId=target.id,
                associationRemoved=removed,
            )

    def _bump(self, records: Any, at: int) -> None:
        for record in records:
            if self.switches.association_bumps_modified:
                record.modified = max(record.modified, at)
                self.touch(record)

    def _complete(self, record: Record) -> None:
        """Set what HubSpot sets by itself when a record is created."""
        values, at = record.values, iso(record.created)
        if record.kind is CONTACTS and values.get(STAGE) == "customer":
            values.setdefault("closedate", at)
        found = self.schema.deal_stage(values.get("dealstage", ""))
        if record.kind is DEALS and found:
            values["pipeline"] = found[0].id
            if found[1].closed:
                values.setdefault("closedate", at)
