"""Pull what changed in HubSpot into the mirror, with the associations it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from connector import presets
from connector.core.binding import needed_properties
from connector.core.model import ObjectType, Record
from connector.desk import Desk
from connector.errors import UserError
from connector.hubspot import reader
from connector.listing import read_whole
from connector.rolling import roll, start_round
from connector.storing import complete, store
from connector.windows import Mark, Window, windows
from state import checkpoints, mirror

# Deals first: a contact's new deal is then in the mirror before the contact is looked at.
ORDER = (ObjectType.DEALS, ObjectType.COMPANIES, ObjectType.CONTACTS)
# The `Date` of an answer tells whole seconds, so the portal may be a little ahead of it.
_AHEAD = timedelta(seconds=2)
_WHOLE = "whole"
BATCH = 1000  # the most ids that one association read takes (HubSpot's associations guide)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """How many records were read, and how many of them were news, by object type.

    `whole` names the types that were listed from beginning to end.
    """

    read: Mapping[ObjectType, int]
    changed: Mapping[ObjectType, int]
    whole: frozenset[ObjectType]


def pull(desk: Desk, *, full: bool = False) -> Pulled:
    """Bring the mirror up to date; an empty one, or one that lacks a property, is read whole."""
    properties = needed_properties(desk.policy, desk.portal)
    read: dict[ObjectType, int] = {}
    changed: dict[ObjectType, int] = {}
    whole: set[ObjectType] = set()
    listed = _listed(desk) if full else ()
    for kind in ORDER:
        again = full and kind not in listed
        mark = None if again else _mark(desk, kind, properties[kind])
        if mark is None:
            whole.add(kind)
            read[kind] = changed[kind] = read_whole(desk, kind, properties[kind])
            _keep_listed(desk, (*listed, *whole) if full else None)
        else:
            read[kind], changed[kind] = _read_changes(desk, kind, properties[kind], mark)
    if whole:
        _keep_listed(desk, None)
        start_round(desk)
    else:
        roll(desk)
    return Pulled(read=read, changed=changed, whole=frozenset(whole))


def _listed(desk: Desk) -> tuple[str, ...]:
    """Return the types that a whole reading, which was stopped, has listed already."""
    with desk.store.reading() as session:
        return tuple(checkpoints.get(session, desk.portal_id, _WHOLE) or ())


def _keep_listed(desk: Desk, listed: Iterable[str] | None) -> None:
    with desk.store.begin() as session:
        found = None if listed is None else sorted(listed)
        checkpoints.put(session, desk.portal_id, _WHOLE, found)


def require_mirror(desk: Desk) -> None:
    """Raise UserError where the mirror lacks a type, or a property that the policy rests on."""
    for kind, properties in needed_properties(desk.policy, desk.portal).items():
        if _mark(desk, kind, properties) is None:
            raise UserError(_lacking(desk, kind, properties))


def _lacking(desk: Desk, kind: ObjectType, properties: Sequence[str]) -> str:
    """Return what the mirror lacks for the policy, and the command that brings it."""
    policy = desk.policy.policy
    with desk.store.reading() as session:
        found = checkpoints.get(session, desk.portal_id, f"changes.{kind}")
    if not found:
        return f"The mirror does not hold all {kind}: run `connector pull` first."
    missing = ", ".join(sorted(set(properties) - set(found["properties"])))
    preset = policy.source.removesuffix(".yaml")
    source = preset if preset in presets.names() else policy.source
    return (
        f"The policy {policy.name} asks for what was never pulled of {kind}: {missing}. "
        f"Run `connector pull --policy {source}`: it reads the whole portal once."
    )


def _mark(desk: Desk, kind: ObjectType, properties: Sequence[str]) -> Mark | None:
    """Return how far the reading came, None where the mirror has no sound ground to go on from."""
    with desk.store.begin() as session:
        found = checkpoints.get(session, desk.portal_id, f"changes.{kind}")
    if not found or not set(properties) <= set(found["properties"]):
        return None
    return Mark.told(found)


def _read_changes(
    desk: Desk, kind: ObjectType, properties: Sequence[str], mark: Mark
) -> tuple[int, int]:
    """Read the windows that are to be read by now; the mark moves with the last of its records."""
    until = desk.door.now()
    seen = changed = 0
    for window in windows(mark, until, overlap=desk.overlap):
        following = (f"changes.{kind}", window.mark.written(properties))
        read = _read_window(desk, kind, properties, window, following)
        seen, changed = seen + read[0], changed + read[1]
        desk.tell(f"pull {kind}", seen, None)
    return seen, changed


def _read_window(
    desk: Desk,
    kind: ObjectType,
    properties: Sequence[str],
    window: Window,
    checkpoint: tuple[str, object],
) -> tuple[int, int]:
    """Read one window; return how many records were looked at, and how many were news.

    Nothing of a window counts before its associations are there, so news is stored in
    batches with its associations, and a process that dies reads the window again.
    """
    seen = changed = 0
    until = window.until + _AHEAD
    pages = reader.changes(desk.door, kind, properties, since=window.since, until=until)
    for news, count, is_last in _batches(desk, pages):
        seen, changed = seen + count, changed + len(news)
        batch = complete(desk, kind, news)
        store(desk, batch, checkpoint=checkpoint if is_last else None)
    return seen, changed


def _batches(
    desk: Desk, pages: Iterable[Sequence[Record]]
) -> Iterator[tuple[Sequence[Record], int, bool]]:
    """Yield the news of the pages in batches, how many were looked at, and whether it is all."""
    news: dict[object, Record] = {}
    looked_at = 0
    for page in pages:
        with desk.store.begin() as session:
            fresh = mirror.changed(session, desk.portal_id, page)
        if len(news) + len(fresh) > BATCH:
            yield tuple(news.values()), looked_at, False
            news, looked_at = {}, 0
        news.update({record.ref: record for record in fresh})
        looked_at += len(page)
    yield tuple(news.values()), looked_at, True
