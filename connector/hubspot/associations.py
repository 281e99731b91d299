"""Read the associations of records, which HubSpot pages record by record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.api import AssociationsResult
from connector.hubspot.batches import chunks, object_type_of
from connector.hubspot.codec.associations import AssociationsPage, parse_associations
from connector.hubspot.codec.requests import associations_body
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.requester import Exchange
from connector.hubspot.http.routes import Request, Route, Routes
from connector.hubspot.http.side_by_side import SideBySide
from connector.hubspot.split_failing_reads import isolate_failing_records

_LIMIT: Final = 1000
"""Records in one request (HubSpot's guide to associating records)."""


def read(
    exchange: Exchange,
    routes: Routes,
    side_by_side: SideBySide,
    refs: Sequence[Ref],
    to: ObjectType,
    *,
    rounds: int | None,
) -> AssociationsResult:
    """Return the links of each asked record, and why the links of a record are unreadable.

    A record is in one of the two only. Raise BadAnswer where HubSpot repeats its cursors. With
    `rounds`, a list that is longer than so many pages ends there.
    """
    read_links = partial(_read_links, exchange, routes, to)
    links_by_source: dict[Ref, dict[Ref, Association]] = {ref: {} for ref in refs}
    unreadable: dict[Ref, str] = {}
    cursors: dict[Ref, str | None] = dict.fromkeys(refs)
    # Each round asks only for the records whose list of links goes on.
    round_count = 0
    while cursors and round_count != rounds:
        round_count += 1
        next_cursors: dict[Ref, str | None] = {}
        parts = [{ref: cursors[ref] for ref in part} for part in chunks(list(cursors), _LIMIT)]
        for pages, failing in side_by_side.run([partial(read_links, part) for part in parts]):
            unreadable |= failing
            for page in pages:
                unreadable |= page.unreadable
                next_cursors |= page.cursors
                for link in page.links:
                    links_by_source[link.source][link.target] = link
        # The same cursors again would be asked for without end.
        if next_cursors and next_cursors == cursors:
            raise BadAnswer("HubSpot's pages of associations do not advance: try later")
        # A record that became unreadable is not read further: its links would be incomplete.
        cursors = {ref: after for ref, after in next_cursors.items() if ref not in unreadable}
    return AssociationsResult(
        links={
            ref: tuple(links.values())
            for ref, links in links_by_source.items()
            if ref not in unreadable
        },
        unreadable=unreadable,
    )


def _read_links(
    exchange: Exchange, routes: Routes, to: ObjectType, cursors: Mapping[Ref, str | None]
) -> tuple[list[AssociationsPage], dict[Ref, str]]:
    """Read one page of the links of each record, from its cursor on."""

    def read_part(part: Sequence[Ref], tries: int | None) -> AssociationsPage:
        path = routes.path(Route.ASSOCIATIONS, object_type_of(part), to)
        body = associations_body({ref: cursors.get(ref) for ref in part})
        return exchange.send(
            Request(route=Route.ASSOCIATIONS, path=path, body=body),
            lambda answer: parse_associations(answer, part, to),
            tries=tries,
        )

    return isolate_failing_records(list(cursors), read_part)
