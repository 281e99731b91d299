"""Associations, page by page and record by record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.codec.parsing import Raw, next_cursor, success_body
from connector.hubspot.http.response import Answer

PRIMARY_TYPES: Final = frozenset({1, 2, 5, 6})
"""HubSpot's association types with a primary company (guide to associating records)."""

NO_ASSOCIATIONS_ERRORS: Final = frozenset(
    {"crm.associations.NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND"}
)
"""Errors that only say: this record has no associations, or is not there."""


def parse_associations(
    answer: Answer, asked_refs: Iterable[Ref], to: ObjectType
) -> tuple[list[Association], dict[Ref, str]]:
    """Read associations of the asked records, and where each list of several pages goes on."""
    refs = {ref.id: ref for ref in asked_refs}
    links: list[Association] = []
    cursors: dict[Ref, str] = {}
    with success_body("associations", answer) as body:
        _check_errors(body)
        for raw in body["results"]:
            ref = refs.get(str(raw["from"]["id"]))
            after = next_cursor(raw)
            if ref:
                links += [_parse_association(ref, to, raw_link) for raw_link in raw["to"]]
            if ref and after is not None:
                cursors[ref] = after
    return links, cursors


def _check_errors(body: Raw) -> None:
    """Raise where records could not be read: theirs must not count as no associations."""
    for error in body.get("errors") or ():
        if not {error.get("subCategory"), error.get("category")} & NO_ASSOCIATIONS_ERRORS:
            raise ValueError("some associations could not be read")


def _parse_association(source: Ref, to: ObjectType, raw: Raw) -> Association:
    kinds = raw["associationTypes"]
    return Association(
        source=source,
        target=Ref(to, str(raw["toObjectId"])),
        is_primary=any(
            kind["typeId"] in PRIMARY_TYPES and kind["category"] == "HUBSPOT_DEFINED"
            for kind in kinds
        ),
        labels=frozenset(kind["label"] for kind in kinds if kind.get("label")),
    )
