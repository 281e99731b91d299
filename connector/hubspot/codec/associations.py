"""Associations, page by page and record by record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from connector.core.model import Association, ObjectType, Ref
from connector.hubspot.answer import Answer
from connector.hubspot.codec.parsing import Raw, expecting, following

PRIMARY_TYPES: Final = frozenset({1, 2, 5, 6})
"""HubSpot's association types with a primary company (guide to associating records)."""

NOTHING_THERE: Final = frozenset({"crm.associations.NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND"})
"""Errors that only say: this record has no associations, or is not there."""


def associations(
    answer: Answer, asked: Iterable[Ref], to: ObjectType
) -> tuple[list[Association], dict[Ref, str]]:
    """Read associations of the asked records, and where each list of several pages goes on."""
    refs = {ref.id: ref for ref in asked}
    links: list[Association] = []
    rest: dict[Ref, str] = {}
    with expecting("associations", answer) as body:
        _check_errors(body)
        for raw in body["results"]:
            ref = refs.get(str(raw["from"]["id"]))
            after = following(raw)
            if ref:
                links += [_association(ref, to, one) for one in raw["to"]]
            if ref and after is not None:
                rest[ref] = after
    return links, rest


def _check_errors(body: Raw) -> None:
    """Raise where records could not be read: theirs must not count as no associations."""
    for error in body.get("errors") or ():
        if not {error.get("subCategory"), error.get("category")} & NOTHING_THERE:
            raise ValueError("some associations could not be read")


def _association(source: Ref, to: ObjectType, raw: Raw) -> Association:
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
