"""Parse the answers to association reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.codec.parsing import (
    ODD_ANSWER_ERRORS,
    OddValue,
    Raw,
    next_cursor,
    parse_id,
    success_body,
)
from connector.hubspot.http.error_body import reason, record_ids
from connector.hubspot.http.response import Answer

PRIMARY_TYPES: Final = frozenset({1, 2, 5, 6})
"""HubSpot's association types with a primary company (guide to associating records)."""

NO_ASSOCIATIONS_ERRORS: Final = frozenset(
    {"crm.associations.NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND"}
)
"""Errors that only say: this record has no associations, or is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationsPage:
    """One page of associations.

    `cursors` holds the cursor of the next page of each record that has more associations;
    `unreadable` says why the associations of a record could not be read.
    """

    links: tuple[Association, ...]
    cursors: Mapping[Ref, str]
    unreadable: Mapping[Ref, str]


def parse_associations(
    answer: Answer, asked_refs: Iterable[Ref], to: ObjectType
) -> AssociationsPage:
    """Read one page of associations of the asked records."""
    refs = {ref.id: ref for ref in asked_refs}
    links: list[Association] = []
    cursors: dict[Ref, str] = {}
    with success_body("associations", answer) as body:
        unreadable = _parse_errors(body, refs)
        for raw in body["results"]:
            # A row of a record that was not asked for, or that HubSpot also reports as an error.
            ref = refs.get(str(raw["from"]["id"]))
            if ref is None or ref in unreadable:
                continue
            # An odd row makes only its own record unreadable.
            try:
                record_links = [_parse_association(ref, to, raw_link) for raw_link in raw["to"]]
                after = next_cursor(raw)
            except ODD_ANSWER_ERRORS:
                unreadable[ref] = "its associations are not as documented"
                continue
            links += record_links
            if after is not None:
                cursors[ref] = after
    return AssociationsPage(links=tuple(links), cursors=cursors, unreadable=unreadable)


def _parse_errors(body: Raw, refs: Mapping[str, Ref]) -> dict[Ref, str]:
    """Return the records whose associations HubSpot refuses, with its reason.

    They must not count as records without associations. An error that names none of the asked
    records leaves open whose associations are missing: OddValue for the whole answer.
    """
    unreadable: dict[Ref, str] = {}
    for error in body.get("errors") or ():
        # The record has no associations, which is no failure.
        if {error.get("subCategory"), error.get("category")} & NO_ASSOCIATIONS_ERRORS:
            continue
        # The record has some that HubSpot did not give.
        named_refs = [refs[record_id] for record_id in record_ids(error) if record_id in refs]
        if not named_refs:
            raise OddValue("some associations could not be read")
        unreadable |= dict.fromkeys(named_refs, reason(error))
    return unreadable


def _parse_association(source: Ref, to: ObjectType, raw: Raw) -> Association:
    kinds = raw["associationTypes"]
    return Association(
        source=source,
        target=Ref(to, parse_id(raw["toObjectId"])),
        is_primary=any(
            kind["typeId"] in PRIMARY_TYPES and kind["category"] == "HUBSPOT_DEFINED"
            for kind in kinds
        ),
        labels=frozenset(kind["label"] for kind in kinds if kind.get("label")),
    )
