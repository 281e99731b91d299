"""Remove the records of trials, and nothing else: each is read and known by its mark first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from connector.core.model import ObjectType, Ref
from connector.hubspot.client import UPDATE_LIMIT, HubSpotClient
from connector.hubspot.http.routes import Route
from connector.operations.trial.trial_records import NAME_PROPERTY, is_of_trial

_NAMES = {
    kind: (name, "domain") if kind is ObjectType.COMPANIES else (name,)
    for kind, name in NAME_PROPERTY.items()
}


def archive_created(client: HubSpotClient, created: Iterable[Ref]) -> tuple[Ref, ...]:
    """Archive the records that a trial made; return those that are left.

    What cannot be read now is left as well: `remove_all` finds it.
    """
    left: list[Ref] = []
    by_type = groupby(sorted(set(created)), key=lambda ref: ref.object_type)
    for kind, refs in by_type:
        rows = client.read(list(refs), _NAMES[kind])
        marked = {row.ref for row in rows.values() if is_of_trial(kind, row.properties)}
        _archive(client, sorted(marked))
        left += client.read(sorted(marked), ()) if marked else ()
    return tuple(left)


def remove_all(client: HubSpotClient) -> int:
    """List the whole portal, archive every record of any trial, and return how many there were.

    A list shows a record at once, which a search does not: so a record is found also where its
    creator was killed before the answer came. One request for each hundred records of the portal.
    """
    count = 0
    for kind in NAME_PROPERTY:
        marked: list[Ref] = []
        after: str | None = ""
        while after is not None:
            page = client.list_page(kind, _NAMES[kind], after=after or None)
            marked += [
                record.ref for record in page.records if is_of_trial(kind, record.properties)
            ]
            after = page.after
        _archive(client, marked)
        count += len(marked)
    return count


def _archive(client: HubSpotClient, refs: Sequence[Ref]) -> None:
    for start in range(0, len(refs), UPDATE_LIMIT):
        inputs = [{"id": ref.id} for ref in refs[start : start + UPDATE_LIMIT]]
        client.ask(Route.ARCHIVE, refs[start].object_type, body={"inputs": inputs})
