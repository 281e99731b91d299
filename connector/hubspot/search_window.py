"""Read a window of changes completely, and prove it by the count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connector.core.model import ObjectType, Record
from connector.hubspot.api import SEARCH_LIMIT, HubSpotApi, Page
from connector.hubspot.http.failures import BadAnswer

OVERLAP: Final = 10
"""Rows at the end of a page that may stand out of order, so the next page begins before them."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_CLOCK_MARGIN: Final = timedelta(seconds=2)
"""So far the portal's clock may be ahead of what we know of it, and a bit more."""


def read_changes(
    api: HubSpotApi,
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
    reader = _WindowReader(api, object_type, tuple(properties), since=since, until=until)
    yield from reader.read()


class _WindowReader:
    """One window while it is read: what was seen of it so far."""

    def __init__(
        self,
        api: HubSpotApi,
        object_type: ObjectType,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
    ) -> None:
        self._api = api
        self._object_type = object_type
        self._properties = properties
        self._since = _floor_to_millisecond(since)
        self._until = _floor_to_millisecond(until + _MILLISECOND - timedelta.resolution)
        self._seen: dict[int, datetime] = {}
        self._id_scans: list[_IdScan] = []

    def read(self) -> Iterator[tuple[Record, ...]]:
        """Read by time; where that saw fewer than HubSpot counts, read again by id."""
        first_page = self._search(self._since, self._until)
        yield from self._unseen_records(first_page)
        seen_count = len(first_page.records)
        if _has_more(first_page):
            yield from self._read_by_time(first_page)
            seen_count = len(self._seen)
        if seen_count < (first_page.total or 0):
            yield from self._read_by_id(self._since, self._until)
        yield from self._read_later_changes()

    def _read_later_changes(self) -> Iterator[tuple[Record, ...]]:
        """Read what left the window while a walk in disorder went on; raise if that is not all."""
        short_scans = [scan for scan in self._id_scans if scan.is_short]
        since, until = self._until + _MILLISECOND, self._api.now() + _CLOCK_MARGIN
        if short_scans and since <= until:
            for page in read_changes(
                self._api, self._object_type, self._properties, since=since, until=until
            ):
                self._seen.update({int(record.ref.id): record.modified_at for record in page})
                yield page
        for scan in short_scans:
            scan.check_complete(self._seen)

    def _read_by_time(self, page: Page) -> Iterator[tuple[Record, ...]]:
        start = self._since
        while _has_more(page):
            next_start = self._next_start(page, start)
            if next_start <= start:
                # More records than a page holds share these moments: only ids tell them apart.
                next_start = self._last_modified_at(page, start) + _MILLISECOND
                yield from self._read_by_id(start, next_start)
            if next_start > self._until:
                return
            start = next_start
            page = self._search(start, self._until)
            yield from self._unseen_records(page)

    def _read_by_id(self, since: datetime, until: datetime) -> Iterator[tuple[Record, ...]]:
        started_at = self._api.now()
        page = self._search(since, until, "0")
        scan = _IdScan(page.total or 0, _floor_to_millisecond(started_at))
        self._id_scans.append(scan)
        yield from self._unseen_records(page)
        while _has_more(page):
            page = self._search(since, until, str(scan.next_after_id(page)))
            yield from self._unseen_records(page)
        scan.add_page(page)

    def _search(self, since: datetime, until: datetime, after_id: str = "") -> Page:
        return self._api.search_changed(
            self._object_type, self._properties, since=since, until=until, after_id=after_id
        )

    def _next_start(self, page: Page, start: datetime) -> datetime:
        """Return where the next page begins: before the last rows, which may be out of order."""
        return min(self._modified_times(page.records[-OVERLAP:], start), default=start)

    def _last_modified_at(self, page: Page, start: datetime) -> datetime:
        """Return the end of what to read by id: the page's, or the window's where it has none."""
        return max(self._modified_times(page.records, start), default=self._until)

    def _modified_times(self, records: Sequence[Record], start: datetime) -> list[datetime]:
        """Return when these were modified, without what the search was not asked for."""
        modified_times = (_floor_to_millisecond(record.modified_at) for record in records)
        return [
            modified_at for modified_at in modified_times if start <= modified_at <= self._until
        ]

    def _unseen_records(self, page: Page) -> Iterator[tuple[Record, ...]]:
        """Yield what was not yet seen in this state, and note it."""
        unseen = []
        for record in page.records:
            number = int(record.ref.id)
            if self._seen.get(number) != record.modified_at:
                self._seen[number] = record.modified_at
                unseen.append(record)
        if unseen:
            yield tuple(unseen)


class _IdScan:
    """A walk along the ids, compared as numbers; `total` is how many there should be.

    HubSpot may show a page's rows out of order; were the pages themselves in another order
    (that of texts, say), records between them would be lost, and the count falls short. It
    does so as well where records are modified meanwhile, and so leave the window.
    """

    def __init__(self, total: int, started_at: datetime) -> None:
        self._total = total
        self._started_at = started_at
        self._after_id = 0
        self._ids: set[int] = set()
        self._in_order = True

    @property
    def is_short(self) -> bool:
        """Whether disorder was met, and fewer records than there should be."""
        return not self._in_order and len(self._ids) < self._total

    def next_after_id(self, page: Page) -> int:
        """Return the id after which to go on: the last, or the least of disordered last ones."""
        ids = self.add_page(page)
        last_id = ids[-1] if ids == sorted(ids) else min(ids[-OVERLAP:])
        if last_id <= self._after_id:
            raise BadAnswer("HubSpot answered a search by id in no order: try later")
        self._after_id = last_id
        return last_id

    def add_page(self, page: Page) -> list[int]:
        """Note the records of a page; return their ids."""
        ids = [int(record.ref.id) for record in page.records]
        self._ids.update(ids)
        self._in_order = self._in_order and ids == sorted(ids)
        return ids

    def check_complete(self, seen: Mapping[int, datetime]) -> None:
        """Raise where the walk passed over more records than were modified since, as `seen`."""
        modified_ids = {number for number, at in seen.items() if at >= self._started_at}
        if len(self._ids | modified_ids) < self._total:
            raise BadAnswer("HubSpot answered a search by id in no order: try later")


def _has_more(page: Page) -> bool:
    return len(page.records) >= SEARCH_LIMIT and len(page.records) != page.total


def _floor_to_millisecond(moment: datetime) -> datetime:
    """Return the millisecond that a moment lies in, as a search can only tell those apart."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
