"""Ask the sandbox what a recording asked; where a fixture kept no request, the likely one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import urllib3

from connector.sandbox.clock import Clock
from connector.sandbox.faults import Fault
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from tests.sandbox.schema.recordings import Recording, hubspot_headers
from tests.sandbox.schema.rehearsal import Rehearsal, put_records

NOW: Final = datetime(2026, 11, 2, 9, 30, 0, 417000, tzinfo=UTC)
TAKEN: Final = "siena@posten.example"
CONTACTS: Final = "/crm/v3/objects/contacts"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; no body is ""."""

    status: int
    content_type: str
    headers: frozenset[str]
    body: Any


def rehearse(recording: Recording) -> Answer:
    """Ask the recorded request of a portal that holds the recorded records."""
    rehearsal = Rehearsal(
        recording=recording,
        portal=_portal(recording),
        method=recording.method,
        path=recording.path,
        params=dict(recording.params),
        body=recording.body,
    )
    script = SCRIPTS.get(recording.name.rpartition("/")[2].removesuffix("-0"))
    if script:
        script(rehearsal)
    if rehearsal.presupposes_its_answer:
        put_records(rehearsal)
    return _ask(rehearsal)


def _portal(recording: Recording) -> Portal:
    answer = recording.answer if isinstance(recording.answer, dict) else {}
    zone = answer.get("timeZone", "Europe/Oslo")
    portal = Portal(time_zone=zone, clock=Clock(NOW), currency="USD")
    daily = any("daily" in name for name in recording.headers)
    portal.switches.app_kind = "private" if daily else "oauth"
    return portal


def _ask(rehearsal: Rehearsal) -> Answer:
    with Sandbox(rehearsal.portal) as box, urllib3.PoolManager(retries=False) as pool:
        if rehearsal.fault:
            box.faults.add(Fault(kind=rehearsal.fault))
        headers = {"Authorization": f"Bearer {box.token}", "Content-Type": "application/json"}
        query = rehearsal.method in {"GET", "DELETE"}
        response = pool.request(
            rehearsal.method,
            box.url + rehearsal.path,
            fields=rehearsal.params if query else None,
            body=None if query or rehearsal.body is None else orjson.dumps(rehearsal.body),
            headers=headers | rehearsal.headers,
        )
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    body = orjson.loads(response.data) if "json" in kind else response.data.decode()
    return Answer(response.status, kind, hubspot_headers(response.headers), body)


def _inputs(*inputs: Mapping[str, Any]) -> Callable[[Rehearsal], None]:
    """Return a script that sends these inputs as a batch, to a portal with one contact."""

    def script(rehearsal: Rehearsal) -> None:
        rehearsal.portal.create("contacts", {"email": TAKEN}, id=1)
        rehearsal.body = {"inputs": [dict(one) for one in inputs], "properties": []}

    return script


def _create_recorded(rehearsal: Rehearsal) -> None:
    names = ("email", "firstname", "lastname")
    rehearsal.body = {
        "inputs": [
            {"properties": {name: one["properties"][name] for name in names}}
            for one in rehearsal.recording.records
        ]
    }


def _update_recorded(rehearsal: Rehearsal) -> None:
    names = ("firstname", "lastname")
    inputs = [
        {"id": one["id"], "properties": {name: one["properties"][name] for name in names}}
        for one in rehearsal.recording.records
    ]
    unknown = [
        {"id": missing, "properties": {"firstname": "Nobody"}}
        for error in rehearsal.recording.answer.get("errors", ())
        for missing in error["context"]["ids"]
    ]
    rehearsal.body = {"inputs": inputs + unknown}


def _read_recorded(rehearsal: Rehearsal) -> None:
    rehearsal.path = f"{CONTACTS}/batch/read"
    inputs = [{"id": one["id"]} for one in rehearsal.recording.records]
    rehearsal.body = {"inputs": inputs, "properties": ["email", "firstname", "lastname"]}


def _read_by_email(rehearsal: Rehearsal) -> None:
    missing = [
        one for error in rehearsal.recording.answer["errors"] for one in error["context"]["ids"]
    ]
    found = [one["properties"]["email"] for one in rehearsal.recording.records]
    inputs = [{"id": email} for email in found + missing]
    rehearsal.body = {"inputs": inputs, "properties": ["email"], "idProperty": "email"}


def _list_recorded(rehearsal: Rehearsal) -> None:
    rehearsal.params |= {"properties": "email"}


def _search_recorded(rehearsal: Rehearsal) -> None:
    names = {name for one in rehearsal.recording.records for name in one["properties"]}
    rehearsal.body = {"properties": sorted(names)}


def _search_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.body = {"properties": []}


