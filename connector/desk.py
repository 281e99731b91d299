"""The desk: what every use case works with, laid out once for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Protocol, TypeVar

from connector.core.binding import BoundPolicy
from connector.core.model import Portal
from connector.hubspot.door import Door
from state.store import Store

_T = TypeVar("_T")


class Tell(Protocol):
    """Hears how far long work has come; `total` is None where nobody knows it."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Take note of it."""
        ...


def silent(what: str, done: int, total: int | None) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One portal, one policy, one run; `rechecks` are seconds between readings of a write.

    `struck` holds the keys of the corrections that did not hold in this very run: they are
    not tried again before the next one.
    """

    run: str
    door: Door
    store: Store
    portal: Portal
    policy: BoundPolicy
    wait: Callable[[float], None]
    overlap: timedelta = timedelta(minutes=5)
    rechecks: tuple[float, ...] = (2.0, 30.0)
    tell: Tell = silent
    struck: set[str] = field(default_factory=set)

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
