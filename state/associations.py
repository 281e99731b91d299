"""Store which records are linked: one row for each pair, whichever side was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, ColumnElement, Index, bindparam, delete, exists, select
from sqlmodel import SQLModel

from connector.core.model import Association, ObjectType, Ref
from state.db.columns import number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.keys import RefChunk, chunk_refs, is_any
from state.db.transaction import Transaction
from state.db.upsert import upsert

# Which end is the source of a row: deals and leads before companies before contacts.
_RANK: Final = {
    ObjectType.LEADS: 0,
    ObjectType.DEALS: 1,
    ObjectType.COMPANIES: 2,
    ObjectType.CONTACTS: 3,
}


class _Row(SQLModel, table=True):
    __tablename__ = "associations"
    __table_args__ = (
        Index(
            "associations_back", "portal_id", "target_type", "target_id", "source_type", "source_id"
        ),
    )

    portal_id: int = number_key()
    source_type: str = text_key()
    source_id: int = number_key()
    target_type: str = text_key()
    target_id: int = number_key()
    is_primary: bool
    labels: str = text()


_TABLE: Final = table_of(_Row)
_C: Final = _TABLE.c


LinkEnds = tuple[Ref, Ref]
"""The two ends of a link: the record whose links were read, and the record linked with it."""


class _EndColumns(NamedTuple):
    """The column prefixes of a row as seen from one end: `source` or `target`."""

    own: str
    linked: str


def replace_all(
    session: Transaction,
    links: Mapping[Ref, Sequence[Association]],
    to: ObjectType,
) -> frozenset[LinkEnds]:
    """Replace all links of each owner to records of that type by these.

    `links` names every owner that was read; an owner without links maps to an empty sequence and
    loses all it had. Return owner and linked record of each link that appeared, vanished, or
    changed its labels or its primary flag.
    """
    new_links = {
        (link.source, link.target): link
        for links_of_owner in links.values()
        for link in links_of_owner
    }
    stored_links = {
        (link.source, link.target): link
        for links_of_owner in read(session, links, to).values()
        for link in links_of_owner
    }
    removed = stored_links.keys() - new_links.keys()
    changed = [pair for pair, link in new_links.items() if stored_links.get(pair) != link]
    if removed:
        session.connection().execute(_DELETE, [_key(session, *ends) for ends in sorted(removed)])
    upsert(session, _TABLE, [_row(session, new_links[ends]) for ends in changed])
    return frozenset((*removed, *changed))


def read(
    session: Transaction, refs: Iterable[Ref], to: ObjectType
) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of each record to that type, ordered by id; every asked record is a key."""
    links_by_ref: dict[Ref, list[Association]] = {ref: [] for ref in refs}
    for chunk in chunk_refs(links_by_ref):
        for link in _read_chunk(session, chunk, to):
            links_by_ref[link.source].append(link)
    return {ref: tuple(links) for ref, links in links_by_ref.items()}


def move_lead_links(session: Transaction, survivors: Mapping[Ref, Ref]) -> None:
    """Link the leads of merged contacts with their survivors, by the merged record.

    Links of leads are read from the leads' side alone, and a merge changes no lead: without this a
    survivor would have no lead until the leads are listed again.
    """
    contacts = [ref for ref in survivors if ref.object_type is ObjectType.CONTACTS]
    links_by_contact = read(session, contacts, ObjectType.LEADS)
    leads = {link.target for links in links_by_contact.values() for link in links}
    moved = {}
    for lead, links in read(session, leads, ObjectType.CONTACTS).items():
        targets = {survivors.get(link.target, link.target): link for link in links}
        moved[lead] = [replace(link, target=target) for target, link in targets.items()]
    replace_all(session, moved, ObjectType.CONTACTS)


def read_to_deals(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of contacts and companies to deals; every asked record is a key."""
    return read(session, refs, ObjectType.DEALS)


def has_deals(
    session: Transaction, object_type: ObjectType, object_id: Column[int]
) -> ColumnElement[bool]:
    """Return the condition that the contact or company with the id in a column has a deal."""
    return exists().where(
        _C.portal_id == session.portal_key,
        _C.target_type == object_type.value,
        _C.target_id == object_id,
        _C.source_type == ObjectType.DEALS.value,
    )


def read_of_deals(
    session: Transaction, deal_refs: Iterable[Ref]
) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of deals to contacts, then companies; every asked deal is a key."""
    deals = tuple(deal_refs)
    contacts = read(session, deals, ObjectType.CONTACTS)
    companies = read(session, deals, ObjectType.COMPANIES)
    return {deal: contacts[deal] + companies[deal] for deal in contacts}


def _read_chunk(session: Transaction, chunk: RefChunk, to: ObjectType) -> Iterator[Association]:
    object_type, ids = chunk
    own, linked = _end_columns(object_type, to)
    conditions = (
        _C.portal_id == session.portal_key,
        _C[f"{own}_type"] == object_type.value,
        is_any(session, _C[f"{own}_id"], ids),
        _C[f"{linked}_type"] == to.value,
    )
    columns = (_C[f"{own}_id"], _C[f"{linked}_id"], _C.is_primary, _C.labels)
    query = select(*columns).where(*conditions).order_by(*columns[:2])
    for own_id, linked_id, is_primary, labels in session.execute(query):
        yield Association(
            source=Ref(object_type, str(own_id)),
            target=Ref(to, str(linked_id)),
            is_primary=is_primary,
            labels=frozenset(parse_json(labels)),
        )


def _end_columns(own: ObjectType, linked: ObjectType) -> _EndColumns:
    return (
        _EndColumns("source", "target")
        if _RANK[own] < _RANK[linked]
        else _EndColumns("target", "source")
    )


def _row(session: Transaction, link: Association) -> dict[str, Any]:
    return {
        **_key(session, link.source, link.target),
        "is_primary": link.is_primary,
        "labels": canonical_json(sorted(link.labels)),
    }


def _key(session: Transaction, owner: Ref, linked: Ref) -> dict[str, Any]:
    is_first = _RANK[owner.object_type] < _RANK[linked.object_type]
    first, second = (owner, linked) if is_first else (linked, owner)
    return {
        "portal_id": session.portal_key,
        "source_type": first.object_type.value,
        "source_id": int(first.id),
        "target_type": second.object_type.value,
        "target_id": int(second.id),
    }


_DELETE: Final = delete(_TABLE).where(
    *(column == bindparam(column.name) for column in _TABLE.primary_key)
)
