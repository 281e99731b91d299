"""The state of a portal: its records, links, definitions, switches, clock and event listeners."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Final, Protocol

from connector.sandbox.portal import events, refusals
from connector.sandbox.portal.associations import Links
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.definitions import Schema
from connector.sandbox.portal.object_types import OBJECT_TYPES, OBJECT_TYPES_BY_NAME, ObjectType
from connector.sandbox.portal.pipelines import Stage
from connector.sandbox.portal.record import Record, Source, Version
from connector.sandbox.portal.switches import Switches
from connector.sandbox.portal.table import Table

APP_ID: Final = "18221010"
_MAX_REMEMBERED_PAGES: Final = 1_000


class Reactions(Protocol):
    """What a portal does by itself when its records change."""

    def on_created(self, record: Record) -> None:
        """React to a new record, whose values are set."""

    def on_stage_changed(self, record: Record, stage: str) -> None:
        """React to a new lifecycle stage; "" means that it was cleared."""

    def on_deal_stage_entered(self, deal: Record, stage: Stage) -> None:
        """React to a deal that entered a deal stage."""

    def on_deal_linked(self, deal: Record, object_type: str, record_id: int) -> None:
        """React to a deal that was linked to a contact or company."""


class PortalState:
    """The data of a portal. The caller holds `lock` while it reads or changes anything.

    It imports nothing that calculates, writes or links: those modules take a state as argument,
    and call `reactions` for what HubSpot does on its own.
    """

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
        self.link_versions: dict[tuple[str, int, str], list[Version]] = {}
        self.reactions: list[Reactions] = []
        self.workflows: list[dict[str, Any]] = []
        self.listeners: list[Callable[[events.Event], None]] = []
        self.getter_cache: dict[tuple[Any, ...], dict[str, Callable[[Record], str]]] = {}
        self._asked_pages: set[tuple[int, ...]] = set()
        self._stale: dict[tuple[str, int], tuple[int, Record]] = {}

    def resolve_type(self, object_type: str) -> ObjectType:
        """Return an object type by its plural, singular or type id; refuse any other name."""
        resolved = OBJECT_TYPES_BY_NAME.get(object_type)
        if resolved is not None:
            return resolved
        if object_type[:1].isdigit():
            raise refusals.uncategorized(400, f"Invalid object or event type id: {object_type}")
        raise refusals.uncategorized(400, f"Unable to infer object type from: {object_type}")

    def touch(self, record: Record) -> None:
        """Tell the search index that a record changed; it may show the change late."""
        lag_seconds = self.switches.search_lag_seconds
        if self.switches.search_lag_for:
            name = f"{record.object_type.name}/{record.id}"
            lag_seconds = self.switches.search_lag_for.get(name, lag_seconds)
        visible_at = self.clock.ms() + round(lag_seconds * 1000) if lag_seconds else None
        self.tables[record.object_type.name].index.touch(record.id, visible_at)

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

    def is_first_asked(self, keys: tuple[int, ...]) -> bool:
        """Return whether a page of search results is asked for the first time; remember it."""
        if len(self._asked_pages) > _MAX_REMEMBERED_PAGES:
            self._asked_pages.clear()
        is_first = keys not in self._asked_pages
        self._asked_pages.add(keys)
        return is_first

    def api_source(self) -> Source:
        """Return the source that HubSpot stores for writes with this token."""
        name = self.switches.api_source
        return Source(name, APP_ID, name)

    def send_event(self, record: Record, event_type: str, **fields: Any) -> None:
        """Send an event of a record to all listeners."""
        if self.listeners:
            event = events.build_event(self.portal_id, self.clock.ms(), record, event_type, fields)
            for listener in self.listeners:
                listener(event)

    def send_property_event(self, record: Record, name: str, value: str, source: Source) -> None:
        """Send the event of a changed property to all listeners."""
        if self.listeners:
            value_fields = events.value_fields(self.switches.webhook_clear, value)
            fields = {"propertyName": name, **value_fields, "changeSource": source.type}
            self.send_event(record, "propertyChange", **fields, sourceId=source.id)
