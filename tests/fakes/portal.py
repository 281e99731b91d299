"""A fake of the HubSpot API in memory, for tests of the code that asks it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.core.model import (
    STAGE,
    Account,
    ObjectType,
    Portal,
    Record,
    Ref,
)
from connector.hubspot.api import (
    SEARCH_LIMIT,
    AssociationsResult,
    Page,
    ReadResult,
    Refusal,
    TokenInfo,
    TokenKind,
    UpdateAnswer,
    WorkflowsResult,
)
from connector.hubspot.codec.records import MODIFIED_PROPERTY
from connector.hubspot.http.daily_budget import Allowance
from connector.hubspot.http.failures import BatchRefused, RecordsUnreadable, ScopeMissing
from tests.fakes.records import FakeRecords

LIST_LIMIT = 100


@dataclass(slots=True)
class FakeHubSpot(FakeRecords):
    """Answers as HubSpot does: stages move forward only, and a backward write does nothing.

    `requests` counts the requests by the name of the method.
    """

    rules: dict[ObjectType, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    enforces_required_properties: bool = False
    token: TokenInfo = field(default_factory=lambda: TokenInfo(kind=TokenKind.STATIC))

    def now(self) -> datetime:
        """Return the portal's time."""
        return self.current_time

    def known_now(self) -> datetime | None:
        """Return the portal's time."""
        return self.current_time

    def allowance(self) -> Allowance:
        """Return a usual burst limit, and no daily one."""
        return Allowance(burst=190)

    def check_budget(self) -> None:
        """Let everything through."""

    def account(self) -> Account:
        """Return whom the token belongs to."""
        self._start_request("account")
        return self.portal_info.account

    def token_info(self) -> TokenInfo:
        """Return what a test says of the token; without that, HubSpot does not tell its scopes."""
        self._start_request("token")
        return self.token

    def portal(self) -> Portal:
        """Return what the portal is."""
        self._start_request("portal")
        return self.portal_info

    def property_rules(self, object_type: ObjectType) -> Mapping[str, tuple[str, ...]]:
        """Return the rules that a test names."""
        self._start_request("rules")
        return self.rules.get(object_type, {})

    def with_leads(self, portal_info: Portal) -> Portal:
        """Return what the portal is, its leads included; refuse a token without the scope."""
        self._start_request("leads")
        if not self.may_read_leads:
            raise ScopeMissing("add the scope crm.objects.leads.read to the app")
        return self.portal_info

    def workflows(self, *, pages: int | None = None) -> WorkflowsResult:
        """Return no workflows."""
        return WorkflowsResult()

    def owner_emails(self) -> tuple[str, ...]:
        """Return no owners."""
        return ()

    def search_changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        """Search what was last modified in a window."""
        self._start_request("changed")
        matches = [
            record
            for record in self._records_of_type(object_type)
            if since <= record.modified_at <= until and int(record.ref.id) > int(after_id or 0)
        ]
        matches.sort(key=lambda record: (not after_id and record.modified_at, int(record.ref.id)))
        page_records = tuple(
            self._select_properties(record, properties) for record in matches[:SEARCH_LIMIT]
        )
        after = str(SEARCH_LIMIT) if len(matches) > SEARCH_LIMIT else None
        return Page(records=page_records, total=len(matches), after=after)

    def search_last(self, object_type: ObjectType) -> Page:
        """Search the record with the greatest id."""
        self._start_request("last")
        records = sorted(self._records_of_type(object_type), key=lambda record: record.ref)
        return Page(
            records=tuple(self._select_properties(record, ()) for record in records[-1:]),
            total=len(records),
        )

    def search_modified_last(self, object_type: ObjectType, *, limit: int) -> Page:
        """Search the records that were modified last, newest first."""
        self._start_request("modified")
        records = sorted(
            self._records_of_type(object_type), key=lambda record: record.modified_at, reverse=True
        )
        rows = (self._select_properties(record, ()) for record in records[:limit])
        return Page(records=tuple(rows), total=len(records))

    def list_page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        """List at most 100 records."""
        self._start_request("page")
        records = sorted(
            self._records_of_type(object_type, archived=archived), key=lambda record: record.ref
        )
        remaining = [record for record in records if int(record.ref.id) >= int(after or 0)]
        next_id = remaining[LIST_LIMIT].ref.id if len(remaining) > LIST_LIMIT else None
        page_records = tuple(
            self._select_properties(record, properties) for record in remaining[:LIST_LIMIT]
        )
        return Page(records=page_records, after=next_id)

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Read records of one type by asked ref; raise RecordsUnreadable for unreadable ones."""
        self._start_request("read")
        unreadable = {ref: "not served" for ref in refs if ref in self.unreadable}
        if unreadable:
            raise RecordsUnreadable(unreadable)
        survivors = self._survivors if self.follows_merges else {}
        records = {ref: self._records.get(survivors.get(ref, ref)) for ref in refs}
        return {
            ref: self._select_properties(record, properties, history)
            for ref, record in records.items()
            if record and not record.archived
        }

    def read_available(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> ReadResult:
        """Read records of one type, and name the unreadable ones."""
        unreadable = {ref: "not served" for ref in refs if ref in self.unreadable}
        readable = [ref for ref in refs if ref not in unreadable]
        records = self.read(readable, properties, history=history) if readable else {}
        return ReadResult(records=records, unreadable=unreadable)

    def find_archived(self, refs: Sequence[Ref]) -> frozenset[Ref]:
        """Return which records lie in the recycling bin."""
        self._start_request("archived")
        archived_refs = {ref for ref, record in self._records.items() if record.archived}
        return frozenset(archived_refs.intersection(refs))

    def find_survivor(self, ref: Ref) -> Ref | None:
        """Return who answers to an id."""
        self._start_request("survivor")
        record = self._records.get(self._survivors.get(ref, ref))
        return record.ref if record and not record.archived else None

    def associations(
        self, refs: Sequence[Ref], to: ObjectType, *, rounds: int | None = None
    ) -> AssociationsResult:
        """Read the associations of records of one type."""
        self._start_request("associations")
        unreadable = {ref: "not served" for ref in refs if ref in self.unreadable_links}
        return AssociationsResult(
            links={
                ref: tuple(self._links.get((ref, to), {}).values())
                for ref in refs
                if ref not in unreadable
            },
            unreadable=unreadable,
        )

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        """Write at most 100 records of one type; a backward stage is ignored without a word."""
        if not changes:
            return UpdateAnswer()
        late_failure = self._start_request("update")
        self._refuse_unknown(changes)
        missing = {
            ref for ref in changes if not (record := self._records.get(ref)) or record.archived
        }
        for ref in changes.keys() - missing:
            accepted = {
                name: value
                for name, value in changes[ref].items()
                if name != STAGE or self._may_move(ref, value)
            }
            self.put(ref, accepted, source_type="INTEGRATION", source_id="1")
        if late_failure:
            raise late_failure
        return UpdateAnswer(
            updated={
                ref: self._select_properties(self._records[ref], tuple(changes[ref]))
                for ref in changes
                if ref not in missing
            },
            refused=dict.fromkeys(
                missing, Refusal(message="OBJECT_NOT_FOUND", category="OBJECT_NOT_FOUND")
            ),
        )

    def _records_of_type(
        self, object_type: ObjectType, *, archived: bool = False
    ) -> Iterator[Record]:
        for ref, record in self._records.items():
            if ref.object_type is object_type and record.archived is archived:
                yield record

    def _select_properties(
        self, record: Record, properties: Sequence[str], history: Sequence[str] = ()
    ) -> Record:
        all_values = {
            **record.properties,
            "hs_object_id": record.ref.id,
            MODIFIED_PROPERTY[record.ref.object_type]: record.modified_at.isoformat(),
            "createdate": record.created_at.isoformat(),
        }
        values = {name: all_values.get(name) or None for name in properties}
        versions = {name: record.history.get(name, ()) for name in history}
        return replace(record, properties=values, history=versions)

    def _may_move(self, ref: Ref, stage: str) -> bool:
        order = [option.value for option in self.portal_info.stages(ref.object_type)]
        present = self.value(ref, STAGE)
        if not stage or present not in order:
            return True
        return order.index(stage) >= order.index(present)

    def _refuse_unknown(self, changes: Mapping[Ref, Mapping[str, str]]) -> None:
        for ref, properties in changes.items():
            for name, value in properties.items():
                definition = self.portal_info.definitions[ref.object_type].get(name)
                options = {option.value for option in definition.options} if definition else set()
                if not definition or (value and options and value not in options):
                    error = "INVALID_OPTION" if definition else "PROPERTY_DOESNT_EXIST"
                    raise BatchRefused(
                        f"HubSpot refused the batch update request ({error} {name})",
                        category="VALIDATION_ERROR",
                    )
