"""Complete reading of a window of changes, proven by its count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connector.core.model import ObjectType, Record
from connector.hubspot.door import SEARCH_LIMIT, Door, Page
from connector.hubspot.faults import BadAnswer

MARGIN: Final = 10
"""Rows at the end of a page that may stand out of order, so the next page begins before them."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_AHEAD: Final = timedelta(seconds=2)
"""So far the portal's clock may be ahead of what we know of it, and a bit more."""


def changes(
    door: Door,
    object_type: ObjectType,
    properties: Sequence[str],
    *,
    since: datetime,
    until: datetime,
) -> Iterator[tuple[Record, ...]]:
    """Yield every record last modified from `since` to `until`, both included, page by page.

    A record comes again only where it was modified in between. Rows that HubSpot answers from
    outside the window are yielded as well. An idle window costs one request.
    """
    window = _Window(door, object_type, tuple(properties), since=since, until=until)
    yield from window.read()


class _Window:
    """One window while it is read: what was seen of it so far."""

    def __init__(
        self,
        door: Door,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
    ) -> None:
        self._door = door
        self._object_type = object_type
        self._properties = properties
        self._since = _floor(since)
        self._until = _floor(until + _MILLISECOND - timedelta.resolution)
        self._seen: dict[int, datetime] = {}
        self._walks: list[_Walk] = []

    def read(self) -> Iterator[tuple[Record, ...]]:
        """Read by time; where that saw fewer than HubSpot counts, read again by id."""
        first = self._search(self._since, self._until)
        yield from self._fresh(first)
        seen = len(first.records)
        if _goes_on(first):
            yield from self._by_time(first)
            seen = len(self._seen)
        if seen < (first.total or 0):
            yield from self._by_id(self._since, self._until)
        yield from self._left()

    def _left(self) -> Iterator[tuple[Record, ...]]:
        """Read what left the window while a walk in disorder went on; raise if that is not all."""
        short = [walk for walk in self._walks if walk.is_short]
        since, until = self._until + _MILLISECOND, self._door.now() + _AHEAD
        if short and since <= until:
            for page in changes(
                self._door, self._object_type, self._properties, since=since, until=until
            ):
                self._seen.update({int(one.ref.id): one.modified_at for one in page})
                yield page
        for walk in short:
            walk.settle(self._seen)

    def _by_time(self, page: Page) -> Iterator[tuple[Record, ...]]:
        bound = self._since
        while _goes_on(page):
            following = self._following(page, bound)
            if following <= bound:
                # More records than a page holds share these moments: only ids tell them apart.
                following = self._last(page, bound) + _MILLISECOND
                yield from self._by_id(bound, following)
            if following > self._until:
                return
            bound = following
            page = self._search(bound, self._until)
            yield from self._fresh(page)

    def _by_id(self, since: datetime, until: datetime) -> Iterator[tuple[Record, ...]]:
        began = self._door.now()
        page = self._search(since, until, "0")
        walk = _Walk(page.total or 0, _floor(began))
        self._walks.append(walk)
        yield from self._fresh(page)
        while _goes_on(page):
            page = self._search(since, until, str(walk.after(page)))
            yield from self._fresh(page)
        walk.meet(page)

    def _search(self, since: datetime, until: datetime, after_id: str = "") -> Page:
        return self._door.changed(
            self._object_type, self._properties, since=since, until=until, after_id=after_id
        )

    def _following(self, page: Page, bound: datetime) -> datetime:
        """Return where the next page begins: before the last rows, which may be out of order."""
        return min(self._moments(page.records[-MARGIN:], bound), default=bound)

    def _last(self, page: Page, bound: datetime) -> datetime:
        """Return the end of what to read by id: the page's, or the window's where it has none."""
        return max(self._moments(page.records, bound), default=self._until)

    def _moments(self, records: Sequence[Record], bound: datetime) -> list[datetime]:
        """Return when these were modified, without what the search was not asked for."""
        moments = (_floor(one.modified_at) for one in records)
        return [one for one in moments if bound <= one <= self._until]

    def _fresh(self, page: Page) -> Iterator[tuple[Record, ...]]:
        """Yield what was not yet seen in this state, and note it."""
        fresh = []
        for record in page.records:
            number = int(record.ref.id)
            if self._seen.get(number) != record.modified_at:
                self._seen[number] = record.modified_at
                fresh.append(record)
        if fresh:
            yield tuple(fresh)


class _Walk:
    """A walk along the ids, compared as numbers; `total` is how many there should be.

    HubSpot may show a page's rows out of order; were the pages themselves in another order
    (that of texts, say), records between them would be lost, and the count falls short. It
    does so as well where records are modified meanwhile, and so leave the window.
    """

    def __init__(self, total: int, began: datetime) -> None:
        self._total = total
        self._began = began
        self._after = 0
        self._met: set[int] = set()
        self._in_order = True

    @property
    def is_short(self) -> bool:
        """Whether disorder was met, and fewer records than there should be."""
        return not self._in_order and len(self._met) < self._total

    def after(self, page: Page) -> int:
        """Return the id after which to go on: the last, or the least of disordered last ones."""
        ids = self.meet(page)
        following = ids[-1] if ids == sorted(ids) else min(ids[-MARGIN:])
        if following <= self._after:
            raise BadAnswer("HubSpot answered a search by id in no order: try later")
        self._after = following
        return following

    def meet(self, page: Page) -> list[int]:
        """Note the records of a page; return their ids."""
        ids = [int(record.ref.id) for record in page.records]
        self._met.update(ids)
        self._in_order = self._in_order and ids == sorted(ids)
        return ids

    def settle(self, seen: Mapping[int, datetime]) -> None:
        """Raise where the walk passed over more records than were modified since, as `seen`."""
        left = {number for number, at in seen.items() if at >= self._began}
        if len(self._met | left) < self._total:
            raise BadAnswer("HubSpot answered a search by id in no order: try later")


def _goes_on(page: Page) -> bool:
    return len(page.records) >= SEARCH_LIMIT and len(page.records) != page.total


def _floor(moment: datetime) -> datetime:
    """Return the millisecond that a moment lies in, as a search can only tell those apart."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
