"""Read all records of a type, several id ranges at once, and go on where a scan was stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from connector.context import RunContext
from connector.core.model import ObjectType, Record, Ref
from connector.hubspot.api import Page
from connector.hubspot.http.failures import RequestRefused
from connector.plan.quarantine_unreadable import note_unreadable
from connector.pull.id_ranges import MAX_RANGES, OutOfOrderError, RangePage
from connector.pull.ingest import LINK_OWNERS, Batch, Links, ingest, read_links
from connector.pull.missing_records import resolve_missing
from connector.pull.read_position import ReadPosition, load_position, position_checkpoint
from connector.pull.scan_progress import ScanProgress
from state import checkpoints, mirror, mirror_queries
from state.db.transaction import Transaction
from state.unreadable_records import FailedReading

# The most ids that one association read takes.
_LINK_BATCH = 1000
_log = structlog.get_logger()
_LinksByType = list[tuple[ObjectType, Links]]


def scan_object_type(context: RunContext, kind: ObjectType, properties: Sequence[str]) -> int:
    """List every record of a type into the mirror; return how many were listed.

    Later polls read changes since the *beginning* of the scan, since records may change
    while it goes on. Only the associations of deals and leads are read: whatever
    they are linked with is known from their side. Lists come in the order of ids, and a list may
    begin at any id; neither is documented by HubSpot, so where it does not hold a single range
    reads all.
    """
    return _read_and_finish(_FullScan(context, kind, properties))


def fill_properties(context: RunContext, kind: ObjectType, properties: Sequence[str]) -> int:
    """List every record of a mirrored type with these properties alone; return how many there were.

    They are added to the mirrored records, which keep their version and whatever else is known
    of them: what changed since the last poll is read whole by the next one.
    """
    return _read_and_finish(_FullScan(context, kind, properties, is_fill=True))


def _read_and_finish(scan: _FullScan) -> int:
    try:
        scan.read_ranges()
    except (OutOfOrderError, RequestRefused):
        if not scan.progress.is_parallel:
            raise
        scan.log_single_range()
        scan.progress.restart_with_one_range()
        scan.read_ranges()
    scan.finish()
    return scan.progress.count


class _FullScan:
    """One full scan while it is read: the requests under way.

    Each answer is stored before anything else is handled, in one transaction with the place
    where its range goes on: a process that dies loses the pages under way, and no others.
    """

    def __init__(
        self,
        context: RunContext,
        kind: ObjectType,
        properties: Sequence[str],
        *,
        is_fill: bool = False,
    ) -> None:
        self._context, self._kind, self._properties = context, kind, tuple(properties)
        self._is_fill = is_fill
        self._checkpoint = f"fill.{kind}" if is_fill else f"list.{kind}"
        self._page_requests: dict[Future[Page], int] = {}
        self._link_request: Future[_LinksByType] | None = None
        self.progress = self._stored_progress() or self._new_progress()

    def read_ranges(self) -> None:
        """Read what is left of all ranges; what was read before a failure is kept."""
        with self._thread_pool() as pool:
            for number in self.progress.id_ranges:
                self._request_page(pool, number)
            self._request_links(pool)
            while self._page_requests or self._link_request:
                self._handle_answers(pool)
        self._resolve_missing(self.progress.missing)

    def log_single_range(self) -> None:
        """Log that the ranges are given up for a single one."""
        _log.warning(
            "scan.single_range", portal=self._context.portal_id, object_type=str(self._kind)
        )

    def finish(self) -> None:
        """Let the next poll read changes from the beginning of the scan on.

        After a fill it goes on where the last poll ended, which has not seen what changed since.
        """
        if self._is_fill:
            self._finish_fill()
            return
        started = datetime.fromisoformat(self.progress.started)
        position = ReadPosition(
            until=started, complete_until=started, properties=self.progress.properties
        )
        with self._context.begin() as session:
            checkpoints.put(session, position_checkpoint(self._kind), position.to_checkpoint())
            checkpoints.put(session, f"proven.{self._kind}", self.progress.started)
            checkpoints.put(session, self._checkpoint, None)

    def _finish_fill(self) -> None:
        """Note that the mirrored records have these properties too."""
        with self._context.begin() as session:
            position = load_position(session, self._kind)
            if position:
                names = tuple(sorted({*position.properties, *self._properties}))
                filled = replace(position, properties=names)
                checkpoints.put(session, position_checkpoint(self._kind), filled.to_checkpoint())
            checkpoints.put(session, self._checkpoint, None)

    def _stored_progress(self) -> ScanProgress | None:
        """Return how far an interrupted scan came, None where a new one must begin.

        A fill begins again where a poll came after it began: that poll, by another policy, stored
        records without what had been filled.
        """
        with self._context.reading() as session:
            stored = checkpoints.get(session, self._checkpoint)
            position = load_position(session, self._kind)
        progress = ScanProgress.from_checkpoint(self._kind, stored)
        if not progress or progress.properties != self._properties:
            return None
        started = datetime.fromisoformat(progress.started)
        is_outdated = self._is_fill and (position is None or position.until >= started)
        return None if is_outdated else progress

    def _new_progress(self) -> ScanProgress:
        """Return a scan at its beginning; one request counts the records."""
        last_page = self._context.api.search_last(self._kind)
        with self._context.reading() as session:
            mirrored_count = mirror.count(session).get(self._kind, 0)
        progress = ScanProgress(
            kind=self._kind,
            started=self._context.api.now().isoformat(),
            properties=self._properties,
            total=last_page.total or 0,
            last_id=max((int(record.ref.id) for record in last_page.records), default=0),
            is_repeat=mirrored_count > 0,
        )
        progress.start()
        return progress

    @contextmanager
    def _thread_pool(self) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(MAX_RANGES + 1, thread_name_prefix="scan")
        is_interrupted = False
        try:
            yield pool
        except KeyboardInterrupt:
            is_interrupted = True  # the process is about to end: it waits for no request
            raise
        finally:
            pool.shutdown(wait=not is_interrupted, cancel_futures=True)
            self._page_requests.clear()
            self._link_request = None

    def _request_page(self, pool: ThreadPoolExecutor, number: int) -> None:
        api, cursor = self._context.api, self.progress.id_ranges[number].next_cursor()
        request = pool.submit(api.list_page, self._kind, self._properties, after=cursor)
        self._page_requests[request] = number

    def _request_links(self, pool: ThreadPoolExecutor) -> None:
        """Ask for the associations of a thousand deals, or of the last ones at the end."""
        unlinked = self.progress.unlinked
        if self._link_request is None and (
            len(unlinked) >= _LINK_BATCH or (unlinked and not self._page_requests)
        ):
            self._link_request = pool.submit(
                read_links, self._context, self._kind, unlinked[:_LINK_BATCH]
            )

    def _handle_answers(self, pool: ThreadPoolExecutor) -> None:
        """Wait for the next answers and store them; then raise where a request failed."""
        open_requests: list[Future[Any]] = [
            *self._page_requests,
            *([self._link_request] if self._link_request else ()),
        ]
        completed = wait(open_requests, return_when=FIRST_COMPLETED).done
        page_requests = [future for future in self._page_requests if future in completed]
        self._add_pages(pool, [future for future in page_requests if future.exception() is None])
        if self._link_request in completed:
            self._add_links(self._link_request)
        for request in page_requests:
            request.result()
        while (
            len(self._page_requests) < MAX_RANGES
            and (number := self.progress.split_largest_range()) is not None
        ):
            self._request_page(pool, number)
        self._request_links(pool)

    def _add_pages(self, pool: ThreadPoolExecutor, page_requests: Sequence[Future[Page]]) -> None:
        """Advance the ranges by these pages, ask for the next ones, and store what was read."""
        records: list[Record] = []
        for request in page_requests:
            number = self._page_requests.pop(request)
            range_page = self.progress.add_page(number, request.result())
            records.extend(range_page.records)
            self._note_pending(range_page)
            if number in self.progress.id_ranges:
                self._request_page(pool, number)
        if page_requests:
            # The associations of deals are read later; other types are complete without any.
            are_complete = self._kind not in LINK_OWNERS and not self._is_fill
            complete = [record.ref for record in records] if are_complete else []
            self._store_batch(Batch(records=records, complete=complete))

    def _add_links(self, request: Future[_LinksByType] | None) -> None:
        if request is not None:
            self._link_request = None
            links = request.result()
            self.progress.unlinked = self.progress.unlinked[_LINK_BATCH:]
            complete = {ref for _, links_by_ref in links for ref in links_by_ref}
            self._store_batch(Batch(links=links, complete=sorted(complete)))

    def _note_pending(self, range_page: RangePage) -> None:
        """Note whose associations are still to be read, and which records the page lacks."""
        note_unreadable(self._context, range_page.unreadable, FailedReading.PAGE)
        if self._kind in LINK_OWNERS and not self._is_fill:
            self.progress.unlinked.extend(record.ref for record in range_page.records)
        if self.progress.is_repeat:
            self.progress.missing.extend(self._missing_refs(range_page))

    def _missing_refs(self, range_page: RangePage) -> list[Ref]:
        """Return the mirrored records within the ids of a page that the page does not show."""
        up_to_id = None if range_page.up_to_id is None else str(range_page.up_to_id)
        shown = {record.ref for record in range_page.records} | range_page.unreadable.keys()
        with self._context.reading() as session:
            mirrored = mirror_queries.read_id_range(
                session,
                self._kind,
                after_id=str(range_page.after_id),
                up_to_id=up_to_id,
            )
        return [
            ref for ref, archived_at in mirrored.items() if ref not in shown and archived_at is None
        ]

    def _store_batch(self, batch: Batch) -> None:
        """Store what was read, together with where the ranges stand."""
        checkpoint = (self._checkpoint, self.progress.to_checkpoint())
        if self._is_fill:
            with self._context.begin() as session:
                _add_properties(session, batch.records, due_at=self._context.api.now())
                checkpoints.put(session, *checkpoint)
        else:
            ingest(self._context, batch, checkpoint=checkpoint)
        if len(self.progress.missing) >= _LINK_BATCH:
            self._resolve_missing(self.progress.missing)
        done = self.progress.count
        self._context.progress(f"pull {self._kind}", done, max(done, self.progress.total))

    def _resolve_missing(self, refs: Sequence[Ref]) -> None:
        """Ask what happened to the records that no page showed."""
        resolve_missing(self._context, refs)
        self.progress.missing = []


def _add_properties(session: Transaction, records: Sequence[Record], *, due_at: datetime) -> None:
    """Add the properties of these records to the mirrored ones, which keep their version.

    A later version is therefore still news, with its associations. A record that is not mirrored
    is skipped, because the mirror holds whole records only.
    """
    stored = mirror.get(session, (record.ref for record in records))
    filled = [
        replace(
            stored[record.ref],
            properties={**stored[record.ref].properties, **record.properties},
        )
        for record in records
        if record.ref in stored
    ]
    mirror.put(session, filled, due_at=due_at)
