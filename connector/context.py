"""What a run works with: portal, policy, API, store; frozen, but for the state of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol, TypeVar

from connector.core.binding.bind import BoundPolicy
from connector.core.corrections.first_use import NewRule
from connector.core.corrections.holds import HoldTerms
from connector.core.corrections.moves import Move
from connector.core.history.writers import Source
from connector.core.model import ObjectType, Portal, Record, Ref
from connector.core.retention import RetentionPeriods
from connector.errors import ConnectorError, StorageError
from connector.hubspot.api import HubSpotApi, ReadResult
from state.db.store import Store
from state.db.transaction import Transaction

_T = TypeVar("_T")


class Progress(Protocol):
    """Shows how far long work has come; `total` is None where it is not known."""

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Show that `done` items of the work called `label` are done."""
        ...


def no_progress(label: str, done: int, total: int | None) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A record as HubSpot last showed it with its histories, and when."""

    record: Record
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceCheck:
    """Records whose evidence was read again at a moment, and why some of it no longer holds."""

    records: frozenset[Ref]
    reasons: Mapping[Ref, str]
    at: datetime


@dataclass(slots=True, kw_only=True)
class RunState:
    """What a run accumulates while it goes on; everything else of a run is fixed.

    `failed_in_run` holds the keys of the corrections that did not hold in this very run: they
    are not tried again before the next run. `failed_again` holds those of them that had failed
    before. `open_move_properties` holds the properties that open moves of an earlier run, perhaps
    under another policy, write beside stage and lead status. `readings` holds the records that
    were read last, so that a reading of a moment ago is not repeated.

    `proven_moves` counts the backward moves of each object type that held, `refused_clears`
    those whose clear was refused, `blank_moves` those that left their record without a stage.
    `accepted_writes` counts the records whose writes HubSpot answered as done; `unserved` holds
    the open moves whose write failed however often it was sent, with the last failure.
    `rules_to_review` holds the rules whose records wait for a first review. `storage_failure` is
    set once the database did not store what the run found out: no further write is begun then.
    `own_sources` names our own versions in histories, None before it was read.

    `evidence_check` is the last reading of what moves rest on; `changed_records` holds the deals
    that were found changed since the plan was made, and how, `changed_links` the records whose
    deals are others, whatever the mirror says of them by now.
    """

    failed_in_run: set[str] = field(default_factory=set)
    failed_again: set[str] = field(default_factory=set)
    open_move_properties: set[str] = field(default_factory=set)
    readings: dict[Ref, Reading] = field(default_factory=dict)
    proven_moves: Counter[ObjectType] = field(default_factory=Counter)
    refused_clears: Counter[ObjectType] = field(default_factory=Counter)
    blank_moves: Counter[ObjectType] = field(default_factory=Counter)
    accepted_writes: int = 0
    unserved: dict[Ref, tuple[Move, ConnectorError]] = field(default_factory=dict)
    rules_to_review: tuple[NewRule, ...] = ()
    storage_failure: StorageError | None = None
    own_sources: frozenset[Source] | None = None
    evidence_check: EvidenceCheck | None = None
    changed_records: dict[Ref, str] = field(default_factory=dict)
    changed_links: set[Ref] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrigin:
    """What the operator is told before a run acts: which policy, from where, which database."""

    policy: str = ""
    policy_source: str = ""
    database: str = ""
    settings_files: tuple[str, ...] = ()


class EvidenceSource(Protocol):
    """What deciding asks of a portal: the time, and histories that the mirror does not hold."""

    def now(self) -> datetime:
        """Return the moment for which everything is decided."""
        ...

    def read(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> dict[Ref, Record]:
        """Read records of one type by asked ref; absent ones are not there."""
        ...

    def read_available(
        self, refs: Sequence[Ref], properties: Sequence[str], *, history: Sequence[str] = ()
    ) -> ReadResult:
        """Read records as `read` does, and name those that cannot be read in the result."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionContext:
    """What decisions about one portal by one policy rest on.

    An `offline` context decides on what is mirrored: its source reads nothing, and nothing is
    noted as read.
    """

    api: EvidenceSource
    store: Store
    portal: Portal
    policy: BoundPolicy
    progress: Progress = no_progress
    offline: bool = False

    def begin(self) -> AbstractContextManager[Transaction]:
        """Begin one writing transaction on what is remembered of this portal."""
        return self.store.begin(self.portal_id)

    def reading(self) -> AbstractContextManager[Transaction]:
        """Begin one reading transaction on what is remembered of this portal."""
        return self.store.reading(self.portal_id)

    @property
    def portal_id(self) -> str:
        """Return the id that stands in every key of the store."""
        return self.portal.account.portal_id


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext(DecisionContext):
    """What one run works with; what it accumulates is in `state`.

    `recheck_seconds` are the waits between the readings of a write, in seconds. A reading
    younger than `max_read_age` is not repeated before a write. `permitted` says that the
    operator allowed this run whatever it sends. `follows_review_only` says that it stops where
    somebody lets the daemon only review. `retention` says how long what is remembered
    is kept. `origin` says where policy and database come from.
    """

    api: HubSpotApi
    run: str
    wait: Callable[[float], None]
    overlap: timedelta = timedelta(minutes=5)
    recheck_seconds: tuple[float, ...] = (2.0, 30.0)
    max_read_age: timedelta = timedelta(seconds=10)
    permitted: bool = False
    follows_review_only: bool = False
    retention: RetentionPeriods = field(default_factory=RetentionPeriods)
    state: RunState = field(default_factory=RunState)
    origin: RunOrigin = field(default_factory=RunOrigin)

    @property
    def hold_terms(self) -> HoldTerms:
        """Return how long what a person set is held by this policy."""
        policy = self.policy.policy
        return HoldTerms(
            days=policy.number("hold_days"),
            imports=policy.flag("hold.imports"),
            zone=self.policy.zone,
        )


def chunks(items: Iterable[_T], size: int) -> Iterator[Sequence[_T]]:
    """Cut anything into sequences of at most `size`.

    >>> [list(part) for part in chunks("abcde", 2)]
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    stream = iter(items)
    while part := tuple(islice(stream, size)):
        yield part
