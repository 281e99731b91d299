"""Read a window of changes completely, and prove it by the count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from connector.core.model import ObjectType, Record
from connector.hubspot.api import HubSpotApi, Page
from connector.hubspot.http.failures import BadAnswer, IncompleteWindow

OVERLAP: Final = 10
"""Rows at the end of a page that may stand out of order, so the next page begins before them."""
_MILLISECOND: Final = timedelta(milliseconds=1)
_CLOCK_MARGIN: Final = timedelta(seconds=2)
"""How far the portal's clock may be ahead of what its last answer showed, with a margin."""
_EMPTY_PAGE_TRIES: Final = 3
"""How often an empty page is asked for again, where HubSpot counts rows beyond it."""
_log = structlog.get_logger()


def read_changes(
    api: HubSpotApi,
    object_type: ObjectType,
    properties: Sequence[str],
    *,
    since: datetime,
    until: datetime,
) -> Iterator[Page]:
    """Yield every record last modified from `since` to `until`, both included, page by page.

    A record comes again only where it was modified in between. Rows that HubSpot answers from
    outside the window are yielded as well. An idle window costs one request.

    HubSpot answers at most 200 rows and 10,000 results, in an order that equal times leave open,
    and may answer fewer rows than it was asked for, even none (its guide to the search API).
    So the window is read by time, each search beginning before the end of the last page, and
    read again by id where the rows do not add up to HubSpot's count. Raise IncompleteWindow
    after the last page where they still do not: the caller must read the window again.
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

    def read(self) -> Iterator[Page]:
        """Read by time; where that saw fewer rows than HubSpot counts, read again by id."""
        first_page = self._search(self._since, self._until)
        yield from self._unseen_rows(first_page)
        seen_count = len(first_page.refs)
        if _has_more(first_page):
            yield from self._read_by_time(first_page)
            seen_count = len(self._seen)
        if seen_count < (first_page.total or 0):
            _log.info(
                "search.read_again_by_id",
                object_type=str(self._object_type),
                rows=seen_count,
                counted=first_page.total,
            )
            yield from self._read_by_id(self._since, self._until)
        yield from self._read_later_changes()

    def _read_later_changes(self) -> Iterator[Page]:
        """Read what left the window during a short scan by id; raise if that is not all."""
        short_scans = [scan for scan in self._id_scans if scan.is_short]
        since, until = self._until + _MILLISECOND, self._api.now() + _CLOCK_MARGIN
        if short_scans and since <= until:
            for page in read_changes(
                self._api, self._object_type, self._properties, since=since, until=until
            ):
                self._note_seen(page)
                yield page
        for scan in short_scans:
            if not scan.is_explained_by(self._seen):
                # Records may also have been deleted meanwhile: then fewer are counted now.
                count_now = self._search(scan.since, scan.until, "0").total or 0
                scan.require_complete(count_now)

    def _read_by_time(self, page: Page) -> Iterator[Page]:
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
            yield from self._unseen_rows(page)

    def _read_by_id(self, since: datetime, until: datetime) -> Iterator[Page]:
        started_at = self._api.now()
        page = self._search_rows(since, until, "0")
        scan = _IdScan(
            since, until, total=page.total or 0, started_at=_floor_to_millisecond(started_at)
        )
        self._id_scans.append(scan)
        yield from self._unseen_rows(page)
        while page.refs and _has_more(page):
            page = self._search_rows(since, until, str(scan.next_after_id(page)))
            yield from self._unseen_rows(page)
        scan.add_page(page)

    def _search_rows(self, since: datetime, until: datetime, after_id: str) -> Page:
        """Search by id, and ask again for an empty page that HubSpot counts rows beyond."""
        for _ in range(_EMPTY_PAGE_TRIES):
            page = self._search(since, until, after_id)
            if page.refs or not _has_more(page):
                break
        return page

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

    def _unseen_rows(self, page: Page) -> Iterator[Page]:
        """Yield the rows that were not yet seen in this state, and note them."""
        unseen = tuple(
            record
            for record in page.records
            if self._seen.get(int(record.ref.id)) != record.modified_at
        )
        unreadable = {
            ref: reason for ref, reason in page.unreadable.items() if int(ref.id) not in self._seen
        }
        self._note_seen(page)
        if unseen or unreadable:
            yield replace(page, records=unseen, unreadable=unreadable)

    def _note_seen(self, page: Page) -> None:
        self._seen.update({int(record.ref.id): record.modified_at for record in page.records})
        # When an unreadable record was modified is not known: the window's beginning counts.
        for ref in page.unreadable:
            self._seen.setdefault(int(ref.id), self._since)


class _IdScan:
    """One reading by id, the ids compared as numbers; `total` is how many rows HubSpot counts.

    HubSpot may show a page's rows out of order; were the pages themselves in another order
    (that of texts, say), records between them would be lost, and the rows are fewer than
    counted. They are as well where records are modified or deleted meanwhile.
    """

    def __init__(
        self, since: datetime, until: datetime, *, total: int, started_at: datetime
    ) -> None:
        self.since, self.until = since, until
        self._total = total
        self._started_at = started_at
        self._after_id = 0
        self._ids: set[int] = set()
        self._in_order = True

    @property
    def is_short(self) -> bool:
        """Return whether there were fewer rows than HubSpot counted."""
        return len(self._ids) < self._total

    def next_after_id(self, page: Page) -> int:
        """Return the id to go on after: the last one, or the least of the last in disorder."""
        ids = self.add_page(page)
        last_id = ids[-1] if ids == sorted(ids) else min(ids[-OVERLAP:])
        if last_id <= self._after_id:
            raise BadAnswer("HubSpot answered a search by id in no order: try later")
        self._after_id = last_id
        return last_id

    def add_page(self, page: Page) -> list[int]:
        """Note the records of a page; return their ids."""
        ids = [int(record.ref.id) for record in page.records]
        in_order = ids == sorted(ids)
        ids = sorted({*ids, *(int(ref.id) for ref in page.unreadable)}) if in_order else ids
        self._ids.update(ids, (int(ref.id) for ref in page.unreadable))
        self._in_order = self._in_order and in_order
        return ids

    def is_explained_by(self, seen: Mapping[int, datetime]) -> bool:
        """Return whether the rows that lack were modified since, as `seen` shows."""
        modified_ids = {number for number, at in seen.items() if at >= self._started_at}
        return len(self._ids | modified_ids) >= self._total

    def require_complete(self, count_now: int) -> None:
        """Raise IncompleteWindow where HubSpot still counts more rows than it showed."""
        if len(self._ids) < min(self._total, count_now):
            order = "" if self._in_order else " in no order"
            raise IncompleteWindow(
                f"HubSpot answered a search by id{order} with {len(self._ids)} rows and counts "
                f"{min(self._total, count_now)}: the window is read again by the next poll"
            )


def _has_more(page: Page) -> bool:
    """Return whether rows follow: there is a cursor, or a total above the rows of the page."""
    return page.after is not None or len(page.refs) < (page.total or 0)


def _floor_to_millisecond(moment: datetime) -> datetime:
    """Return the millisecond that a moment lies in, as a search can only tell those apart."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
