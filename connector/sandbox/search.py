"""Searching records: HubSpot's filters, limits and order over the late index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.sandbox import filters, refusals
from connector.sandbox.index import id_of
from connector.sandbox.kinds import Kind
from connector.sandbox.record import Record

if TYPE_CHECKING:
    from connector.sandbox.inside import Inside

JSON = dict[str, Any]
_PAGE: Final = 200
_CAP: Final = 10_000
_BODY: Final = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search that was checked; `after` is an offset, `sort` a property or ""."""

    groups: tuple[filters.Group, ...]
    properties: tuple[str, ...]
    sort: str
    descending: bool
    limit: int
    after: int
    words: tuple[str, ...]


def parse(portal: Inside, kind: Kind, body: JSON) -> Query:
    """Read a search; refuse what HubSpot refuses."""
    if len(orjson.dumps(body)) > _BODY:
        raise refusals.invalid("The request body is too large: at most 3000 characters")
    limit, after = _number(body, "limit", 10), _number(body, "after", 0)
    if limit > _PAGE:
        raise refusals.invalid(f"limit must be at most {_PAGE}, not {limit}")
    if after + limit > _CAP:
        raise refusals.invalid(f"Paging past {_CAP} results is not possible")
    sort, descending = _sort(body.get("sorts") or [])
    return Query(
        groups=filters.groups(portal, kind, body.get("filterGroups") or []),
        properties=tuple(_names(body.get("properties") or [])),
        sort=sort,
        descending=descending,
        limit=limit,
        after=after,
        words=tuple(str(body.get("query") or "").lower().split()),
    )


def _number(body: JSON, name: str, otherwise: int) -> int:
    text = str(body.get(name) or otherwise)
    if not text.isdigit():
        raise refusals.invalid(f"{name} must be a number, not {text}")
    return int(text)


def _names(given: Any) -> Iterable[str]:
    """Take a text in place of a list as one name, which yields nothing."""
    return [given] if isinstance(given, str) else [str(one) for one in given]


def _sort(given: list[Any]) -> tuple[str, bool]:
    if len(given) > 1:
        raise refusals.invalid("Only one sort is supported")
    if not given:
        return "", False
    if isinstance(given[0], str):
        return given[0].removeprefix("-"), given[0].startswith("-")
    return str(given[0].get("propertyName", "")), given[0].get("direction") == "DESCENDING"


def run(portal: Inside, kind: Kind, query: Query) -> tuple[int, list[Record]]:
    """Return how many records match, and one page of them."""
    keys = _matching(portal, kind, query)
    ordered = _ordered(portal, kind, query, keys)
    page = ordered[query.after : query.after + query.limit]
    if portal.switches.rows_out_of_order:
        page = [*page[1::2], *page[::2]]
    records = portal.tables[kind.name].records
    return len(keys), [records[id_of(key)] for key in page]


def _matching(portal: Inside, kind: Kind, query: Query) -> list[int]:
    groups = query.groups or (filters.EVERYTHING,)
    found = [_group(portal, kind, group) for group in groups]
    keys = found[0] if len(found) == 1 else sorted(set().union(*found))
    if not query.words:
        return keys
    records = portal.tables[kind.name].records
    return [key for key in keys if _says(records[id_of(key)], query.words)]


def _group(portal: Inside, kind: Kind, group: filters.Group) -> list[int]:
    table, switches = portal.tables[kind.name], portal.switches
    wider = int(switches.rows_outside_window and group.is_window)
    keys = table.index.window(group.low, group.high, portal.clock.ms(), wider=wider)
    for test in group.id_tests:
        keys = [key for key in keys if test(id_of(key))]
    if not group.tests:
        return keys
    records = table.records
    return [key for key in keys if all(test(records[id_of(key)]) for test in group.tests)]


def _says(record: Record, words: tuple[str, ...]) -> bool:
    names = (*record.kind.defaults, "phone", "company")
    text = " ".join(record.values.get(name, "") for name in names).lower()
    return all(any(part.startswith(word) for part in text.split()) for word in words)


def _ordered(portal: Inside, kind: Kind, query: Query, keys: list[int]) -> list[int]:
    if query.sort == kind.modified:
        return keys[::-1] if query.descending else keys
    return sorted(keys, key=_key(portal, kind, query.sort), reverse=query.descending)


def _key(portal: Inside, kind: Kind, sort: str) -> Callable[[int], Any]:
    records = portal.tables[kind.name].records
    if sort == "hs_object_id":
        return id_of
    if not sort or sort == kind.created:
        return lambda key: (records[id_of(key)].created, id_of(key))
    definition = portal.schema.definitions(kind).get(sort)
    if definition is None:
        raise refusals.invalid(f"There is no property {sort} to sort by")
    return lambda key: (
        *filters.sortable(definition, portal.read(records[id_of(key)], sort)),
        id_of(key),
    )
