"""Records, out of lists, searches, reads and updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.core.model import ObjectType, Record, Ref, Version
from connector.hubspot.answer import Answer
from connector.hubspot.codec.complaint import ids, reason
from connector.hubspot.codec.parsing import Raw, expecting, following, moment
from connector.hubspot.door import Page, Refusal, UpdateAnswer

MODIFIED: Final[Mapping[ObjectType, str]] = {
    ObjectType.CONTACTS: "lastmodifieddate",
    ObjectType.COMPANIES: "hs_lastmodifieddate",
    ObjectType.DEALS: "hs_lastmodifieddate",
}
"""The property that a change moves; a search by the wrong one finds nothing and says nothing."""

MERGED: Final = "hs_merged_object_ids"
"""Of a survivor: the ids that were merged into it, separated by semicolons."""


def page(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Read one answer of a list."""
    with expecting("list", answer) as body:
        return Page(records=_records(body, object_type, names), after=following(body))


def found(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Read one answer of a search; its `after` is an offset, and never used."""
    with expecting("search", answer) as body:
        return Page(records=_records(body, object_type, names), total=int(body["total"]))


def read(
    answer: Answer, asked: Sequence[Ref], names: Sequence[str], history: Sequence[str]
) -> dict[Ref, Record]:
    """Read one answer of a batch read, by asked ref; a merged id finds its survivor."""
    records: dict[Ref, Record] = {}
    survivors: dict[Ref, Record] = {}
    with expecting("batch read", answer) as body:
        for raw in body["results"]:
            record = _record(raw, asked[0].object_type, names, history)
            records[record.ref] = record
            for old in record.merged_ids:
                survivors[Ref(record.ref.object_type, old)] = record
    return {ref: one for ref in asked if (one := records.get(ref) or survivors.get(ref))}


def one(answer: Answer, object_type: ObjectType) -> Ref:
    """Read which record answered; a merged id answers with its survivor."""
    with expecting("read", answer) as body:
        return Ref(object_type, str(body["id"]))


def updated(answer: Answer, asked: Iterable[Ref]) -> UpdateAnswer:
    """Read what became of each record of a batch update: look at the body, not at the code."""
    refs = {ref.id: ref for ref in asked}
    with expecting("batch update", answer) as body:
        refused = _refused(body, refs, answer.correlation_id())
        shown = {
            ref: _record(raw, ref.object_type, raw["properties"])
            for raw in body["results"]
            if (ref := refs.get(str(raw["id"]))) and ref not in refused
        }
    return UpdateAnswer(
        updated=shown,
        refused=refused,
        unnamed=frozenset(refs.values()) - shown.keys() - refused.keys(),
        correlation_id=answer.correlation_id(),
    )


def _records(body: Raw, object_type: ObjectType, names: Sequence[str]) -> tuple[Record, ...]:
    """Decode a page in few steps: a backfill comes through here a million times."""
    modified = MODIFIED[object_type]
    records = []
    for raw in body["results"]:
        values = raw["properties"]
        record = Record(
            ref=Ref(object_type, raw["id"]),
            properties={name: values.get(name) or None for name in names},
            modified_at=moment(values.get(modified) or raw["updatedAt"]),
            created_at=moment(raw["createdAt"]),
            archived=raw.get("archived", False),
            merged_ids=_ids(values.get(MERGED)),
        )
        records.append(record)
    return tuple(records)


def _record(
    raw: Raw, object_type: ObjectType, names: Iterable[str], history: Sequence[str] = ()
) -> Record:
    values = raw["properties"]
    told = raw.get("propertiesWithHistory") or {}
    return Record(
        ref=Ref(object_type, str(raw["id"])),
        properties={name: values.get(name) or None for name in names},
        modified_at=moment(values.get(MODIFIED[object_type]) or raw["updatedAt"]),
        created_at=moment(raw["createdAt"]),
        archived=raw.get("archived", False),
        history={name: _versions(told.get(name) or ()) for name in history},
        merged_ids=_ids(values.get(MERGED)),
    )


def _ids(listed: str | None) -> tuple[str, ...]:
    """Read ids that are separated by semicolons."""
    if not listed:
        return ()
    parts = (one.strip() for one in listed.split(";"))
    return tuple(one for one in parts if one.isascii() and one.isdigit())


def _versions(raws: Iterable[Raw]) -> tuple[Version, ...]:
    """Decode a history, newest first; HubSpot promises no order of its own."""
    versions = [
        Version(
            value=raw.get("value") or "",
            at=moment(str(raw["timestamp"])),
            source_type=raw.get("sourceType") or "",
            source_id=raw.get("sourceId") or "",
            user_id=str(raw.get("updatedByUserId") or ""),
            source_label=str(raw.get("sourceLabel") or ""),
        )
        for raw in raws
    ]
    return tuple(sorted(versions, key=lambda one: one.at, reverse=True))


def _refused(body: Raw, refs: Mapping[str, Ref], correlation_id: str) -> dict[Ref, Refusal]:
    return {
        refs[one]: Refusal(
            message=reason(error),
            category=error.get("category") or "",
            correlation_id=correlation_id,
        )
        for error in body.get("errors") or ()
        for one in ids(error)
        if one in refs
    }
