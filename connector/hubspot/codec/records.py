"""Records, out of lists, searches, reads and updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.core.model import ObjectType, Record, Ref, Version
from connector.hubspot.api import Page, Refusal, UpdateAnswer
from connector.hubspot.codec.parsing import Raw, next_cursor, parse_time, success_body
from connector.hubspot.http.error_body import reason, record_ids
from connector.hubspot.http.response import Answer

MODIFIED_PROPERTY: Final[Mapping[ObjectType, str]] = {
    ObjectType.CONTACTS: "lastmodifieddate",
    ObjectType.COMPANIES: "hs_lastmodifieddate",
    ObjectType.DEALS: "hs_lastmodifieddate",
}
"""The property that a change moves; a search by the wrong one finds nothing and says nothing."""

MERGED_IDS_PROPERTY: Final = "hs_merged_object_ids"
"""Of a survivor: the ids that were merged into it, separated by semicolons."""


def parse_list(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Read one answer of a list."""
    with success_body("list", answer) as body:
        return Page(records=_parse_records(body, object_type, names), after=next_cursor(body))


def parse_search(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Read one answer of a search; its `after` is an offset, and never used."""
    with success_body("search", answer) as body:
        return Page(records=_parse_records(body, object_type, names), total=int(body["total"]))


def parse_batch_read(
    answer: Answer, asked_refs: Sequence[Ref], names: Sequence[str], history: Sequence[str]
) -> dict[Ref, Record]:
    """Read one answer of a batch read, by asked ref; a merged id finds its survivor."""
    records: dict[Ref, Record] = {}
    survivors: dict[Ref, Record] = {}
    with success_body("batch read", answer) as body:
        for raw in body["results"]:
            record = _parse_record(raw, asked_refs[0].object_type, names, history)
            records[record.ref] = record
            for merged_id in record.merged_ids:
                survivors[Ref(record.ref.object_type, merged_id)] = record
    return {ref: match for ref in asked_refs if (match := records.get(ref) or survivors.get(ref))}


def parse_ref(answer: Answer, object_type: ObjectType) -> Ref:
    """Read which record answered; a merged id answers with its survivor."""
    with success_body("read", answer) as body:
        return Ref(object_type, str(body["id"]))


def parse_update(answer: Answer, asked_refs: Iterable[Ref]) -> UpdateAnswer:
    """Read what happened to each record of a batch update: the body tells it, not the code."""
    refs = {ref.id: ref for ref in asked_refs}
    with success_body("batch update", answer) as body:
        refusals = _parse_refusals(body, refs, answer.correlation_id())
        records_by_ref = {
            ref: _parse_record(raw, ref.object_type, raw["properties"])
            for raw in body["results"]
            if (ref := refs.get(str(raw["id"]))) and ref not in refusals
        }
    return UpdateAnswer(
        updated=records_by_ref,
        refused=refusals,
        unanswered=frozenset(refs.values()) - records_by_ref.keys() - refusals.keys(),
        correlation_id=answer.correlation_id(),
    )


def _parse_records(body: Raw, object_type: ObjectType, names: Sequence[str]) -> tuple[Record, ...]:
    """Decode a page in few steps: a backfill comes through here a million times."""
    modified = MODIFIED_PROPERTY[object_type]
    records = []
    for raw in body["results"]:
        values = raw["properties"]
        record = Record(
            ref=Ref(object_type, raw["id"]),
            properties={name: values.get(name) or None for name in names},
            modified_at=parse_time(values.get(modified) or raw["updatedAt"]),
            created_at=parse_time(raw["createdAt"]),
            archived=raw.get("archived", False),
            merged_ids=_parse_ids(values.get(MERGED_IDS_PROPERTY)),
        )
        records.append(record)
    return tuple(records)


def _parse_record(
    raw: Raw, object_type: ObjectType, names: Iterable[str], history: Sequence[str] = ()
) -> Record:
    values = raw["properties"]
    histories = raw.get("propertiesWithHistory") or {}
    return Record(
        ref=Ref(object_type, str(raw["id"])),
        properties={name: values.get(name) or None for name in names},
        modified_at=parse_time(values.get(MODIFIED_PROPERTY[object_type]) or raw["updatedAt"]),
        created_at=parse_time(raw["createdAt"]),
        archived=raw.get("archived", False),
        history={name: _parse_versions(histories.get(name) or ()) for name in history},
        merged_ids=_parse_ids(values.get(MERGED_IDS_PROPERTY)),
    )


def _parse_ids(text: str | None) -> tuple[str, ...]:
    """Read ids that are separated by semicolons."""
    if not text:
        return ()
    parts = (part.strip() for part in text.split(";"))
    return tuple(part for part in parts if part.isascii() and part.isdigit())


def _parse_versions(raw_versions: Iterable[Raw]) -> tuple[Version, ...]:
    """Decode a history, newest first; HubSpot promises no order of its own."""
    versions = [
        Version(
            value=raw.get("value") or "",
            at=parse_time(str(raw["timestamp"])),
            source_type=raw.get("sourceType") or "",
            source_id=raw.get("sourceId") or "",
            user_id=str(raw.get("updatedByUserId") or ""),
            source_label=str(raw.get("sourceLabel") or ""),
        )
        for raw in raw_versions
    ]
    return tuple(sorted(versions, key=lambda version: version.at, reverse=True))


def _parse_refusals(body: Raw, refs: Mapping[str, Ref], correlation_id: str) -> dict[Ref, Refusal]:
    return {
        refs[record_id]: Refusal(
            message=reason(error),
            category=error.get("category") or "",
            correlation_id=correlation_id,
        )
        for error in body.get("errors") or ()
        for record_id in record_ids(error)
        if record_id in refs
    }
