"""Read all records of a type, several chains at once, and go on where a stopped process was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import structlog

from connector.chains import MOST, WHOLE, Chain, OutOfOrderError, Taken, begin, split, take
from connector.core.model import ObjectType, Record, Ref
from connector.desk import Desk
from connector.errors import TemporaryError
from connector.gone import settle_gone
from connector.hubspot.door import Page
from connector.hubspot.faults import RequestRefused
from connector.storing import Batch, complete, store
from state import checkpoints, mirror, mirror_parts

# The most ids that one association read takes, and ten times fewer commits.
_TOGETHER = 1000
_log = structlog.get_logger()


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
        if not listing.parallel:
            raise
        _log.warning("listing.one_chain", portal=desk.portal_id, object_type=str(kind))
        listing.begin_again([WHOLE])
        listing.read()
    listing.finish()
    return listing.count


class _Listing:
    """One listing while it is read: its chains, and what of them is not stored yet."""

    def __init__(self, desk: Desk, kind: ObjectType, properties: Sequence[str]) -> None:
        self._desk, self._kind, self._properties = desk, kind, properties
        self._name = f"list.{kind}"
        self._chains: list[Chain] = []
        self._records: list[Record] = []
        self._missed: list[Ref] = []
        self._asked: dict[Future[Page], int] = {}
        found = self._stored()
        self._at = found or self._new()
        self._chains = [Chain.told(one) for one in self._at["chains"]]

    @property
    def parallel(self) -> bool:
        """Whether some chain rests on beginning at an id."""
        return self._chains != [] and (len(self._chains) > 1 or self._chains[0].end is not None)

    @property
    def count(self) -> int:
        """Return how many records were listed so far."""
        return sum(one.count for one in self._chains)

    def read(self) -> None:
        """Read what is left of all chains; what was read before a failure is kept."""
        with self._pool() as pool:
            for place, chain in enumerate(self._chains):
                if not chain.done:
                    self._ask(pool, place)
            while self._asked:
                self._take(pool, wait(self._asked, return_when=FIRST_COMPLETED).done)
                self._share_out(pool)
                if len(self._records) >= _TOGETHER or not self._asked:
                    self._store()

    def begin_again(self, chains: list[Chain]) -> None:
        """Begin with other chains."""
        self._chains, self._records, self._missed = chains, [], []

    def finish(self) -> None:
        """Let the changes be read from the listing's beginning on."""
        started = self._at["started"]
        mark = {"until": started, "late": started, "properties": self._at["properties"]}
        with self._desk.store.begin() as session:
            checkpoints.put(session, self._desk.portal_id, f"changes.{self._kind}", mark)
            checkpoints.put(session, self._desk.portal_id, f"proven.{self._kind}", started)
            checkpoints.put(session, self._desk.portal_id, self._name, None)

    def _stored(self) -> dict[str, Any] | None:
        """Return where a stopped listing stood, None where another one must begin."""
        with self._desk.store.begin() as session:
            found = checkpoints.get(session, self._desk.portal_id, self._name)
        return found if found and found["properties"] == list(self._properties) else None

    def _new(self) -> dict[str, Any]:
        """Return a listing at its beginning; one request tells how large it will be."""
        last = self._desk.door.last(self._kind)
        last_id = max((int(one.ref.id) for one in last.records), default=0)
        with self._desk.store.reading() as session:
            known = mirror.count(session, self._desk.portal_id)[self._kind]
        return {
            "started": self._desk.door.now().isoformat(),
            "properties": list(self._properties),
            "total": last.total or 0,
            "last_id": last_id,
            "renews": known > 0,
            "chains": [one.written() for one in begin(last.total or 0, last_id)],
        }

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        pool = ThreadPoolExecutor(MOST, thread_name_prefix="listing")
        try:
            yield pool
        except TemporaryError as error:
            if self._kind is not ObjectType.DEALS and not isinstance(error, OutOfOrderError):
                self._store()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
            self._asked.clear()

    def _ask(self, pool: ThreadPoolExecutor, place: int) -> None:
        door, after = self._desk.door, self._chains[place].cursor()
        asked = pool.submit(door.page, self._kind, self._properties, after=after)
        self._asked[asked] = place

    def _take(self, pool: ThreadPoolExecutor, answered: set[Future[Page]]) -> None:
        for one in answered:
            place = self._asked.pop(one)
            taken = take(self._chains[place], one.result())
            self._chains[place] = taken.chain
            self._records.extend(taken.records)
            if self._at["renews"]:
                self._missed.extend(self._missing(taken))
            if not taken.chain.done:
                self._ask(pool, place)

    def _share_out(self, pool: ThreadPoolExecutor) -> None:
        """Let a chain that has ended take over half of the longest."""
        total, last_id = self._at["total"], self._at["last_id"]
        while self.parallel and len(self._asked) < MOST:
            cut = split(self._chains, total=total, last_id=last_id)
            if cut is None:
                return
            place, kept, new = cut
            self._chains[place] = kept
            self._chains.append(new)
            self._ask(pool, len(self._chains) - 1)

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

    def _store(self) -> None:
        """Store what was read, together with where the chains stand."""
        batch = Batch(records=self._records)
        if self._kind is ObjectType.DEALS:
            batch = complete(self._desk, self._kind, self._records)
        self._at = {**self._at, "chains": [one.written() for one in self._chains]}
        store(self._desk, batch, checkpoint=(self._name, self._at))
        settle_gone(self._desk, self._missed)
        self._records, self._missed = [], []
        self._desk.tell(f"pull {self._kind}", self.count, max(self.count, self._at["total"]))
