"""Read parts of the mirror: by id range, by time of modification, or at random."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, false, func, or_, select

from connector.core.model import STAGE, ObjectType, Ref
from state import associations
from state.db.encoding import canonical_json
from state.db.keys import chunk_conditions, chunk_refs, ref_of
from state.db.timestamps import from_millis, to_millis
from state.db.transaction import Transaction
from state.mirror import TABLE

_C: Final = TABLE.c


def read_companies(session: Transaction, contacts: Iterable[Ref]) -> dict[Ref, Ref]:
    """Return the primary company of each contact that has one."""
    company_by_contact: dict[Ref, Ref] = {}
    for chunk in chunk_refs(contacts):
        query = select(_C.object_id, _C.company_id).where(
            *chunk_conditions(session, TABLE, chunk), _C.company_id.is_not(None)
        )
        for contact, company in session.execute(query):
            company_by_contact[Ref(chunk[0], str(contact))] = Ref(
                ObjectType.COMPANIES, str(company)
            )
    return company_by_contact


def read_in_stages(
    session: Transaction,
    object_type: ObjectType,
    stages: Collection[str],
    *,
    or_with_deals: bool = False,
    after_id: str = "0",
    limit: int = 1000,
) -> tuple[Ref, ...]:
    """Return live records that may be in one of these stages, or have a deal, ordered by id.

    The database compares texts, so that rows need not be decoded one by one. Where another
    property has a value that reads like such a stage, its record is among them as well.
    """
    # Properties are canonical JSON: a stage stands there as `"lifecyclestage":"customer"`.
    conditions = [
        _C.properties.contains(canonical_json({STAGE: stage})[1:-1], autoescape=True)
        for stage in sorted(stages)
    ]
    if or_with_deals:
        conditions.append(associations.has_deals(session, object_type, _C.object_id))
    query = select(_C.object_id).where(
        _C.portal_id == session.portal_key,
        _C.object_type == object_type.value,
        _C.object_id > int(after_id),
        _C.archived_at.is_(None),
        or_(false(), *conditions),
    )
    ids = session.scalars(query.order_by(_C.object_id).limit(limit))
    return tuple(Ref(object_type, str(object_id)) for object_id in ids)


def read_id_range(
    session: Transaction,
    object_type: ObjectType,
    *,
    after_id: str,
    up_to_id: str | None,
) -> dict[Ref, datetime | None]:
    """Return the mirrored records with `after_id` < id <= `up_to_id`, ordered by id.

    The value is when the record was archived, None while it is live; `up_to_id` None means no
    upper end.
    """
    query = select(_C.object_id, _C.archived_at).where(
        _C.portal_id == session.portal_key,
        _C.object_type == object_type.value,
        _C.object_id > int(after_id),
    )
    if up_to_id is not None:
        query = query.where(_C.object_id <= int(up_to_id))
    return {
        Ref(object_type, str(object_id)): None if at is None else from_millis(at)
        for object_id, at in session.execute(query.order_by(_C.object_id))
    }


def count_modified(
    session: Transaction, object_type: ObjectType, *, since: datetime, until: datetime
) -> int:
    """Count the live records last modified from `since` to `until`, both included."""
    conditions = _modified_conditions(session, object_type, since, until)
    return session.execute(select(func.count()).where(*conditions)).scalar_one()


def read_modified(
    session: Transaction, object_type: ObjectType, *, since: datetime, until: datetime
) -> frozenset[Ref]:
    """Return the live records last modified from `since` to `until`, both included."""
    query = select(_C.object_id).where(*_modified_conditions(session, object_type, since, until))
    return frozenset(Ref(object_type, str(object_id)) for object_id in session.scalars(query))


def median_modified_at(
    session: Transaction, object_type: ObjectType, *, since: datetime, until: datetime
) -> datetime | None:
    """Return the median modification time of the live records in a window; None without any."""
    count = count_modified(session, object_type, since=since, until=until)
    query = select(_C.modified_at).where(*_modified_conditions(session, object_type, since, until))
    at = session.scalar(query.order_by(_C.modified_at).offset(count // 2).limit(1))
    return None if at is None else from_millis(at)


def sample(session: Transaction, object_type: ObjectType, *, size: int) -> tuple[Ref, ...]:
    """Return `size` live records at random, ordered by id."""
    live = (
        _C.portal_id == session.portal_key,
        _C.object_type == object_type.value,
        _C.archived_at.is_(None),
    )
    query = select(_C.object_id).where(*live).order_by(func.random()).limit(size)
    return tuple(sorted(Ref(object_type, str(object_id)) for object_id in session.scalars(query)))


def archived_before(session: Transaction, moment: datetime) -> list[Ref]:
    """Return the records that were archived before then."""
    conditions = (_C.portal_id == session.portal_key, _C.archived_at < to_millis(moment))
    rows = session.execute(select(_C.object_type, _C.object_id).where(*conditions))
    return [ref_of(object_type, object_id) for object_type, object_id in rows]


def _modified_conditions(
    session: Transaction, object_type: ObjectType, since: datetime, until: datetime
) -> tuple[ColumnElement[bool], ...]:
    return (
        _C.portal_id == session.portal_key,
        _C.object_type == object_type.value,
        _C.archived_at.is_(None),
        _C.modified_at.between(to_millis(since), to_millis(until)),
    )
