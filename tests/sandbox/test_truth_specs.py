"""The sandbox's answers validate against HubSpot's own OpenAPI files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import urllib3

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import fill
from tests.sandbox.schema import folders, openapi
from tests.sandbox.schema.deviations import FROM_SPECS, unexpected

VARIABLE = "HUBSPOT_SPECS_DIR"
JSON = dict[str, Any]


@dataclass(frozen=True)
class SpecRequest:
    """One request, by the path that the OpenAPI file has for it."""

    spec: str
    method: str
    template: str
    status: int = 200
    body: Any = None
    query: str = ""
    path_names: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.spec} {self.method} {self.template} {self.status}{self.query}"

    def path(self, record_ids: JSON) -> str:
        """Return the path with the names in it, ids of the portal among them."""
        path = self.template
        for name, value in self.path_names:
            path = path.replace(f"{{{name}}}", str(record_ids.get(value, value)))
        return path + self.query


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    portal = Portal(clock=Clock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC)))
    fill(portal, contacts=300, seed=4)
    with Sandbox(portal) as server:
        yield server


@pytest.fixture(scope="module")
def record_ids(sandbox: Sandbox) -> JSON:
    portal = sandbox.portal
    linked_id = next(
        str(contact.id)
        for contact in portal.records("contacts")
        if portal.links.of("contacts", contact.id, "companies")
        and portal.links.of("contacts", contact.id, "deals")
    )
    unlinked_id = portal.create("contacts", {"email": "alone@posten.example"})
    archived_id = str(next(portal.tables["contacts"].walk(0, archived=True)).id)
    portal.create("tasks", {"hs_task_subject": "Ring", "hs_timestamp": "2026-11-05"}, id=77)
    return {
        "contact": linked_id,
        "lonely": unlinked_id,
        "archived": archived_id,
        "company": str(next(iter(portal.links.of("contacts", int(linked_id), "companies")))),
        "deal": str(next(iter(portal.links.of("contacts", int(linked_id), "deals")))),
        "task": "77",
    }


def object_requests(
    spec: str, base: str, object_type: str, record_name: str
) -> Iterator[SpecRequest]:
    """Ask everything that is asked of one object type."""
    path_names = (
        ("objectType", object_type),
        (f"{id_parameter(object_type)}", record_name),
        ("objectId", record_name),
    )
    history = "?propertiesWithHistory=lifecyclestage,dealstage&limit=5"
    yield SpecRequest(spec, "GET", base, path_names=path_names)
    yield SpecRequest(
        spec, "GET", base, query="?limit=3&associations=companies,contacts", path_names=path_names
    )
    yield SpecRequest(spec, "GET", base, query=history, path_names=path_names)
    yield SpecRequest(spec, "GET", base, query="?archived=true", path_names=path_names)
    yield SpecRequest(
        spec, "GET", base, query="?properties=hubspot_owner_id,closedate", path_names=path_names
    )
    yield SpecRequest(
        spec, "GET", base + f"/{{{id_parameter(object_type)}}}", path_names=path_names
    )
    yield SpecRequest(spec, "POST", f"{base}/search", body={"limit": 5}, path_names=path_names)
    read = {
        "inputs": [{"id": record_name}],
        "properties": ["hs_object_id"],
        "propertiesWithHistory": [],
    }
    yield SpecRequest(spec, "POST", f"{base}/batch/read", body=read, path_names=path_names)
    missing = read | {"inputs": [{"id": record_name}, {"id": "999"}]}
    yield SpecRequest(spec, "POST", f"{base}/batch/read", 207, body=missing, path_names=path_names)
    update = {"inputs": [{"id": record_name, "properties": {}}]}
    yield SpecRequest(spec, "POST", f"{base}/batch/update", body=update, path_names=path_names)
    unknown = {"inputs": [{"id": record_name, "properties": {}}, {"id": "999", "properties": {}}]}
    yield SpecRequest(
        spec, "POST", f"{base}/batch/update", 207, body=unknown, path_names=path_names
    )
    duplicate = {"inputs": [{"id": record_name, "properties": {}}] * 2}
    yield SpecRequest(
        spec, "POST", f"{base}/batch/update", 400, body=duplicate, path_names=path_names
    )
    wrong = {"properties": {"no_such_property": "x"}}
    yield SpecRequest(
        spec,
        "PATCH",
        base + f"/{{{id_parameter(object_type)}}}",
        400,
        body=wrong,
        path_names=path_names,
    )
    yield SpecRequest(spec, "POST", base, 201, body={"properties": {}}, path_names=path_names)


def id_parameter(object_type: str) -> str:
    """Return what the OpenAPI file of an object type calls the id in its paths."""
    parameters = {"contacts": "contactId", "companies": "companyId", "deals": "dealId"}
    return parameters.get(object_type, "taskId" if object_type == "tasks" else "objectId")


def all_object_requests() -> Iterator[SpecRequest]:
    for version, root in (("v3", "/crm/v3/objects"), ("2026-03", "/crm/objects/2026-03")):
        yield from object_requests(
            f"crm-contacts.{version}", f"{root}/contacts", "contacts", "contact"
        )
        yield from object_requests(
            f"crm-companies.{version}", f"{root}/companies", "companies", "company"
        )
        yield from object_requests(f"crm-deals.{version}", f"{root}/0-3", "deals", "deal")
        task = {"properties": {"hs_timestamp": "2026-11-09", "hs_task_subject": "Ring"}}
        yield SpecRequest(f"crm-tasks.{version}", "POST", f"{root}/tasks", 201, body=task)
        yield SpecRequest(f"crm-tasks.{version}", "POST", f"{root}/tasks/search", body={})
        generic = (("objectType", "contacts"),)
        yield SpecRequest(
            f"crm-objects.{version}", "GET", root + "/{objectType}", path_names=generic
        )
        merge = f"{root}/contacts/merge"
        yield SpecRequest(f"crm-contacts.{version}", "POST", merge, body="two contacts")


def other_requests() -> Iterator[SpecRequest]:
    read = "/crm/v4/associations/{fromObjectType}/{toObjectType}/batch/read"
    object_types = (("fromObjectType", "contacts"), ("toObjectType", "companies"))
    linked_body, mixed_body = (
        {"inputs": [{"id": "contact"}]},
        {"inputs": [{"id": "contact"}, {"id": "lonely"}]},
    )
    yield SpecRequest(
        "crm-associations.v4", "POST", read, body=linked_body, path_names=object_types
    )
    yield SpecRequest(
        "crm-associations.v4", "POST", read, 207, body=mixed_body, path_names=object_types
    )
    single_path = "/crm/v4/objects/{objectType}/{objectId}/associations/{toObjectType}"
    deals = (("objectType", "contacts"), ("objectId", "contact"), ("toObjectType", "deals"))
    yield SpecRequest("crm-associations.v4", "GET", single_path, path_names=deals)
    for object_type in ("contacts", "companies", "deals"):
        path_names = (("objectType", object_type), ("propertyName", "hubspot_owner_id"))
        yield SpecRequest(
            "crm-properties.v3", "GET", "/crm/v3/properties/{objectType}", path_names=path_names
        )
        property_path = "/crm/v3/properties/{objectType}/{propertyName}"
        yield SpecRequest("crm-properties.v3", "GET", property_path, path_names=path_names)
        yield SpecRequest(
            "crm-pipelines.v3", "GET", "/crm/v3/pipelines/{objectType}", path_names=path_names
        )
    yield SpecRequest("crm-owners.v3", "GET", "/crm/v3/owners", query="?limit=2")
    yield SpecRequest("account-info.v3", "GET", "/account-info/v3/details")
    yield SpecRequest("account-info.v3", "GET", "/account-info/v3/api-usage/daily/private-apps")


REQUESTS = [*all_object_requests(), *other_requests()]


def send(sandbox: Sandbox, ask: SpecRequest, record_ids: JSON) -> tuple[int, Any]:
    """Ask the sandbox; return the status and the body."""
    text = orjson.dumps(_body(sandbox, ask)).decode()
    for name, value in record_ids.items():
        text = text.replace(f'"id":"{name}"', f'"id":"{value}"')
    response = urllib3.request(
        ask.method,
        sandbox.url + ask.path(record_ids),
        body=text if ask.body is not None else None,
        headers={"Authorization": f"Bearer {sandbox.token}", "Content-Type": "application/json"},
        retries=False,
    )
    return response.status, orjson.loads(response.data)


def _body(sandbox: Sandbox, ask: SpecRequest) -> Any:
    if ask.body != "two contacts":
        return ask.body
    first_id, second_id = (
        sandbox.portal.create("contacts", {"firstname": name}) for name in ("A", "B")
    )
    return {"primaryObjectId": first_id, "objectIdToMerge": second_id}


def schema_violations(folder: Path, ask: SpecRequest, status: int, body: Any) -> Iterator[str]:
    """Yield where an answer breaks its schema."""
    spec = openapi.load(folder / f"{ask.spec}.json")
    schema = openapi.schema_of(spec, ask.method, ask.template, status)
    for place, message in openapi.violations(spec, schema, body):
        yield f"{schema} {place}: {message}"


def test_the_specs_are_there() -> None:
    folder = folders.required_folder(VARIABLE)
    assert {ask.spec for ask in REQUESTS} <= {path.stem for path in folder.glob("*.json")}


@pytest.mark.parametrize("ask", REQUESTS, ids=str)
def test_an_answer_is_what_the_spec_says(
    ask: SpecRequest, sandbox: Sandbox, record_ids: JSON
) -> None:
    folder = folders.required_folder(VARIABLE)
    status, body = send(sandbox, ask, record_ids)
    assert status == ask.status, body
    assert unexpected(FROM_SPECS, ask.spec, schema_violations(folder, ask, status, body)) == []


def test_every_reviewed_deviation_from_the_specs_is_still_one(
    sandbox: Sandbox, record_ids: JSON
) -> None:
    folder = folders.required_folder(VARIABLE)
    observed = [
        (ask.spec, difference)
        for ask in REQUESTS
        for difference in schema_violations(folder, ask, *send(sandbox, ask, record_ids))
    ]
    stale = [
        deviation
        for deviation in FROM_SPECS
        if not any(deviation.covers(*object_types) for object_types in observed)
    ]
    assert stale == []


@pytest.mark.parametrize("ask", REQUESTS, ids=str)
def test_the_box_answers_a_request_without_any_spec(
    ask: SpecRequest, sandbox: Sandbox, record_ids: JSON
) -> None:
    assert send(sandbox, ask, record_ids)[0] == ask.status
