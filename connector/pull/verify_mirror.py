"""Prove that the mirror is complete: counts by window, ids by sample; repair what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from connector.context import RunContext
from connector.core.binding.bind import needed_properties, types_to_read
from connector.core.model import ObjectType, Record, Ref
from connector.hubspot import search_window
from connector.hubspot.api import SEARCH_LIMIT
from connector.plan.quarantine_unreadable import note_unreadable, read_by_id
from connector.pull.ingest import ingest, read_batch
from connector.pull.missing_records import resolve_missing
from connector.pull.poll import pull
from state import checkpoints, mirror, mirror_queries
from state.unreadable_records import FailedReading

SAMPLE_SIZE: Final = 100
"""Records read by id: where 5% are wrong, a sample of 100 shows one in 99 of 100 cases."""
PROOF_VALIDITY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was compared of one type, and what had to be repaired.

    `portal` and `mirrored` are counts before the repair; `missing` records were added,
    `removed` ones taken out, `differing` ones updated. `agrees` compares the counts afterwards.
    """

    kind: ObjectType
    portal: int
    mirrored: int
    missing: int = 0
    removed: int = 0
    differing: int = 0
    sampled: int = 0
    agrees: bool = False

    @property
    def repaired(self) -> int:
        """Return how many records were not as in HubSpot."""
        return self.missing + self.removed + self.differing


def verify_mirror(context: RunContext, *, sample_size: int = SAMPLE_SIZE) -> tuple[Proof, ...]:
    """Pull, then compare each type with HubSpot, and repair what is missing or wrong.

    A search shows the newest records late, so only what is older than the overlap is compared.
    """
    pull(context)
    return tuple(_verify_type(context, kind, sample_size) for kind in types_to_read(context.policy))


def is_proven(context: RunContext) -> bool:
    """Return whether every type was proven, or listed whole, within a day."""
    with context.reading() as session:
        proof_times = [
            checkpoints.get(session, f"proven.{kind}") for kind in types_to_read(context.policy)
        ]
    now = context.api.now()
    return all(
        proof_time and now - datetime.fromisoformat(proof_time) <= PROOF_VALIDITY
        for proof_time in proof_times
    )


def _verify_type(context: RunContext, kind: ObjectType, sample_size: int) -> Proof:
    until = context.api.now() - context.overlap
    comparison = _Comparison(context, kind)
    proof = Proof(
        kind=kind,
        portal=comparison.count_in_portal(_EPOCH, until),
        mirrored=comparison.count_in_mirror(_EPOCH, until),
    )
    comparison.narrow(_EPOCH, until, proof.portal)
    comparison.repair()
    differing, sampled = _compare_sample(context, kind, sample_size)
    agrees = comparison.count_in_portal(_EPOCH, until) == comparison.count_in_mirror(_EPOCH, until)
    if agrees:
        with context.begin() as session:
            at = context.api.now().isoformat()
            checkpoints.put(session, f"proven.{kind}", at)
    return replace(
        proof,
        missing=comparison.missing,
        removed=comparison.removed,
        differing=comparison.differing + differing,
        sampled=sampled,
        agrees=agrees,
    )


class _Comparison:
    """One type, compared window by window; the windows that differ are cut in two."""

    def __init__(self, context: RunContext, kind: ObjectType) -> None:
        self._context, self._kind = context, kind
        self._windows: list[tuple[datetime, datetime]] = []
        self.missing = self.removed = self.differing = 0

    def count_in_portal(self, since: datetime, until: datetime) -> int:
        """Count by a search: one request."""
        return self._context.api.search_changed(self._kind, (), since=since, until=until).total or 0

    def count_in_mirror(self, since: datetime, until: datetime) -> int:
        """Count in the mirror."""
        with self._context.reading() as session:
            return mirror_queries.count_modified(session, self._kind, since=since, until=until)

    def narrow(self, since: datetime, until: datetime, portal_count: int) -> None:
        """Find the windows in which the counts differ, cut until one search can read them."""
        mirror_count = self.count_in_mirror(since, until)
        if portal_count == mirror_count:
            return
        if max(portal_count, mirror_count) <= SEARCH_LIMIT or until - since <= _MILLISECOND:
            self._windows.append((since, until))
            return
        middle = self._split_point(since, until)
        first_half_count = self.count_in_portal(since, middle)
        self.narrow(since, middle, first_half_count)
        self.narrow(middle + _MILLISECOND, until, portal_count - first_half_count)

    def repair(self) -> None:
        """Read the windows that differ, and update the mirror."""
        for since, until in self._windows:
            with self._context.reading() as session:
                mirrored = mirror_queries.read_modified(
                    session, self._kind, since=since, until=until
                )
            absent = sorted(mirrored - self._read_window(since, until))
            self.removed += len(absent) - len(resolve_missing(self._context, absent).found_again)

    def _read_window(self, since: datetime, until: datetime) -> set[Ref]:
        """Read a window into the mirror; return the records that it shows."""
        context, kind = self._context, self._kind
        properties = needed_properties(context.policy, context.portal)[kind]
        shown: set[Ref] = set()
        for page in search_window.read_changes(
            context.api, kind, properties, since=since, until=until
        ):
            refs = set(page.refs)
            note_unreadable(context, page.unreadable, FailedReading.PAGE)
            with context.reading() as session:
                unknown = refs - mirror.known_refs(session, refs)
                changed = mirror.select_changed(session, page.records)
            self.missing += len(unknown)
            self.differing += len(changed) - len(unknown)
            ingest(context, read_batch(context, kind, changed))
            shown |= refs
        return shown

    def _split_point(self, since: datetime, until: datetime) -> datetime:
        """Return where to cut: at the median of the mirrored records, or half-way."""
        with self._context.reading() as session:
            median = mirror_queries.median_modified_at(
                session, self._kind, since=since, until=until
            )
        halfway = since + (until - since) / 2
        middle = halfway if median is None or not since <= median < until else median
        return middle.replace(microsecond=middle.microsecond // 1000 * 1000)


def _compare_sample(context: RunContext, kind: ObjectType, size: int) -> tuple[int, int]:
    """Read a sample by ids; return how many differ from the mirror, and how many were read."""
    with context.reading() as session:
        refs = mirror_queries.sample(session, kind, size=size)
    if not refs:
        return 0, 0
    properties = needed_properties(context.policy, context.portal)[kind]
    reading = read_by_id(context, refs, properties)
    records = reading.records
    present = [record for ref, record in records.items() if record.ref == ref]
    changed = _changed_records(context, present)
    ingest(context, read_batch(context, kind, changed))
    missing = sorted(set(refs) - {record.ref for record in present} - reading.set_aside)
    resolve_missing(context, missing)
    return len(changed) + len(missing), len(refs)


def _changed_records(context: RunContext, records: Sequence[Record]) -> list[Record]:
    with context.reading() as session:
        mirrored: dict[Ref, Record] = mirror.get(session, [record.ref for record in records])
    return [
        record
        for record in records
        if dict(mirrored[record.ref].properties) != dict(record.properties)
    ]
