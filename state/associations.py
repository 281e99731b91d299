"""Remember which records are linked: one row for each pair, whichever side told it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Index, bindparam, delete, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from connector.core.model import Association, ObjectType, Ref
from state.columns import number_key, table_of, text, text_key
from state.encoding import canonical, parsed
from state.keys import Piece, pieces
from state.upsert import upsert

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


Pair = tuple[Ref, Ref]
"""The two ends of a link: its owner, as it was told, and the other one."""


class _Side(NamedTuple):
    """How rows look from one side: which columns are ours, and which the other's."""

    own: str
    other: str


def replace(
    session: Session,
    portal_id: str,
    owner: Ref,
    to: ObjectType,
    associations: Sequence[Association],
) -> frozenset[Ref]:
    """Do for one owner what `replace_all` does for many; return the other ends."""
    changed = replace_all(session, portal_id, {owner: associations}, to)
    return frozenset(other for _, other in changed)


def replace_all(
    session: Session,
    portal_id: str,
    links: Mapping[Ref, Sequence[Association]],
    to: ObjectType,
) -> frozenset[Pair]:
    """Make these the only links of each owner to that type.

    Return owner and other end of each link that appeared, vanished, or has another label or
    primary mark.
    """
    told = {(one.source, one.target): one for many in links.values() for one in many}
    stored = {
        (one.source, one.target): one
        for many in linked(session, portal_id, links, to).values()
        for one in many
    }
    vanished = stored.keys() - told.keys()
    news = [pair for pair, one in told.items() if stored.get(pair) != one]
    portal = int(portal_id)
    if vanished:
        session.connection().execute(_FORGET, [_key(portal, *pair) for pair in sorted(vanished)])
    upsert(session, _TABLE, [_row(portal, told[pair]) for pair in news])
    return frozenset((*vanished, *news))


def linked(
    session: Session, portal_id: str, refs: Iterable[Ref], to: ObjectType
) -> dict[Ref, tuple[Association, ...]]:
    """Return each asked record's links to that type, by id; every asked record is a key."""
    found: dict[Ref, list[Association]] = {ref: [] for ref in refs}
    for piece in pieces(found):
        for one in _told(session, portal_id, piece, to):
            found[one.source].append(one)
    return {ref: tuple(many) for ref, many in found.items()}


def deals_of(
    session: Session, portal_id: str, refs: Iterable[Ref]
) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of contacts and companies to deals; every asked record is a key."""
    return linked(session, portal_id, refs, ObjectType.DEALS)


def of_deals(
    session: Session, portal_id: str, deal_refs: Iterable[Ref]
) -> dict[Ref, tuple[Association, ...]]:
    """Return the links of deals to contacts, then companies; every asked deal is a key."""
    deals = tuple(deal_refs)
    contacts = linked(session, portal_id, deals, ObjectType.CONTACTS)
    companies = linked(session, portal_id, deals, ObjectType.COMPANIES)
    return {deal: contacts[deal] + companies[deal] for deal in contacts}


def _told(session: Session, portal_id: str, piece: Piece, to: ObjectType) -> Iterator[Association]:
    kind, ids = piece
    own, other = _side(kind, to)
    which = (
        _C.portal_id == int(portal_id),
        _C[f"{own}_type"] == kind.value,
        _C[f"{own}_id"].in_(ids),
        _C[f"{other}_type"] == to.value,
    )
    columns = (_C[f"{own}_id"], _C[f"{other}_id"], _C.is_primary, _C.labels)
    query = select(*columns).where(*which).order_by(*columns[:2])
    for own_id, other_id, is_primary, labels in session.execute(query):
        yield Association(
            source=Ref(kind, str(own_id)),
            target=Ref(to, str(other_id)),
            is_primary=is_primary,
            labels=frozenset(parsed(labels)),
        )


def _side(own: ObjectType, other: ObjectType) -> _Side:
    return _Side("source", "target") if _RANK[own] < _RANK[other] else _Side("target", "source")


def _row(portal: int, link: Association) -> dict[str, Any]:
    return {
        **_key(portal, link.source, link.target),
        "is_primary": link.is_primary,
        "labels": canonical(sorted(link.labels)),
    }


def _key(portal: int, owner: Ref, other: Ref) -> dict[str, Any]:
    is_first = _RANK[owner.object_type] < _RANK[other.object_type]
    first, second = (owner, other) if is_first else (other, owner)
    return {
        "portal_id": portal,
        "source_type": first.object_type.value,
        "source_id": int(first.id),
        "target_type": second.object_type.value,
        "target_id": int(second.id),
    }


_FORGET: Final = delete(_TABLE).where(
    *(column == bindparam(column.name) for column in _TABLE.primary_key)
)
