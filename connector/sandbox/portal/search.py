"""Searching records: HubSpot's filters, limits and order over the late index."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from connector.sandbox.portal import calculated, filters, refusals
from connector.sandbox.portal.object_types import ObjectType
from connector.sandbox.portal.record import Record
from connector.sandbox.portal.search_index import id_of

if TYPE_CHECKING:
    from connector.sandbox.portal.state import PortalState

JSON = dict[str, Any]
_MAX_PAGE: Final = 200
_MAX_RESULTS: Final = 10_000
_MAX_BODY: Final = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search that was checked; `after` is an offset, `sort` a property or ""."""

    groups: tuple[filters.FilterGroup, ...]
    properties: tuple[str, ...]
    sort: str
    descending: bool
    limit: int
    after: int
    words: tuple[str, ...]


def parse(portal: PortalState, object_type: ObjectType, body: JSON) -> Query:
    """Read a search; refuse what HubSpot refuses."""
    if len(orjson.dumps(body)) > _MAX_BODY:
        raise refusals.invalid("The request body is too large: at most 3000 characters")
    limit, after = _number(body, "limit", 10), _number(body, "after", 0)
    if limit > _MAX_PAGE:
        raise refusals.invalid(f"limit must be at most {_MAX_PAGE}, not {limit}")
    if after + limit > _MAX_RESULTS:
        raise refusals.invalid(f"Paging past {_MAX_RESULTS} results is not possible")
    sort, descending = _parse_sort(body.get("sorts") or [])
    return Query(
        groups=filters.parse_groups(portal, object_type, body.get("filterGroups") or []),
        properties=tuple(_name_list(body.get("properties") or [])),
        sort=sort,
        descending=descending,
        limit=limit,
        after=after,
        words=tuple(str(body.get("query") or "").lower().split()),
    )


def _number(body: JSON, name: str, default: int) -> int:
    text = str(body.get(name) or default)
    if not text.isdigit():
        raise refusals.invalid(f"{name} must be a number, not {text}")
    return int(text)


def _name_list(names: Any) -> Iterable[str]:
    """Take a text in place of a list as one name, which yields nothing."""
    return [names] if isinstance(names, str) else [str(name) for name in names]


def _parse_sort(sorts: list[Any]) -> tuple[str, bool]:
    if len(sorts) > 1:
        raise refusals.invalid("Only one sort is supported")
    if not sorts:
        return "", False
    if isinstance(sorts[0], str):
        return sorts[0].removeprefix("-"), sorts[0].startswith("-")
    return str(sorts[0].get("propertyName", "")), sorts[0].get("direction") == "DESCENDING"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage:
    """One page of results; `next_offset` is None after the last page."""

    total: int
    records: list[Record]
    next_offset: int | None


def run(portal: PortalState, object_type: ObjectType, query: Query) -> ResultPage:
    """Return one page of the records that match, as the switches of searches have it."""
    keys = _matching_keys(portal, object_type, query)
    ordered = _ordered_keys(portal, object_type, query, keys)
    full_page = ordered[query.after : query.after + query.limit]
    page, next_offset = _shorten_page(portal, full_page, query.after)
    if portal.switches.rows_out_of_order:
        page = [*page[1::2], *page[::2]]
    records = portal.tables[object_type.name].records
    has_more = next_offset < len(keys) or len(page) < len(full_page)
    return ResultPage(
        total=len(keys),
        records=[records[id_of(key)] for key in page],
        next_offset=next_offset if has_more else None,
    )


def _shorten_page(portal: PortalState, page: list[int], offset: int) -> tuple[list[int], int]:
    """Leave rows out of a page as `search_pages` says; return where the next page begins."""
    mode = portal.switches.search_pages
    if mode == "short" and len(page) > 1:
        return page[:-1], offset + len(page) - 1
    # Rows that are left out by these modes come when the same page is asked for again.
    if mode in {"hole", "empty"} and page and portal.is_first_asked(tuple(page)):
        middle = len(page) // 2
        shown = [*page[:middle], *page[middle + 1 :]] if mode == "hole" else []
        return shown, offset + len(page)
    return page, offset + len(page)


def _matching_keys(portal: PortalState, object_type: ObjectType, query: Query) -> list[int]:
    groups = query.groups or (filters.MATCH_ALL,)
    key_lists = [_group_keys(portal, object_type, group) for group in groups]
    keys = key_lists[0] if len(key_lists) == 1 else sorted(set().union(*key_lists))
    if not query.words:
        return keys
    records = portal.tables[object_type.name].records
    return [key for key in keys if _contains_words(records[id_of(key)], query.words)]


def _group_keys(
    portal: PortalState, object_type: ObjectType, group: filters.FilterGroup
) -> list[int]:
    table, switches = portal.tables[object_type.name], portal.switches
    extra = int(switches.rows_outside_window and group.is_window)
    keys = table.index.window(group.low, group.high, portal.clock.ms(), extra=extra)
    for test in group.id_tests:
        keys = [key for key in keys if test(id_of(key))]
    if not group.tests:
        return keys
    records = table.records
    return [key for key in keys if all(test(records[id_of(key)]) for test in group.tests)]


def _contains_words(record: Record, words: tuple[str, ...]) -> bool:
    names = (*record.object_type.default_properties, "phone", "company")
    text = " ".join(record.values.get(name, "") for name in names).lower()
    return all(any(part.startswith(word) for part in text.split()) for word in words)


def _ordered_keys(
    portal: PortalState, object_type: ObjectType, query: Query, keys: list[int]
) -> list[int]:
    if query.sort == object_type.modified_property:
        return keys[::-1] if query.descending else keys
    return sorted(keys, key=_sort_key(portal, object_type, query.sort), reverse=query.descending)


def _sort_key(portal: PortalState, object_type: ObjectType, sort: str) -> Callable[[int], Any]:
    records = portal.tables[object_type.name].records
    if sort == "hs_object_id":
        return id_of
    if not sort or sort == object_type.created_property:
        return lambda key: (records[id_of(key)].created, id_of(key))
    definition = portal.schema.definitions(object_type).get(sort)
    if definition is None:
        raise refusals.invalid(f"There is no property {sort} to sort by")
    return lambda key: (
        *filters.sort_key(definition, calculated.read(portal, records[id_of(key)], sort)),
        id_of(key),
    )
