"""Prove that the mirror is complete: counts by window, ids by sample; repair what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.core.binding import needed_properties
from connector.core.model import ObjectType, Record, Ref
from connector.desk import Desk
from connector.gone import settle_gone
from connector.hubspot import reader
from connector.hubspot.door import SEARCH_LIMIT
from connector.pull import ORDER, pull
from connector.storing import complete, store
from state import checkpoints, mirror, mirror_parts

SAMPLE: Final = 100
"""Ids that are read one by one: of a mirror with 5% wrong, it shows one in 99 of 100 cases."""
FRESH: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was compared of one type, and what had to be repaired.

    `portal` and `mirrored` are counts before the repair; `missing` records were added, `gone`
    ones taken out, `differing` ones brought up to date. `agrees` says whether the counts do now.
    """

    kind: ObjectType
    portal: int
    mirrored: int
    missing: int = 0
    gone: int = 0
    differing: int = 0
    sampled: int = 0
    agrees: bool = False

    @property
    def repaired(self) -> int:
        """Return how many records were not as in HubSpot."""
        return self.missing + self.gone + self.differing


def verify_mirror(desk: Desk, *, sample: int = SAMPLE) -> tuple[Proof, ...]:
    """Pull, then compare each type with HubSpot, and repair what is missing or wrong.

    A search shows the newest records late, so only what is older than the overlap is compared.
    """
    pull(desk)
    return tuple(_prove(desk, kind, sample) for kind in ORDER)


def is_proven(desk: Desk) -> bool:
    """Whether every type was proven, or listed whole, within a day."""
    with desk.store.reading() as session:
        found = [checkpoints.get(session, desk.portal_id, f"proven.{kind}") for kind in ORDER]
    now = desk.door.now()
    return all(one and now - datetime.fromisoformat(one) <= FRESH for one in found)


def _prove(desk: Desk, kind: ObjectType, sample: int) -> Proof:
    until = desk.door.now() - desk.overlap
    comparison = _Comparison(desk, kind)
    proof = Proof(
        kind=kind,
        portal=comparison.in_portal(_EPOCH, until),
        mirrored=comparison.mirrored(_EPOCH, until),
    )
    comparison.narrow(_EPOCH, until, proof.portal)
    comparison.repair()
    wrong, sampled = _compare_sample(desk, kind, sample)
    agrees = comparison.in_portal(_EPOCH, until) == comparison.mirrored(_EPOCH, until)
    if agrees:
        with desk.store.begin() as session:
            at = desk.door.now().isoformat()
            checkpoints.put(session, desk.portal_id, f"proven.{kind}", at)
    return replace(
        proof,
        missing=comparison.missing,
        gone=comparison.gone,
        differing=comparison.differing + wrong,
        sampled=sampled,
        agrees=agrees,
    )


class _Comparison:
    """One type, compared window by window; the windows that differ are cut in two."""

    def __init__(self, desk: Desk, kind: ObjectType) -> None:
        self._desk, self._kind = desk, kind
        self._windows: list[tuple[datetime, datetime]] = []
        self.missing = self.gone = self.differing = 0

    def in_portal(self, since: datetime, until: datetime) -> int:
        """Count by a search: one request."""
        return self._desk.door.changed(self._kind, (), since=since, until=until).total or 0

    def mirrored(self, since: datetime, until: datetime) -> int:
        """Count in the mirror."""
        with self._desk.store.reading() as session:
            return mirror_parts.count_within(
                session, self._desk.portal_id, self._kind, since=since, until=until
            )

    def narrow(self, since: datetime, until: datetime, found: int) -> None:
        """Find the smallest windows worth reading in which the counts differ."""
        stored = self.mirrored(since, until)
        if found == stored:
            return
        if max(found, stored) <= SEARCH_LIMIT or until - since <= _MILLISECOND:
            self._windows.append((since, until))
            return
        middle = self._middle(since, until)
        left = self.in_portal(since, middle)
        self.narrow(since, middle, left)
        self.narrow(middle + _MILLISECOND, until, found - left)

    def repair(self) -> None:
        """Read the windows that differ, and let the mirror follow."""
        for since, until in self._windows:
            with self._desk.store.reading() as session:
                stored = mirror_parts.modified_within(
                    session, self._desk.portal_id, self._kind, since=since, until=until
                )
            absent = sorted(stored - self._read(since, until))
            self.gone += len(absent) - len(settle_gone(self._desk, absent).found)

    def _read(self, since: datetime, until: datetime) -> set[Ref]:
        """Read a window into the mirror; return whom it shows."""
        desk, kind = self._desk, self._kind
        properties = needed_properties(desk.policy, desk.portal)[kind]
        shown: set[Ref] = set()
        for page in reader.changes(desk.door, kind, properties, since=since, until=until):
            refs = {one.ref for one in page}
            with desk.store.reading() as session:
                unknown = refs - mirror.known(session, desk.portal_id, refs)
                news = mirror.changed(session, desk.portal_id, page)
            self.missing += len(unknown)
            self.differing += len(news) - len(unknown)
            store(desk, complete(desk, kind, news))
            shown |= refs
        return shown

    def _middle(self, since: datetime, until: datetime) -> datetime:
        """Return where to cut: at the median of what the mirror has, or half-way."""
        with self._desk.store.reading() as session:
            median = mirror_parts.median_within(
                session, self._desk.portal_id, self._kind, since=since, until=until
            )
        half = since + (until - since) / 2
        middle = half if median is None or not since <= median < until else median
        return middle.replace(microsecond=middle.microsecond // 1000 * 1000)


def _compare_sample(desk: Desk, kind: ObjectType, size: int) -> tuple[int, int]:
    """Read some records by their ids; return how many were not as mirrored, and how many asked."""
    with desk.store.reading() as session:
        refs = mirror_parts.sample(session, desk.portal_id, kind, size=size)
    if not refs:
        return 0, 0
    properties = needed_properties(desk.policy, desk.portal)[kind]
    read = desk.door.read(refs, properties)
    there = [one for ref, one in read.items() if one.ref == ref]
    news = _news(desk, there)
    store(desk, complete(desk, kind, news))
    wrong = [ref for ref in refs if ref not in {one.ref for one in there}]
    settle_gone(desk, wrong)
    return len(news) + len(wrong), len(refs)


def _news(desk: Desk, records: Sequence[Record]) -> list[Record]:
    with desk.store.reading() as session:
        stored: dict[Ref, Record] = mirror.get(session, desk.portal_id, [r.ref for r in records])
    return [one for one in records if dict(stored[one.ref].properties) != dict(one.properties)]
