"""Parse records from the answers to lists, searches, reads and updates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.core.model import ObjectType, Record, Ref, Version
from connector.hubspot.api import Page, ReadResult, Refusal, UpdateAnswer
from connector.hubspot.codec.parsing import (
    Raw,
    next_cursor,
    parse_id,
    parse_rows,
    parse_text,
    parse_time,
    success_body,
)
from connector.hubspot.http.error_body import property_names, reason, record_ids
from connector.hubspot.http.response import Answer

MODIFIED_PROPERTY: Final[Mapping[ObjectType, str]] = {
    ObjectType.CONTACTS: "lastmodifieddate",
    ObjectType.COMPANIES: "hs_lastmodifieddate",
    ObjectType.DEALS: "hs_lastmodifieddate",
    ObjectType.LEADS: "hs_lastmodifieddate",
}
"""The time of the last change. A search by another type's property finds nothing, without error."""

_TEXT_TYPES: Final = frozenset({str, type(None)})
MERGED_IDS_PROPERTY: Final = "hs_merged_object_ids"
"""The property of a survivor with the ids that were merged into it, separated by semicolons."""


def parse_list(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Parse one answer of a list."""
    with success_body("list", answer) as body:
        records, unreadable = _parse_records(body, object_type, names)
        return Page(records=records, after=next_cursor(body), unreadable=unreadable)


def parse_search(answer: Answer, object_type: ObjectType, names: Sequence[str]) -> Page:
    """Parse one answer of a search; its `after` is an offset, which only shows that more follow."""
    with success_body("search", answer) as body:
        records, unreadable = _parse_records(body, object_type, names)
        return Page(
            records=records,
            total=int(body["total"]),
            after=next_cursor(body),
            unreadable=unreadable,
        )


def parse_batch_read(
    answer: Answer, asked_refs: Sequence[Ref], names: Sequence[str], history: Sequence[str]
) -> ReadResult:
    """Parse one answer of a batch read; return the records by asked ref.

    A merged id returns its survivor. Where the row of a record that was not asked for cannot be
    read, it may be the survivor of any absent id: then all absent ids count as unreadable.
    """
    object_type = asked_refs[0].object_type
    with success_body("batch read", answer) as body:
        rows, unreadable = parse_rows(
            body["results"],
            object_type,
            lambda raw: _parse_record(raw, object_type, names, history),
        )
    # A merged id is answered by its survivor, which lists its old ids.
    records = {record.ref: record for record in rows}
    survivors = {
        Ref(object_type, merged_id): record for record in rows for merged_id in record.merged_ids
    }
    matches = {
        ref: match for ref in asked_refs if (match := records.get(ref) or survivors.get(ref))
    }
    reasons = {ref: unreadable[ref] for ref in asked_refs if ref in unreadable}
    # An unreadable row of an id that was not asked for is some survivor: of which, is not known.
    unasked_reasons = [reason for ref, reason in unreadable.items() if ref not in reasons]
    if unasked_reasons:
        reasons |= {
            ref: unasked_reasons[0]
            for ref in asked_refs
            if ref not in matches and ref not in reasons
        }
    return ReadResult(records=matches, unreadable=reasons)


def parse_ref(answer: Answer, object_type: ObjectType) -> Ref:
    """Return the record of an answer; a merged id answers with its survivor."""
    with success_body("read", answer) as body:
        return Ref(object_type, str(body["id"]))


def parse_update(answer: Answer, asked_refs: Iterable[Ref]) -> UpdateAnswer:
    """Return the outcome of each record of a batch update, from the body and not the status code.

    The status code cannot tell it: 200 and 207 both occur with refused records in the body.
    """
    refs = {ref.id: ref for ref in asked_refs}
    with success_body("batch update", answer) as body:
        refusals = _parse_refusals(body, refs, answer.correlation_id())
        rows = [
            raw
            for raw in body["results"]
            if (ref := refs.get(str(raw["id"]))) and ref not in refusals
        ]
        # A row that cannot be read leaves its record unanswered, so that it is read back.
        records, _ = parse_rows(
            rows,
            next(iter(refs.values())).object_type,
            lambda raw: _parse_record(raw, refs[str(raw["id"])].object_type, raw["properties"]),
        )
        records_by_ref = {record.ref: record for record in records}
    return UpdateAnswer(
        updated=records_by_ref,
        refused=refusals,
        unanswered=frozenset(refs.values()) - records_by_ref.keys() - refusals.keys(),
        correlation_id=answer.correlation_id(),
    )


def _parse_records(
    body: Raw, object_type: ObjectType, names: Sequence[str]
) -> tuple[tuple[Record, ...], dict[Ref, str]]:
    """Decode the rows of a page; return the records, and why other rows could not be read."""
    rows, unreadable = parse_rows(
        body["results"], object_type, lambda raw: _parse_record(raw, object_type, names)
    )
    return tuple(rows), unreadable


def _parse_record(
    raw: Raw, object_type: ObjectType, names: Iterable[str], history: Sequence[str] = ()
) -> Record:
    """Decode one row; fast, because a full scan decodes every record of the portal here."""
    values = raw["properties"]
    histories = (raw.get("propertiesWithHistory") or {}) if history else {}
    return Record(
        ref=Ref(object_type, parse_id(raw["id"])),
        properties=_parse_properties(values, names),
        modified_at=parse_time(values.get(MODIFIED_PROPERTY[object_type]) or raw["updatedAt"]),
        created_at=parse_time(raw["createdAt"]),
        archived=bool(raw.get("archived")),
        history={name: _parse_versions(name, histories.get(name) or ()) for name in history},
        merged_ids=_parse_ids(values.get(MERGED_IDS_PROPERTY)),
    )


def _parse_properties(values: Raw, names: Iterable[str]) -> dict[str, str | None]:
    """Return the values that were asked for, with a fast path for rows that hold texts alone."""
    if _TEXT_TYPES.issuperset(map(type, values.values())):
        return {name: values.get(name) or None for name in names}
    return {name: parse_text(name, values.get(name)) for name in names}


def _parse_ids(text: object) -> tuple[str, ...]:
    """Parse ids that are separated by semicolons; HubSpot may send a single one as a number."""
    if not text:
        return ()
    parts = (part.strip() for part in str(text).split(";"))
    return tuple(part for part in parts if part.isascii() and part.isdigit())


def _parse_versions(name: str, raw_versions: Iterable[Raw]) -> tuple[Version, ...]:
    """Decode a history and sort it, newest first, since HubSpot documents no order."""
    versions = [
        Version(
            value=parse_text(name, raw.get("value")) or "",
            at=parse_time(raw["timestamp"]),
            source_type=str(raw.get("sourceType") or ""),
            source_id=str(raw.get("sourceId") or ""),
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
            property_names=property_names(error),
        )
        for error in body.get("errors") or ()
        for record_id in record_ids(error)
        if record_id in refs
    }
