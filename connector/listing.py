"""Read all records of a type, several chains at once, and go on where a stopped process was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import structlog

from connector.chains import MOST, OutOfOrderError, Taken
from connector.core.model import ObjectType, Record, Ref
from connector.desk import Desk
from connector.gone import settle_gone
from connector.hubspot.door import Page
from connector.hubspot.faults import RequestRefused
from connector.listed import Listed
from connector.storing import Batch, Links, linked, store
from state import checkpoints, mirror, mirror_parts

# The most ids that one association read takes.
_TOGETHER = 1000
_log = structlog.get_logger()
_Links = list[tuple[ObjectType, Links]]


def read_whole(desk: Desk, kind: ObjectType, properties: Sequence[str]) -> int:
    """List every record of a type into the mirror; return how many were listed.

    From then on changes are read since the *beginning* of the listing. Only deals need
    their associations: whatever a deal is linked with is known from the deal's side. Where
    HubSpot does not take an id of ours as a place to begin, one chain reads all.
    """
    listing = _Listing(desk, kind, properties)
    try:
        listing.read()
    except (OutOfOrderError, RequestRefused):
        if not listing.listed.parallel:
            raise
        _log.warning("listing.one_chain", portal=desk.portal_id, object_type=str(kind))
        listing.listed.begin_again()
        listing.read()
    listing.finish()
    return listing.listed.count


class _Listing:
    """One listing while it is read: the requests under way.

    What was answered is stored before anything else is looked at, each page with the place at
    which its chain goes on: a process that dies loses the pages under way, and no other.
    """

    def __init__(self, desk: Desk, kind: ObjectType, properties: Sequence[str]) -> None:
        self._desk, self._kind, self._properties = desk, kind, properties
        self._name = f"list.{kind}"
        self._asked: dict[Future[Page], int] = {}
        self._linking: Future[_Links] | None = None
        self.listed = self._stored() or self._new()

    def read(self) -> None:
        """Read what is left of all chains; what was read before a failure is kept."""
        with self._pool() as pool:
            for number in self.listed.chains:
                self._ask(pool, number)
            self._link(pool)
            while self._asked or self._linking:
                self._wait(pool)
        self._settle(self.listed.missed)

    def finish(self) -> None:
        """Let the changes be read from the listing's beginning on."""
        started = self.listed.started
        mark = {"until": started, "late": started, "properties": list(self.listed.properties)}
        with self._desk.store.begin() as session:
            checkpoints.put(session, self._desk.portal_id, f"changes.{self._kind}", mark)
            checkpoints.put(session, self._desk.portal_id, f"proven.{self._kind}", started)
            checkpoints.put(session, self._desk.portal_id, self._name, None)

    def _stored(self) -> Listed | None:
        """Return where a stopped listing stood, None where another one must begin."""
        with self._desk.store.reading() as session:
            found = checkpoints.get(session, self._desk.portal_id, self._name)
        if not found or found["properties"] != list(self._properties):
            return None
        return Listed.told(self._kind, found)

    def _new(self) -> Listed:
        """Return a listing at its beginning; one request tells how large it will be."""
        last = self._desk.door.last(self._kind)
        with self._desk.store.reading() as session:
            known = mirror.count(session, self._desk.portal_id)[self._kind]
        listed = Listed(
            kind=self._kind,
            started=self._desk.door.now().isoformat(),
            properties=self._properties,
            total=last.total or 0,
            last_id=max((int(one.ref.id) for one in last.records), default=0),
            renews=known > 0,
        )
        listed.begin()
        return listed

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(MOST + 1, thread_name_prefix="listing")
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
            self._asked.clear()
            self._linking = None

    def _ask(self, pool: ThreadPoolExecutor, number: int) -> None:
        door, after = self._desk.door, self.listed.chains[number].cursor()
        asked = pool.submit(door.page, self._kind, self._properties, after=after)
        self._asked[asked] = number

    def _link(self, pool: ThreadPoolExecutor) -> None:
        """Ask for the associations of deals, a thousand at a time, and of the rest at the end."""
        unlinked = self.listed.unlinked
        if self._linking is None and (len(unlinked) >= _TOGETHER or (unlinked and not self._asked)):
            self._linking = pool.submit(linked, self._desk, self._kind, unlinked[:_TOGETHER])

    def _wait(self, pool: ThreadPoolExecutor) -> None:
        """Wait for whatever is answered first; raise what failed once the rest is stored."""
        under_way: list[Future[Any]] = [*self._asked, *([self._linking] if self._linking else ())]
        answered = wait(under_way, return_when=FIRST_COMPLETED).done
        pages = [one for one in self._asked if one in answered]
        self._take(pool, [one for one in pages if one.exception() is None])
        if self._linking in answered:
            self._take_links(self._linking)
        for one in pages:
            one.result()
        while len(self._asked) < MOST and (number := self.listed.split()) is not None:
            self._ask(pool, number)
        self._link(pool)

    def _take(self, pool: ThreadPoolExecutor, pages: Sequence[Future[Page]]) -> None:
        """Take pages, let their chains go on, and store them."""
        records: list[Record] = []
        for one in pages:
            number = self._asked.pop(one)
            taken = self.listed.take(number, one.result())
            records.extend(taken.records)
            self._note(taken)
            if number in self.listed.chains:
                self._ask(pool, number)
        if pages:
            self._store(Batch(records=records))

    def _take_links(self, answered: Future[_Links] | None) -> None:
        if answered is not None:
            self._linking = None
            links = answered.result()
            self.listed.unlinked = self.listed.unlinked[_TOGETHER:]
            self._store(Batch(links=links))

    def _note(self, taken: Taken) -> None:
        """Note what is still to be done for the records of a page, and for those that it lacks."""
        if self._kind is ObjectType.DEALS:
            self.listed.unlinked.extend(one.ref for one in taken.records)
        if self.listed.renews:
            self.listed.missed.extend(self._missing(taken))

    def _missing(self, taken: Taken) -> list[Ref]:
        """Return what the mirror has within the ids of a page, and the page does not show."""
        up_to = None if taken.up_to is None else str(taken.up_to)
        shown = {one.ref for one in taken.records}
        with self._desk.store.reading() as session:
            known = mirror_parts.within(
                session,
                self._desk.portal_id,
                self._kind,
                after_id=str(taken.beyond),
                up_to_id=up_to,
            )
        return [ref for ref, gone in known.items() if ref not in shown and gone is None]

    def _store(self, batch: Batch) -> None:
        """Store what was read, together with where the chains stand."""
        store(self._desk, batch, checkpoint=(self._name, self.listed.written()))
        if len(self.listed.missed) >= _TOGETHER:
            self._settle(self.listed.missed)
        done = self.listed.count
        self._desk.tell(f"pull {self._kind}", done, max(done, self.listed.total))

    def _settle(self, missed: Sequence[Ref]) -> None:
        """Find out what became of the records that no page showed."""
        settle_gone(self._desk, missed)
        self.listed.missed = []
