"""Ask the sandbox what a recording asked; where a fixture kept no request, the likely one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import urllib3

from connector.sandbox.http.faults import Fault
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from tests.sandbox.schema.preconditions import Replay, put_records
from tests.sandbox.schema.recordings import Recording, hubspot_headers

NOW: Final = datetime(2026, 11, 2, 9, 30, 0, 417000, tzinfo=UTC)
EXISTING_EMAIL: Final = "siena@posten.example"
CONTACTS: Final = "/crm/v3/objects/contacts"


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """What came back; no body is ""."""

    status: int
    content_type: str
    headers: frozenset[str]
    body: Any


def replay_recording(recording: Recording) -> SandboxAnswer:
    """Ask the recorded request of a portal that holds the recorded records."""
    replay = Replay(
        recording=recording,
        portal=_portal(recording),
        method=recording.method,
        path=recording.path,
        params=dict(recording.params),
        body=recording.body,
    )
    script = SCRIPTS.get(recording.name.rpartition("/")[2].removesuffix("-0"))
    if script:
        script(replay)
    if replay.needs_records:
        put_records(replay)
    return _send(replay)


def _portal(recording: Recording) -> Portal:
    answer = recording.answer if isinstance(recording.answer, dict) else {}
    time_zone = answer.get("timeZone", "Europe/Oslo")
    portal = Portal(time_zone=time_zone, clock=Clock(NOW), currency="USD")
    daily = any("daily" in name for name in recording.headers)
    portal.switches.app_kind = "private" if daily else "oauth"
    return portal


def _send(replay: Replay) -> SandboxAnswer:
    with Sandbox(replay.portal) as sandbox, urllib3.PoolManager(retries=False) as pool:
        if replay.fault:
            sandbox.faults.add(Fault(kind=replay.fault))
        headers = {"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"}
        query = replay.method in {"GET", "DELETE"}
        response = pool.request(
            replay.method,
            sandbox.url + replay.path,
            fields=replay.params if query else None,
            body=None if query or replay.body is None else orjson.dumps(replay.body),
            headers=headers | replay.headers,
        )
    content_type = response.headers.get("Content-Type", "").partition(";")[0]
    body = orjson.loads(response.data) if "json" in content_type else response.data.decode()
    return SandboxAnswer(response.status, content_type, hubspot_headers(response.headers), body)


def _send_inputs(*inputs: Mapping[str, Any]) -> Callable[[Replay], None]:
    """Return a script that sends these inputs as a batch, to a portal with one contact."""

    def script(replay: Replay) -> None:
        replay.portal.create("contacts", {"email": EXISTING_EMAIL}, id=1)
        replay.body = {"inputs": [dict(batch_input) for batch_input in inputs], "properties": []}

    return script


def _create_recorded(replay: Replay) -> None:
    names = ("email", "firstname", "lastname")
    replay.body = {
        "inputs": [
            {"properties": {name: record["properties"][name] for name in names}}
            for record in replay.recording.records
        ]
    }


def _update_recorded(replay: Replay) -> None:
    names = ("firstname", "lastname")
    inputs = [
        {"id": record["id"], "properties": {name: record["properties"][name] for name in names}}
        for record in replay.recording.records
    ]
    unknown = [
        {"id": missing_id, "properties": {"firstname": "Nobody"}}
        for error in replay.recording.answer.get("errors", ())
        for missing_id in error["context"]["ids"]
    ]
    replay.body = {"inputs": inputs + unknown}


def _read_recorded(replay: Replay) -> None:
    replay.path = f"{CONTACTS}/batch/read"
    inputs = [{"id": record["id"]} for record in replay.recording.records]
    replay.body = {"inputs": inputs, "properties": ["email", "firstname", "lastname"]}


def _read_by_email(replay: Replay) -> None:
    missing_emails = [
        email for error in replay.recording.answer["errors"] for email in error["context"]["ids"]
    ]
    emails = [record["properties"]["email"] for record in replay.recording.records]
    inputs = [{"id": email} for email in emails + missing_emails]
    replay.body = {"inputs": inputs, "properties": ["email"], "idProperty": "email"}


def _list_recorded(replay: Replay) -> None:
    replay.params |= {"properties": "email"}


def _search_recorded(replay: Replay) -> None:
    names = {name for record in replay.recording.records for name in record["properties"]}
    replay.body = {"properties": sorted(names)}


def _search_nothing(replay: Replay) -> None:
    replay.body = {"properties": []}


def _send_bad_operator(replay: Replay) -> None:
    bad_filter = {"propertyName": "email", "operator": "NOPE", "value": "x"}
    replay.body = {"filterGroups": [{"filters": [bad_filter]}]}


def _remove_token(replay: Replay) -> None:
    replay.headers = {"Authorization": ""}


def _remove_scopes(replay: Replay) -> None:
    replay.portal.switches.scopes = set()
    if replay.method == "PATCH":
        replay.body = {"properties": {"firstname": "Kari"}}


def _with_fault(fault: str) -> Callable[[Replay], None]:
    """Return a script in which the sandbox has a fault."""

    def script(replay: Replay) -> None:
        replay.fault, replay.path = fault, CONTACTS
        replay.method, replay.body = "GET", None

    return script


def _fail_silently(replay: Replay) -> None:
    _send_inputs({"id": "1", "properties": {"firstname": "Kari"}})(replay)
    replay.fault = "empty-results"


def _link_companies(replay: Replay) -> None:
    answer = replay.recording.answer
    for entry in answer["results"]:
        replay.portal.create("contacts", {}, id=entry["from"]["id"])
        for target in entry["to"]:
            company_id = str(target["toObjectId"])
            replay.portal.create("companies", {}, id=company_id)
            replay.portal.associate(
                "contacts", entry["from"]["id"], "companies", company_id, primary=True
            )
    unlinked_ids = [
        contact_id for error in answer["errors"] for contact_id in error["context"]["fromObjectId"]
    ]
    for entry in unlinked_ids:
        replay.portal.create("contacts", {}, id=entry)
    linked_ids = [result["from"]["id"] for result in answer["results"]]
    replay.body = {"inputs": [{"id": contact_id} for contact_id in linked_ids + unlinked_ids]}


def _create_ends(replay: Replay) -> None:
    for link in replay.body["inputs"]:
        replay.portal.create("contacts", {}, id=link["from"]["id"])
        replay.portal.create("companies", {}, id=link["to"]["id"])


def _link_recorded(replay: Replay) -> None:
    inputs = []
    for link in replay.recording.answer["results"]:
        source, target = str(link["fromObjectId"]), str(link["toObjectId"])
        if not inputs:
            replay.portal.create("contacts", {}, id=source)
        replay.portal.create("companies", {}, id=target)
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
        inputs.append({"from": {"id": source}, "to": {"id": target}, "types": types})
    replay.body = {"inputs": inputs}


UNKNOWN_PROPERTIES: Final = {"properties": {"first000name": "A", "last000name": "B"}}
SCRIPTS: Final[dict[str, Callable[[Replay], None]]] = {
    "batch-create-contacts-err-conflict": _send_inputs({"properties": {"email": EXISTING_EMAIL}}),
    "batch-create-contacts-err-many-invalid-properties": _send_inputs(
        UNKNOWN_PROPERTIES, UNKNOWN_PROPERTIES
    ),
    "batch-create-contacts-success": _create_recorded,
    "batch-update-contacts-err-duplicate-ids": _send_inputs({"id": "1"}, {"id": "1"}),
    "batch-update-contacts-err-many-invalid-properties": _send_inputs(
        {"id": "1"} | UNKNOWN_PROPERTIES
    ),
    "batch-update-contacts-err-partial-success": _update_recorded,
    "batch-update-contacts-success": _update_recorded,
    "contact-to-company-resp": _link_recorded,
    "create-association": _create_ends,
    "read-objects-api-contacts-batch": _read_recorded,
    "read-objects-api-contacts-response": _list_recorded,
    "read-via-search-contacts-response": _search_recorded,
    "search-contacts-1-first-page": _search_recorded,
    "search-contacts-2-second-page": _search_recorded,
    "search-contacts-contacts-to-companies": _link_companies,
    "search-error-invalid-object": _search_nothing,
    "200-silent-failure-empty-results": _fail_silently,
    "207-batch-read-by-email": _read_by_email,
    "207-batch-read-none-found": _read_by_email,
    "400-batch-read-missing-id": _send_inputs({}),
    "400-duplicate-ids": _send_inputs({"id": "1"}, {"id": "1"}),
    "400-null-input-id": _send_inputs({"id": None}),
    "400-search-bad-operator": _send_bad_operator,
    "401-invalid-auth": _remove_token,
    "403-missing-scopes-write": _remove_scopes,
    "409-contact-exists": _send_inputs({"properties": {"email": EXISTING_EMAIL}}),
    "429-secondly": _with_fault("429-secondly"),
    "429-secondly-groupname": _with_fault("429-secondly"),
    "429-ten-secondly": _with_fault("429-ten-secondly"),
    "companies-find-by-id-no-scope": _remove_scopes,
    "contacts-find-by-id-no-scope": _remove_scopes,
    "companies-properties-no-scope": _remove_scopes,
    "contacts-properties-no-scope": _remove_scopes,
}
