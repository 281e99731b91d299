"""Pull what changed in HubSpot into the mirror, with the associations that decisions need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from connector.config import presets
from connector.context import DecisionContext, RunContext
from connector.core.binding.bind import needed_properties
from connector.core.model import ObjectType, Record
from connector.errors import UserError
from connector.hubspot import search_window
from connector.hubspot.api import Page
from connector.hubspot.http.failures import BadAnswer, IncompleteWindow
from connector.plan.quarantine_unreadable import note_unreadable
from connector.pull.daily_rescan import rescan_due_pages, start_rescan
from connector.pull.full_scan import fill_properties, scan_object_type
from connector.pull.incomplete_windows import (
    forget_incomplete_windows,
    give_up_window,
    types_with_incomplete_windows,
)
from connector.pull.ingest import ingest, read_batch
from connector.pull.read_position import (
    ReadPosition,
    Window,
    load_positions,
    position_checkpoint,
    windows_to_read,
)
from connector.pull.retry_unreadable import retry_set_aside
from state import checkpoints, mirror
from state.unreadable_records import FailedReading

# The `Date` of an answer holds whole seconds, so the portal may be a little ahead of it.
_CLOCK_LEAD = timedelta(seconds=2)
_SCANNED_CHECKPOINT = "whole"
BATCH_SIZE = 1000  # the most ids that one association read takes (HubSpot's associations guide)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullResult:
    """How many records were read, and how many of them had changed, by object type.

    `scanned` names the types that were listed from beginning to end, `filled` the properties
    that were added to the mirrored records of a type.
    """

    read: Mapping[ObjectType, int]
    changed: Mapping[ObjectType, int]
    scanned: frozenset[ObjectType]
    filled: Mapping[ObjectType, tuple[str, ...]] = field(default_factory=dict)


def pull(context: RunContext, *, full: bool = False) -> PullResult:
    """Bring the mirror up to date with HubSpot; return what was read.

    A type that was never read is listed whole, and so are all with `full`. Of a type that lacks
    properties which the policy needs, these alone are listed. Then only what was modified since
    the last poll is read, less the overlap. A process that dies in between repeats the window or
    the page that was under way. Raise TemporaryError where HubSpot stays away: the checkpoint
    does not move.
    """
    properties = needed_properties(context.policy, context.portal)
    read_counts: dict[ObjectType, int] = {}
    changed_counts: dict[ObjectType, int] = {}
    scanned: set[ObjectType] = set()
    filled: dict[ObjectType, tuple[str, ...]] = {}
    incomplete_windows: list[BadAnswer] = []
    already_scanned = _scanned_types(context) if full else ()
    with context.reading() as session:
        positions = load_positions(session, properties)
        with_incomplete_windows = types_with_incomplete_windows(session, properties)
    for kind in properties:
        position = None if full and kind not in already_scanned else positions[kind]
        if names := _fill_missing_properties(context, kind, position, properties[kind]):
            filled[kind] = names
        if position is None:
            scanned.add(kind)
            read_counts[kind] = changed_counts[kind] = scan_object_type(
                context, kind, properties[kind]
            )
            _save_scanned_types(context, (*already_scanned, *scanned) if full else None)
            continue
        try:
            # Other properties than before are asked for from now on, fewer ones perhaps.
            position = replace(position, properties=tuple(properties[kind]))
            read_counts[kind], changed_counts[kind] = _read_changes(
                context, kind, properties[kind], position
            )
            forget_incomplete_windows(context, with_incomplete_windows & {kind})
        except BadAnswer as error:
            # The other types are read all the same; this one keeps its checkpoint for a while.
            if not give_up_window(context, kind, properties[kind], position, error):
                incomplete_windows.append(error)
    _read_what_searches_hide(context, has_scanned=bool(scanned))
    if incomplete_windows:
        raise incomplete_windows[0]
    return PullResult(
        read=read_counts, changed=changed_counts, scanned=frozenset(scanned), filled=filled
    )


def _read_what_searches_hide(context: RunContext, *, has_scanned: bool) -> None:
    """Read the pages of the daily rescan that are due, and try again what was set aside."""
    if has_scanned:
        _save_scanned_types(context, None)
        start_rescan(context)
    else:
        rescan_due_pages(context)
    retry_set_aside(context)


def _fill_missing_properties(
    context: RunContext,
    kind: ObjectType,
    position: ReadPosition | None,
    properties: Sequence[str],
) -> tuple[str, ...]:
    """Add to the mirrored records what the policy needs and they lack; return its names."""
    missing = position.missing(properties) if position else ()
    if missing:
        fill_properties(context, kind, missing)
    return missing


def _scanned_types(context: RunContext) -> tuple[str, ...]:
    """Return the types that `pull --full` had listed when it was interrupted."""
    with context.reading() as session:
        return tuple(checkpoints.get(session, _SCANNED_CHECKPOINT) or ())


def _save_scanned_types(context: RunContext, types: Iterable[str] | None) -> None:
    with context.begin() as session:
        names = None if types is None else sorted(types)
        checkpoints.put(session, _SCANNED_CHECKPOINT, names)


def require_mirror(context: DecisionContext) -> None:
    """Raise UserError where the mirror lacks a type, or a property that the policy needs."""
    properties = needed_properties(context.policy, context.portal)
    with context.reading() as session:
        positions = load_positions(session, properties)
    for kind, names in properties.items():
        position = positions[kind]
        if position is None:
            raise UserError(f"The mirror does not hold all {kind}: run `connector pull` first.")
        if missing := position.missing(names):
            raise UserError(_missing_message(context, kind, missing))


def _missing_message(context: DecisionContext, kind: ObjectType, missing: Sequence[str]) -> str:
    """Return which properties the mirror lacks for the policy, and the command to type."""
    policy = context.policy.policy
    preset = policy.source.removesuffix(".yaml")
    source = preset if preset in presets.names() else policy.source
    return (
        f"The policy {policy.name} asks for what was never pulled of {kind}: {', '.join(missing)}. "
        f"Run `connector pull --policy {source}`: it reads these alone, once."
    )


def _read_changes(
    context: RunContext, kind: ObjectType, properties: Sequence[str], position: ReadPosition
) -> tuple[int, int]:
    """Read the windows that are due; each checkpoint moves with the last records of its window."""
    until = context.api.now()
    read_count = changed_count = 0
    for window in windows_to_read(position, until, overlap=context.overlap):
        checkpoint = (position_checkpoint(kind), window.position.to_checkpoint())
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
    """Read one window; return how many records were read, and how many had changed.

    Changed records are stored in batches together with their associations, and the
    checkpoint with the last batch, so that a process that dies reads the window again.
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
    context: RunContext, pages: Iterable[Page]
) -> Iterator[tuple[Sequence[Record], int, bool]]:
    """Yield changed records in batches, how many were read for them, and whether it is the last."""
    batch: dict[object, Record] = {}
    read_count = 0
    try:
        for page in pages:
            note_unreadable(context, page.unreadable, FailedReading.PAGE)
            with context.reading() as session:
                changed = mirror.select_changed(session, page.records)
            if len(batch) + len(changed) > BATCH_SIZE:
                yield tuple(batch.values()), read_count, False
                batch, read_count = {}, 0
            batch.update({record.ref: record for record in changed})
            read_count += len(page.refs)
    except IncompleteWindow:
        # What was shown is stored; the checkpoint stays, so that the window is read again.
        yield tuple(batch.values()), read_count, False
        raise
    yield tuple(batch.values()), read_count, True
