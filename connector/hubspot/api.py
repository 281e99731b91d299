"""What the use cases may ask of HubSpot: a protocol that the client and the fake both meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from connector.core.follow_up.tasks import Task
from connector.core.model import (
    Account,
    Association,
    ObjectType,
    Portal,
    Record,
    Ref,
    Workflow,
)
from connector.hubspot.http.daily_budget import Allowance

SEARCH_LIMIT: Final = 200
"""Records that one search answers at most (HubSpot's guide to the search API)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of a list or a search.

    `total` is how many records a search has in all (`None` for a list). `after` is where HubSpot
    goes on, `None` at the end; the number of rows says nothing about the end, since a page may
    hold fewer than it was asked for. `unreadable` are the rows that could not be read, with the
    reason: they are neither blank nor missing.
    """

    records: tuple[Record, ...]
    total: int | None = None
    after: str | None = None
    unreadable: Mapping[Ref, str] = field(default_factory=dict)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """Return every record that the page shows, the unreadable ones last."""
        return (*(record.ref for record in self.records), *self.unreadable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """Records by asked ref, and those that HubSpot does not serve or that cannot be read.

    A ref that is in neither was not found.
    """

    records: dict[Ref, Record] = field(default_factory=dict)
    unreadable: dict[Ref, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationsResult:
    """Associations by asked ref, () for none; a ref whose associations cannot be read has why."""

    links: dict[Ref, tuple[Association, ...]] = field(default_factory=dict)
    unreadable: dict[Ref, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why HubSpot did not write one record of a batch, and which properties it names for it."""

    message: str
    category: str = ""
    correlation_id: str = ""
    property_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateAnswer:
    """What happened to each record of one batch update, as far as the answer says.

    `updated` is what the answer shows by asked ref (a first check only: HubSpot may show
    the asked value without having stored it); `unanswered` records were sent, yet the answer
    names them neither as updated nor as refused.
    """

    updated: Mapping[Ref, Record] = field(default_factory=dict)
    refused: Mapping[Ref, Refusal] = field(default_factory=dict)
    unanswered: frozenset[Ref] = frozenset()
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowsResult:
    """The active workflows that were read; not all of them where `is_complete` is false."""

    workflows: tuple[Workflow, ...] = ()
    is_complete: bool = True


class TokenKind(StrEnum):
    """Where a token comes from: the account's own settings, or an OAuth app that is installed."""

    STATIC = "private app or service key"
    OAUTH = "OAuth app"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """The kind of the token, and its scopes; `None` where HubSpot does not tell them."""

    kind: TokenKind
    scopes: frozenset[str] | None = None


class HubSpotApi(Protocol):
    """All requests to a portal; they fail as `connector.hubspot.http.failures` says."""

    def now(self) -> datetime:
        """Return the portal's time: the date of its last answers, plus the time since then."""
        ...

    def known_now(self) -> datetime | None:
        """Return the portal's time as the last answers say, None before the first; no request."""
        ...

    def allowance(self) -> Allowance:
        """Return the request limits that the portal's answers named; no request."""
        ...

    def check_budget(self) -> None:
        """Raise LimitReached where the rest of the day's requests belongs to others; no request."""
        ...

    @property
    def enforces_required_properties(self) -> bool:
        """Return whether this API family refuses writes that break the portal's own rules."""
        ...

    def account(self) -> Account:
        """Return the account that the token belongs to; one request."""
        ...

    def token_info(self) -> TokenInfo:
        """Return kind and scopes of the token; one request, none for an OAuth app's."""
        ...

    def portal(self) -> Portal:
        """Return account, pipelines and property definitions; five requests."""
        ...

    def property_rules(self, object_type: ObjectType) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds of the validation rules on each property that has any; one request.

        Which properties are required is not among them.
        """
        ...

    def with_leads(self, portal_info: Portal) -> Portal:
        """Return a portal with the properties and pipelines of its leads; two requests.

        Raise ScopeMissing without the scope `crm.objects.leads.read`.
        """
        ...

    def workflows(self, *, pages: int | None = None) -> WorkflowsResult:
        """Return the active workflows of contacts and companies; needs the scope `automation`.

        Two requests for each page of a hundred workflows; at most `pages`, where that is given.
        """
        ...

    def owner_emails(self) -> tuple[str, ...]:
        """Return the e-mail addresses of owners that are not archived.

        Raise ScopeMissing without the scope `crm.objects.owners.read`.
        """
        ...

    def search_changed(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after_id: str = "",
    ) -> Page:
        """Search what was last modified from `since` to `until`, both included; one request.

        At most 200 records, sorted by that time; with `after_id` ("0" for all) only those
        with a greater id, sorted by id.
        """
        ...

    def search_last(self, object_type: ObjectType) -> Page:
        """Search the record with the greatest id, and how many there are; one request."""
        ...

    def search_modified_last(self, object_type: ObjectType, *, limit: int) -> Page:
        """Search the records that were modified last, newest first, at most 200; one request."""
        ...

    def list_page(
        self,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        after: str | None = None,
        archived: bool = False,
    ) -> Page:
        """List at most 100 records in the order of their ids; one request."""
        ...

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Read records of one type by asked ref; those that HubSpot does not find are absent.

        Chunks of 100, of 50 with history. A merged id answers with its survivor: the key is
        the asked ref, `record.ref` the real one. Raise RecordsUnreadable where HubSpot does not
        serve some of them: they must not be taken for records that were not found.
        """
        ...

    def read_available(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> ReadResult:
        """Read records as `read` does, and name those that cannot be read in the result.

        A batch that HubSpot keeps answering with an error is halved until the records that
        cause it stand alone, provided that HubSpot answers the same request for other records.
        """
        ...

    def find_archived(self, refs: Sequence[Ref]) -> frozenset[Ref]:
        """Return which records of one type lie in the recycling bin; chunks of 100."""
        ...

    def find_survivor(self, ref: Ref) -> Ref | None:
        """Return the record that answers to an id: itself, its survivor, or None; one request."""
        ...

    def associations(
        self, refs: Sequence[Ref], to: ObjectType, *, rounds: int | None = None
    ) -> AssociationsResult:
        """Read the associations of records of one type; every asked ref is in the result.

        Chunks of 1,000, halved as by `read_available`; the paging of each record is followed to
        its end, or for `rounds` pages where that is given. A record without associations has an
        empty tuple.
        """
        ...

    def update(self, changes: Mapping[Ref, Mapping[str, str]]) -> UpdateAnswer:
        """Write at most 100 records of one type in one request; "" clears a property.

        Raise `OutcomeUnknown` where HubSpot may or may not have written, `BatchRefused`
        where it refused the whole batch and wrote nothing.
        """
        ...

    def create_task(self, task: Task) -> str:
        """Create a task for the owner of a contact and return its id; one request."""
        ...

    def find_task(self, subject: str) -> str | None:
        """Search the task with a subject, as late as searches show it; one request."""
        ...
