"""The desk: what every use case works with, laid out once for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol, TypeVar

from connector.core.binding.bind import BoundPolicy
from connector.core.corrections.holds import HoldTerms
from connector.core.model import Portal, Record, Ref
from connector.core.retention import RetentionPeriods
from connector.hubspot.api import HubSpotApi
from state.db.store import Store
from state.db.transaction import Transaction

_T = TypeVar("_T")


class Progress(Protocol):
    """Hears how far long work has come; `total` is None where nobody knows it."""

    def __call__(self, label: str, done: int, total: int | None) -> None:
        """Take note of it."""
        ...


def no_progress(label: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A record as HubSpot last showed it with its histories, and when."""

    record: Record
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One portal, one policy, one run; `rechecks` are seconds between readings of a write.

    An `offline` desk decides on what is there: nothing that was not read is noted as read.

    `struck` holds the keys of the corrections that did not hold in this very run: they are
    not tried again before the next one. `marks` holds what open moves of an earlier run, perhaps
    under another policy, write beside stage and lead status. A reading younger than `fresh`
    need not be repeated before a write. `permitted` says that the operator allowed this run
    whatever it sends. `keep` says how long what is remembered is kept.
    """

    run: str
    api: HubSpotApi
    store: Store
    portal: Portal
    policy: BoundPolicy
    wait: Callable[[float], None]
    overlap: timedelta = timedelta(minutes=5)
    recheck_seconds: tuple[float, ...] = (2.0, 30.0)
    progress: Progress = no_progress
    offline: bool = False
    failed_in_run: set[str] = field(default_factory=set)
    open_move_properties: set[str] = field(default_factory=set)
    readings: dict[Ref, Reading] = field(default_factory=dict)
    max_read_age: timedelta = timedelta(seconds=10)
    permitted: bool = False
    retention: RetentionPeriods = field(default_factory=RetentionPeriods)

    @property
    def hold_terms(self) -> HoldTerms:
        """Return how long what a person set is held by this policy."""
        policy = self.policy.policy
        return HoldTerms(days=policy.number("hold_days"), imports=policy.flag("hold.imports"))

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


def chunks(items: Iterable[_T], size: int) -> Iterator[Sequence[_T]]:
    """Cut anything into sequences of at most `size`.

    >>> [list(part) for part in chunks("abcde", 2)]
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    stream = iter(items)
    while part := tuple(islice(stream, size)):
        yield part
