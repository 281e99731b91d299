"""Try what is not sure about reading: answers, histories, searches and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from connector.core.model import STAGE, Ref
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Route
from connector.operations.trial.trial_records import (
    MOMENT,
    NotPossible,
    TrialRecords,
    succeeded,
)
from connector.operations.trial.write_probes import CONTACTS, Seen

_SCRATCH: Final = "jobtitle"
_VERSIONS: Final = 22
_HISTORY_INPUTS: Final = 51
_SEARCH_WAITS: Final = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_PAGE: Final = 4
_MODIFIED: Final = "lastmodifieddate"
_MILLISECOND: Final = timedelta(milliseconds=1)


def probe_read_lag(records: TrialRecords) -> Iterator[Seen]:
    """Read directly after a write; later probes read as often as this shows to be needed."""
    (contact,) = records.create(CONTACTS, {_SCRATCH: "before"})
    succeeded(records.read_once([contact], [_SCRATCH]))
    succeeded(records.update([(contact, {_SCRATCH: "after"})]))
    (row,) = succeeded(records.read_once([contact], [_SCRATCH]))
    is_stale = row["properties"].get(_SCRATCH) != "after"
    records.extra_reads = int(is_stale)
    yield "read-lag", "yes" if is_stale else "no"


def probe_answers(records: TrialRecords) -> Iterator[Seen]:
    """Read a blank, a record that is missing, and fifty-one records with a history."""
    contact, archived = records.create(CONTACTS, {}, {})
    answer = records.read_once([contact], [_SCRATCH])
    properties = succeeded(answer)[0]["properties"]
    blank = {None: "null", "": "empty"}.get(properties.get(_SCRATCH), "not blank")
    yield "blank-value", blank if _SCRATCH in properties else "absent"
    limits = "x-hubspot-ratelimit-max" in answer.headers
    yield "rate-headers", "yes" if limits else "no"
    records.archive(archived)
    missing = records.read_once([contact, archived])
    yield "missing-ids", "named" if missing.document().get("errors") else "left out"
    neighbours = [Ref(CONTACTS, str(int(contact.id) + i)) for i in range(_HISTORY_INPUTS)]
    many = records.read_once(neighbours, history=[_SCRATCH])
    yield "history-batch", "50" if many.status == 400 else "more than 50"


def probe_history(records: TrialRecords) -> Iterator[Seen]:
    """Write one property many times, and read its history."""
    (contact,) = records.create(CONTACTS, {})
    for number in range(_VERSIONS):
        succeeded(records.update([(contact, {_SCRATCH: f"version {number}"})]))
    versions = records.read(contact, [_SCRATCH], [_SCRATCH])["propertiesWithHistory"][_SCRATCH]
    is_whole = len(versions) >= _VERSIONS
    yield "history-length", f"all {_VERSIONS}" if is_whole else f"at most {len(versions)}"
    numbers = [int(version["value"].split()[-1]) for version in versions]
    is_newest_first = numbers == sorted(numbers, reverse=True)
    is_oldest_first = numbers == sorted(numbers)
    order = "oldest first" if is_oldest_first else "in no order"
    yield "history-order", "newest first" if is_newest_first else order


def probe_definitions(records: TrialRecords) -> Iterator[Seen]:
    """Read the definition of the stage, its older dates, and the pipelines of contacts."""
    rows = succeeded(records.client.ask(Route.PROPERTIES, CONTACTS))
    (stage,) = [row for row in rows if row["name"] == STAGE]
    orders = [option["displayOrder"] for option in stage["options"]]
    yield "options-order", "displayed" if orders == sorted(orders) else "shuffled"
    has_dates = any(row["name"].startswith("hs_lifecyclestage_") for row in rows)
    yield "legacy-dates", "yes" if has_dates else "no"
    pipelines = records.client.ask(Route.PIPELINES, CONTACTS)
    yield "contact-pipeline", "answered" if pipelines.status == 200 else "refused"


def probe_usage(records: TrialRecords) -> Iterator[Seen]:
    """Ask how many requests of the day are used."""
    rows = succeeded(records.client.ask(Route.USAGE))
    is_known = any(row.get("fetchStatus") in {"SUCCESS", "CACHED"} for row in rows)
    yield "usage", "yes" if is_known else "no"


def probe_list(records: TrialRecords) -> Iterator[Seen]:
    """List two pages of one contact each."""
    records.create(CONTACTS, {}, {})
    first_page = records.client.ask(Route.LIST, CONTACTS, query={"limit": "1"})
    (row,) = succeeded(first_page)
    after = _next_page(first_page)
    query = {"limit": "1", "after": after}
    (next_row,) = succeeded(records.client.ask(Route.LIST, CONTACTS, query=query))
    meanings = {str(row["id"]): "the last id", str(next_row["id"]): "the next id"}
    # An id between two records is no record's own, but one to go on from.
    is_between = after.isdigit() and int(row["id"]) < int(after) <= int(next_row["id"])
    yield "list-cursor", meanings.get(after, "the next id" if is_between else "a cursor")


def probe_search(records: TrialRecords) -> Iterator[Seen]:
    """Search eight new contacts: when they are shown, in which order, and on which pages."""
    contacts = records.create(CONTACTS, *[{}] * 8)
    ids = [contact.id for contact in sorted(contacts)]
    shown_at_once = _wait_until_shown(records, ids)
    yield "search-lag", shown_at_once
    if shown_at_once.startswith("not"):
        return
    answer = _search_ids(records, ids, limit=_PAGE)
    has_daily = "x-hubspot-ratelimit-daily" in answer.headers
    yield "search-headers", "yes" if has_daily else "no"
    page = [str(row["id"]) for row in succeeded(answer)]
    yield "search-pages", _page_text(page, ids[:_PAGE])
    # The page is asked for again: it may have been empty the first time.
    rows = succeeded(_search_ids(records, ids, limit=_PAGE))
    numbers = [int(row["id"]) for row in rows]
    yield "search-order", "in order" if numbers == sorted(numbers) else "out of order"
    filters = [{"propertyName": "email", "operator": "HAS_PROPERTY"}] * 7
    many = _search(records, filters, limit=1)
    yield "search-filters", "six at most" if many.status == 400 else "more than six"


def probe_search_window(records: TrialRecords) -> Iterator[Seen]:
    """Search a window of time that ends before one contact was changed."""
    contacts = records.create(CONTACTS, *[{}] * 3)
    ids = [contact.id for contact in sorted(contacts)]
    records.wait(MOMENT)
    succeeded(records.update([(contacts[0], {_SCRATCH: "changed"})]))
    shown = _wait_until_shown(records, ids)
    if shown.startswith("not"):
        raise NotPossible("searches do not show the records")
    records.wait(10 * MOMENT)
    changed_at = datetime.fromisoformat(records.read(contacts[0])["updatedAt"])
    earlier = min(datetime.fromisoformat(records.read(ref)["updatedAt"]) for ref in contacts[1:])
    window = {
        "propertyName": _MODIFIED,
        "operator": "BETWEEN",
        "value": str(_milliseconds(earlier)),
        "highValue": str(_milliseconds(changed_at) - 1),
    }
    rows = succeeded(_search(records, [window], limit=100))
    outside = [
        row
        for row in rows
        if not earlier - _MILLISECOND <= datetime.fromisoformat(row["updatedAt"]) < changed_at
    ]
    yield "search-window", "yes" if outside else "no"


def _wait_until_shown(records: TrialRecords, ids: Sequence[str]) -> str:
    """Search until every record was shown; return how late that was."""
    shown: set[str] = set()
    for number, seconds in enumerate(_SEARCH_WAITS):
        records.wait(seconds)
        for limit in (len(ids), len(ids)):  # what a page leaves out, a second reading brings
            rows = succeeded(_search_ids(records, ids, limit=limit))
            shown |= {str(row["id"]) for row in rows}
        # A page that always lacks its last row never shows it: the others are enough.
        if len(shown & set(ids)) >= len(ids) - 1:
            return "at once" if number == 0 else "later"
    return "not within a minute"


def _search_ids(records: TrialRecords, ids: Sequence[str], *, limit: int) -> Answer:
    among = {"propertyName": "hs_object_id", "operator": "IN", "values": list(ids)}
    return _search(records, [among], limit=limit)


def _search(records: TrialRecords, filters: Sequence[Mapping[str, Any]], *, limit: int) -> Answer:
    body = {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["lastname"],
        "limit": limit,
    }
    return records.client.ask(Route.SEARCH, CONTACTS, body=body)


def _page_text(page: Sequence[str], expected: Sequence[str]) -> str:
    missing = [record_id for record_id in expected if record_id not in page]
    if not missing:
        return "full"
    if len(missing) == len(expected):
        return "empty"
    is_last = missing == [expected[-1]]
    return "the last row is missing" if is_last else "a row in the middle is missing"


def _next_page(answer: Answer) -> str:
    paging: Any = answer.document().get("paging") or {}
    after = str((paging.get("next") or {}).get("after") or "")
    if not after:
        raise NotPossible("the list has no second page")
    return after


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
