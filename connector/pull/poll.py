"""Pull what changed in HubSpot into the mirror, with the associations it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector.config import presets
from connector.context import DecisionContext, RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import ObjectType, Record
from connector.errors import UserError
from connector.hubspot import search_window
from connector.pull.daily_rescan import rescan_due_pages, start_rescan
from connector.pull.full_scan import scan_object_type
from connector.pull.ingest import ingest, read_batch
from connector.pull.windows import ReadPosition, Window, windows_to_read
from state import checkpoints, mirror

# Deals first: a contact's new deal is then in the mirror before the contact is looked at.
ORDER = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)
# The `Date` of an answer tells whole seconds, so the portal may be a little ahead of it.
_CLOCK_LEAD = timedelta(seconds=2)
_SCANNED_CHECKPOINT = "whole"
BATCH_SIZE = 1000  # the most ids that one association read takes (HubSpot's associations guide)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """How many records were read, and how many of them were news, by object type.

    `whole` names the types that were listed from beginning to end.
    """

    read: Mapping[ObjectType, int]
    changed: Mapping[ObjectType, int]
    scanned: frozenset[ObjectType]


def pull(context: RunContext, *, full: bool = False) -> PullResult:
    """Bring the mirror up to date; an empty one, or one that lacks a property, is read whole."""
    properties = needed_properties(context.policy, context.portal)
    read_counts: dict[ObjectType, int] = {}
    changed_counts: dict[ObjectType, int] = {}
    scanned: set[ObjectType] = set()
    already_scanned = _scanned_types(context) if full else ()
    for kind in ORDER:
        scan_again = full and kind not in already_scanned
        position = None if scan_again else _read_position(context, kind, properties[kind])
        if position is None:
            scanned.add(kind)
            read_counts[kind] = changed_counts[kind] = scan_object_type(
                context, kind, properties[kind]
            )
            _save_scanned_types(context, (*already_scanned, *scanned) if full else None)
        else:
            read_counts[kind], changed_counts[kind] = _read_changes(
                context, kind, properties[kind], position
            )
    if scanned:
        _save_scanned_types(context, None)
        start_rescan(context)
    else:
        rescan_due_pages(context)
    return PullResult(read=read_counts, changed=changed_counts, scanned=frozenset(scanned))


def _scanned_types(context: RunContext) -> tuple[str, ...]:
    """Return the types that a whole reading, which was stopped, has listed already."""
    with context.reading() as session:
        return tuple(checkpoints.get(session, _SCANNED_CHECKPOINT) or ())


def _save_scanned_types(context: RunContext, types: Iterable[str] | None) -> None:
    with context.begin() as session:
        names = None if types is None else sorted(types)
        checkpoints.put(session, _SCANNED_CHECKPOINT, names)


def require_mirror(context: DecisionContext) -> None:
    """Raise UserError where the mirror lacks a type, or a property that the policy rests on."""
    for kind, properties in needed_properties(context.policy, context.portal).items():
        if _read_position(context, kind, properties) is None:
            raise UserError(_missing_message(context, kind, properties))


def _missing_message(context: DecisionContext, kind: ObjectType, properties: Sequence[str]) -> str:
    """Return what the mirror lacks for the policy, and the command that brings it."""
    policy = context.policy.policy
    with context.reading() as session:
        stored = checkpoints.get(session, f"changes.{kind}")
    if not stored:
        return f"The mirror does not hold all {kind}: run `connector pull` first."
    missing = ", ".join(sorted(set(properties) - set(stored["properties"])))
    preset = policy.source.removesuffix(".yaml")
    source = preset if preset in presets.names() else policy.source
    return (
        f"The policy {policy.name} asks for what was never pulled of {kind}: {missing}. "
        f"Run `connector pull --policy {source}`: it reads the whole portal once."
    )


def _read_position(
    context: DecisionContext, kind: ObjectType, properties: Sequence[str]
) -> ReadPosition | None:
    """Return how far the reading came, None where the mirror has no sound ground to go on from."""
    with context.begin() as session:
        stored = checkpoints.get(session, f"changes.{kind}")
    if not stored or not set(properties) <= set(stored["properties"]):
        return None
    return ReadPosition.from_checkpoint(stored)


def _read_changes(
    context: RunContext, kind: ObjectType, properties: Sequence[str], position: ReadPosition
) -> tuple[int, int]:
    """Read the windows that are to be read by now; the mark moves with the last of its records."""
    until = context.api.now()
    read_count = changed_count = 0
    for window in windows_to_read(position, until, overlap=context.overlap):
        checkpoint = (f"changes.{kind}", window.position.to_checkpoint(properties))
        counts = _read_window(context, kind, properties, window, checkpoint)
        read_count, changed_count = read_count + counts[0], changed_count + counts[1]
        context.progress(f"pull {kind}", read_count, None)
    return read_count, changed_count


def _read_window(
    context: RunContext,
    kind: ObjectType,
    properties: Sequence[str],
    window: Window,
    checkpoint: tuple[str, object],
) -> tuple[int, int]:
    """Read one window; return how many records were looked at, and how many were news.

    Nothing of a window counts before its associations are there, so news is stored in
    batches with its associations, and a process that dies reads the window again.
    """
    read_count = changed_count = 0
    until = window.until + _CLOCK_LEAD
    pages = search_window.read_changes(
        context.api, kind, properties, since=window.since, until=until
    )
    for records, count, is_last in _changed_batches(context, pages):
        read_count, changed_count = read_count + count, changed_count + len(records)
        batch = read_batch(context, kind, records)
        ingest(context, batch, checkpoint=checkpoint if is_last else None)
    return read_count, changed_count


def _changed_batches(
    context: RunContext, pages: Iterable[Sequence[Record]]
) -> Iterator[tuple[Sequence[Record], int, bool]]:
    """Yield the news of the pages in batches, how many were looked at, and whether it is all."""
    batch: dict[object, Record] = {}
    read_count = 0
    for page in pages:
        with context.begin() as session:
            changed = mirror.select_changed(session, page)
        if len(batch) + len(changed) > BATCH_SIZE:
            yield tuple(batch.values()), read_count, False
            batch, read_count = {}, 0
        batch.update({record.ref: record for record in changed})
        read_count += len(page)
    yield tuple(batch.values()), read_count, True
