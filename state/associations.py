"""Remember which records are linked: one row for each pair, whichever side told it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Index, bindparam, delete, select
from sqlmodel import SQLModel

from connector.core.model import Association, ObjectType, Ref
from state.db.columns import number_key, table_of, text, text_key
from state.db.encoding import canonical_json, parse_json
from state.db.keys import RefChunk, chunk_refs
from state.db.transaction import Transaction
from state.db.upsert import upsert

# The side that stands first in a row: deals before companies before contacts.
_RANK: Final = {ObjectType.DEALS: 0, ObjectType.COMPANIES: 1, ObjectType.CONTACTS: 2}


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
"""The two ends of a link: its owner, as it was told, and the opposite one."""


class _EndColumns(NamedTuple):
    """How rows look from one side: which columns are ours, and which the opposite's."""

    own: str
    opposite: str


def replace(
    session: Transaction,
    owner: Ref,
    to: ObjectType,
    associations: Sequence[Association],
) -> frozenset[Ref]:
    """Do for one owner what `replace_all` does for many; return the opposite ends."""
    changed = replace_all(session, {owner: associations}, to)
    return frozenset(other_end for _, other_end in changed)


def replace_all(
    session: Transaction,
    links: Mapping[Ref, Sequence[Association]],
    to: ObjectType,
) -> frozenset[LinkEnds]:
    """Make these the only links of each owner to that type.

    Return owner and opposite end of each link that appeared, vanished, or has another label or
    primary mark.
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
    portal = int(session.portal_id)
    if removed:
        session.connection().execute(_DELETE, [_key(portal, *ends) for ends in sorted(removed)])
    upsert(session, _TABLE, [_row(portal, new_links[ends]) for ends in changed])
    return frozenset((*removed, *changed))


def read(
    session: Transaction, refs: Iterable[Ref], to: ObjectType
) -> dict[Ref, tuple[Association, ...]]:
    """Return each asked record's links to that type, by id; every asked record is a key."""
    links_by_ref: dict[Ref, list[Association]] = {ref: [] for ref in refs}
    for chunk in chunk_refs(links_by_ref):
        for link in _read_chunk(session, chunk, to):
            links_by_ref[link.source].append(link)
    return {ref: tuple(links) for ref, links in links_by_ref.items()}


def read_to_deals(session: Transaction, refs: Iterable[Ref]) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of contacts and companies to deals; every asked record is a key."""
    return read(session, refs, ObjectType.DEALS)


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
    own, opposite = _end_columns(object_type, to)
    conditions = (
        _C.portal_id == int(session.portal_id),
        _C[f"{own}_type"] == object_type.value,
        _C[f"{own}_id"].in_(ids),
        _C[f"{opposite}_type"] == to.value,
    )
    columns = (_C[f"{own}_id"], _C[f"{opposite}_id"], _C.is_primary, _C.labels)
    query = select(*columns).where(*conditions).order_by(*columns[:2])
    for own_id, other_id, is_primary, labels in session.execute(query):
        yield Association(
            source=Ref(object_type, str(own_id)),
            target=Ref(to, str(other_id)),
            is_primary=is_primary,
            labels=frozenset(parse_json(labels)),
        )


def _end_columns(own: ObjectType, opposite: ObjectType) -> _EndColumns:
    return (
        _EndColumns("source", "target")
        if _RANK[own] < _RANK[opposite]
        else _EndColumns("target", "source")
    )


def _row(portal: int, link: Association) -> dict[str, Any]:
    return {
        **_key(portal, link.source, link.target),
        "is_primary": link.is_primary,
        "labels": canonical_json(sorted(link.labels)),
    }


def _key(portal: int, owner: Ref, other_end: Ref) -> dict[str, Any]:
    is_first = _RANK[owner.object_type] < _RANK[other_end.object_type]
    first, second = (owner, other_end) if is_first else (other_end, owner)
    return {
        "portal_id": portal,
        "source_type": first.object_type.value,
        "source_id": int(first.id),
        "target_type": second.object_type.value,
        "target_id": int(second.id),
    }


_DELETE: Final = delete(_TABLE).where(
    *(column == bindparam(column.name) for column in _TABLE.primary_key)
)
