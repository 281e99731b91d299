"""Remove the records of trials, and nothing else: each is read and known by its mark first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connector.core.model import ObjectType, Ref
from connector.errors import ConnectorError
from connector.hubspot.client import READ_LIMIT, UPDATE_LIMIT, HubSpotClient
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.routes import Route
from connector.operations.trial.trial_records import NAME_PROPERTY, is_of_trial

_NAMES = {
    kind: (name, "domain") if kind is ObjectType.COMPANIES else (name,)
    for kind, name in NAME_PROPERTY.items()
}


@dataclass(slots=True, kw_only=True)
class Cleaning:
    """What became of the records of trials.

    `removed` counts those that are certainly gone. `left` are those that are there, or that could
    not be read. `linked` are companies that are linked to records of the trial, and are not known
    to be its own. `problems` say in sentences why something may be left.
    """

    removed: int = 0
    left: set[Ref] = field(default_factory=set)
    linked: set[Ref] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Return whether no record of a trial is left."""
        return not self.left and not self.problems


def archive_created(client: HubSpotClient, created: Iterable[Ref]) -> Cleaning:
    """Archive the records that a trial made, and the companies that HubSpot made for them.

    HubSpot may create the company of a contact's e-mail domain. What is not certainly gone
    afterwards is left: `remove_all` finds it. A failure at one type stops no other.
    """
    cleaning = Cleaning()
    refs = set(created)
    # HubSpot creates a company without being asked, so its id is in no answer to the trial.
    contacts = sorted(ref for ref in refs if ref.object_type is ObjectType.CONTACTS)
    linked = _linked_companies(client, contacts, cleaning) - refs
    for kind in NAME_PROPERTY:
        asked = sorted(ref for ref in refs | linked if ref.object_type is kind)
        try:
            rows = client.read_available(asked, _NAMES[kind]) if asked else None
        except ConnectorError as error:
            cleaning.problems.append(f"The {kind} of the trial could not be read: {error}.")
            cleaning.left |= set(asked)
            continue
        # A record without the mark is somebody else's by now, and stays.
        if rows is not None:
            marked = {row.ref for row in rows.records.values() if is_of_trial(kind, row.properties)}
            unmarked = {row.ref for row in rows.records.values()} - marked
            cleaning.left |= (unmarked | set(rows.unreadable)) - linked
            cleaning.linked |= (unmarked | set(rows.unreadable)) & linked
            _remove(client, sorted(marked), cleaning)
    return cleaning


def remove_all(client: HubSpotClient) -> Cleaning:
    """List the whole portal, and archive every record of any trial.

    A list shows a record at once, which a search does not: so a record is found also where its
    creator was killed before the answer came. One request for each hundred records of the portal.
    """
    cleaning = Cleaning()
    for kind in NAME_PROPERTY:
        try:
            marked = _list_marked(client, kind, cleaning)
        except ConnectorError as error:
            cleaning.problems.append(f"The {kind} could not be listed: {error}.")
        else:
            _remove(client, marked, cleaning)
    return cleaning


def listing_requests(client: HubSpotClient) -> int:
    """Return how many requests `remove_all` takes to list the portal; three requests."""
    totals = [client.search_last(kind).total or 0 for kind in NAME_PROPERTY]
    return sum(total // READ_LIMIT + 1 for total in totals)


def _linked_companies(
    client: HubSpotClient, contacts: Sequence[Ref], cleaning: Cleaning
) -> set[Ref]:
    """Read which companies the contacts are linked to, before the contacts are archived."""
    if not contacts:
        return set()
    try:
        links = client.associations(contacts, ObjectType.COMPANIES).links
    except ConnectorError as error:
        cleaning.problems.append(f"The companies of the contacts could not be read: {error}.")
        return set()
    return {link.target for targets in links.values() for link in targets}


def _list_marked(client: HubSpotClient, kind: ObjectType, cleaning: Cleaning) -> list[Ref]:
    marked: list[Ref] = []
    cursors: set[str] = set()
    after: str | None = None
    while True:
        page = client.list_page(kind, _NAMES[kind], after=after)
        marked += [record.ref for record in page.records if is_of_trial(kind, record.properties)]
        # Whose a record is that cannot be read, nobody knows.
        cleaning.left |= set(page.unreadable)
        after = page.after
        if after is None:
            return marked
        # The same cursor again would be asked for without end.
        if after in cursors:
            raise BadAnswer("HubSpot's pages of the list do not advance: try later")
        cursors.add(after)


def _remove(client: HubSpotClient, refs: Sequence[Ref], cleaning: Cleaning) -> None:
    """Archive records of one type, and read which of them are there afterwards."""
    for start in range(0, len(refs), UPDATE_LIMIT):
        part = refs[start : start + UPDATE_LIMIT]
        kind = part[0].object_type
        try:
            answer = client.ask(
                Route.ARCHIVE, kind, body={"inputs": [{"id": ref.id} for ref in part]}
            )
            if answer.status >= 300:
                cleaning.problems.append(
                    f"HubSpot refused to archive {len(part)} {kind} ({answer.status})."
                )
        except ConnectorError as error:
            cleaning.problems.append(f"{len(part)} {kind} could not be archived: {error}.")
    left = _still_there(client, refs, cleaning)
    cleaning.left |= left
    cleaning.removed += len(refs) - len(left)


def _still_there(client: HubSpotClient, refs: Sequence[Ref], cleaning: Cleaning) -> set[Ref]:
    left = set(refs)
    # The first reading may still show what was there before.
    for _ in range(2):
        if not left:
            break
        try:
            rows = client.read_available(sorted(left), ())
        except ConnectorError as error:
            cleaning.problems.append(f"What was archived could not be read back: {error}.")
            break
        left = {row.ref for row in rows.records.values()} | set(rows.unreadable)
    return left