def _bad_operator(rehearsal: Rehearsal) -> None:
    one = {"propertyName": "email", "operator": "NOPE", "value": "x"}
    rehearsal.body = {"filterGroups": [{"filters": [one]}]}


def _without_token(rehearsal: Rehearsal) -> None:
    rehearsal.headers = {"Authorization": ""}


def _without_scopes(rehearsal: Rehearsal) -> None:
    rehearsal.portal.switches.scopes = set()
    if rehearsal.method == "PATCH":
        rehearsal.body = {"properties": {"firstname": "Kari"}}


def _struck(fault: str) -> Callable[[Rehearsal], None]:
    """Return a script in which the box has a fault."""

    def script(rehearsal: Rehearsal) -> None:
        rehearsal.fault, rehearsal.path = fault, CONTACTS
        rehearsal.method, rehearsal.body = "GET", None

    return script


def _silent_failure(rehearsal: Rehearsal) -> None:
    _inputs({"id": "1", "properties": {"firstname": "Kari"}})(rehearsal)
    rehearsal.fault = "empty-results"


def _linked_companies(rehearsal: Rehearsal) -> None:
    answer = rehearsal.recording.answer
    for one in answer["results"]:
        rehearsal.portal.create("contacts", {}, id=one["from"]["id"])
        for other in one["to"]:
            company = str(other["toObjectId"])
            rehearsal.portal.create("companies", {}, id=company)
            rehearsal.portal.associate(
                "contacts", one["from"]["id"], "companies", company, primary=True
            )
    lonely = [one for error in answer["errors"] for one in error["context"]["fromObjectId"]]
    for one in lonely:
        rehearsal.portal.create("contacts", {}, id=one)
    found = [one["from"]["id"] for one in answer["results"]]
    rehearsal.body = {"inputs": [{"id": one} for one in found + lonely]}


def _ends(rehearsal: Rehearsal) -> None:
    for one in rehearsal.body["inputs"]:
        rehearsal.portal.create("contacts", {}, id=one["from"]["id"])
        rehearsal.portal.create("companies", {}, id=one["to"]["id"])


def _link_recorded(rehearsal: Rehearsal) -> None:
    inputs = []
    for one in rehearsal.recording.answer["results"]:
        source, target = str(one["fromObjectId"]), str(one["toObjectId"])
        if not inputs:
            rehearsal.portal.create("contacts", {}, id=source)
        rehearsal.portal.create("companies", {}, id=target)
        kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
        inputs.append({"from": {"id": source}, "to": {"id": target}, "types": kinds})
    rehearsal.body = {"inputs": inputs}


UNKNOWN: Final = {"properties": {"first000name": "A", "last000name": "B"}}
SCRIPTS: Final[dict[str, Callable[[Rehearsal], None]]] = {
    "batch-create-contacts-err-conflict": _inputs({"properties": {"email": TAKEN}}),
    "batch-create-contacts-err-many-invalid-properties": _inputs(UNKNOWN, UNKNOWN),
    "batch-create-contacts-success": _create_recorded,
    "batch-update-contacts-err-duplicate-ids": _inputs({"id": "1"}, {"id": "1"}),
    "batch-update-contacts-err-many-invalid-properties": _inputs({"id": "1"} | UNKNOWN),
    "batch-update-contacts-err-partial-success": _update_recorded,
    "batch-update-contacts-success": _update_recorded,
    "contact-to-company-resp": _link_recorded,
    "create-association": _ends,
    "read-objects-api-contacts-batch": _read_recorded,
    "read-objects-api-contacts-response": _list_recorded,
    "read-via-search-contacts-response": _search_recorded,
    "search-contacts-1-first-page": _search_recorded,
    "search-contacts-2-second-page": _search_recorded,
    "search-contacts-contacts-to-companies": _linked_companies,
    "search-error-invalid-object": _search_nothing,
    "200-silent-failure-empty-results": _silent_failure,
    "207-batch-read-by-email": _read_by_email,
    "207-batch-read-none-found": _read_by_email,
    "400-batch-read-missing-id": _inputs({}),
    "400-duplicate-ids": _inputs({"id": "1"}, {"id": "1"}),
    "400-null-input-id": _inputs({"id": None}),
    "400-search-bad-operator": _bad_operator,
    "401-invalid-auth": _without_token,
    "403-missing-scopes-write": _without_scopes,
    "409-contact-exists": _inputs({"properties": {"email": TAKEN}}),
    "429-secondly": _struck("429-secondly"),
    "429-secondly-groupname": _struck("429-secondly"),
    "429-ten-secondly": _struck("429-ten-secondly"),
    "companies-find-by-id-no-scope": _without_scopes,
    "contacts-find-by-id-no-scope": _without_scopes,
    "companies-properties-no-scope": _without_scopes,
    "contacts-properties-no-scope": _without_scopes,
}
