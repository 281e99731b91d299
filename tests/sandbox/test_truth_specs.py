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

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.world import fill
from tests.sandbox.schema import folders, openapi
from tests.sandbox.schema.deviations import FROM_SPECS, unexpected

VARIABLE = "HUBSPOT_SPECS_DIR"
JSON = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One request, by the path that the OpenAPI file has for it."""

    spec: str
    method: str
    template: str
    status: int = 200
    body: Any = None
    query: str = ""
    names: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.spec} {self.method} {self.template} {self.status}{self.query}"

    def path(self, ids: JSON) -> str:
        """Return the path with the names in it, ids of the portal among them."""
        path = self.template
        for name, value in self.names:
            path = path.replace(f"{{{name}}}", str(ids.get(value, value)))
        return path + self.query


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    portal = Portal(clock=Clock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC)))
    fill(portal, contacts=300, seed=4)
    with Sandbox(portal) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def ids(box: Sandbox) -> JSON:
    portal = box.portal
    linked = next(
        str(one.id)
        for one in portal.records("contacts")
        if portal.links.of("contacts", one.id, "companies")
        and portal.links.of("contacts", one.id, "deals")
    )
    lonely = portal.create("contacts", {"email": "alone@posten.example"})
    archived = str(next(portal.tables["contacts"].walk(0, archived=True)).id)
    portal.create("tasks", {"hs_task_subject": "Ring", "hs_timestamp": "2026-11-05"}, id=77)
    return {
        "contact": linked,
        "lonely": lonely,
        "archived": archived,
        "company": str(next(iter(portal.links.of("contacts", int(linked), "companies")))),
        "deal": str(next(iter(portal.links.of("contacts", int(linked), "deals")))),
        "task": "77",
    }


def of_objects(spec: str, base: str, kind: str, one: str) -> Iterator[Ask]:
    """Ask everything that is asked of one object type."""
    names = (("objectType", kind), (f"{kind_id(kind)}", one), ("objectId", one))
    history = "?propertiesWithHistory=lifecyclestage,dealstage&limit=5"
    yield Ask(spec, "GET", base, names=names)
    yield Ask(spec, "GET", base, query="?limit=3&associations=companies,contacts", names=names)
    yield Ask(spec, "GET", base, query=history, names=names)
    yield Ask(spec, "GET", base, query="?archived=true", names=names)
    yield Ask(spec, "GET", base, query="?properties=hubspot_owner_id,closedate", names=names)
    yield Ask(spec, "GET", base + f"/{{{kind_id(kind)}}}", names=names)
    yield Ask(spec, "POST", f"{base}/search", body={"limit": 5}, names=names)
    read = {"inputs": [{"id": one}], "properties": ["hs_object_id"], "propertiesWithHistory": []}
    yield Ask(spec, "POST", f"{base}/batch/read", body=read, names=names)
    missing = read | {"inputs": [{"id": one}, {"id": "999"}]}
    yield Ask(spec, "POST", f"{base}/batch/read", 207, body=missing, names=names)
    update = {"inputs": [{"id": one, "properties": {}}]}
    yield Ask(spec, "POST", f"{base}/batch/update", body=update, names=names)
    unknown = {"inputs": [{"id": one, "properties": {}}, {"id": "999", "properties": {}}]}
    yield Ask(spec, "POST", f"{base}/batch/update", 207, body=unknown, names=names)
    twice = {"inputs": [{"id": one, "properties": {}}] * 2}
    yield Ask(spec, "POST", f"{base}/batch/update", 400, body=twice, names=names)
    wrong = {"properties": {"no_such_property": "x"}}
    yield Ask(spec, "PATCH", base + f"/{{{kind_id(kind)}}}", 400, body=wrong, names=names)
    yield Ask(spec, "POST", base, 201, body={"properties": {}}, names=names)


def kind_id(kind: str) -> str:
    """Return what the OpenAPI file of an object type calls the id in its paths."""
    words = {"contacts": "contactId", "companies": "companyId", "deals": "dealId"}
    return words.get(kind, "taskId" if kind == "tasks" else "objectId")


def objects() -> Iterator[Ask]:
    for version, root in (("v3", "/crm/v3/objects"), ("2026-03", "/crm/objects/2026-03")):
        yield from of_objects(f"crm-contacts.{version}", f"{root}/contacts", "contacts", "contact")
        yield from of_objects(
            f"crm-companies.{version}", f"{root}/companies", "companies", "company"
        )
        yield from of_objects(f"crm-deals.{version}", f"{root}/0-3", "deals", "deal")
        task = {"properties": {"hs_timestamp": "2026-11-09", "hs_task_subject": "Ring"}}
        yield Ask(f"crm-tasks.{version}", "POST", f"{root}/tasks", 201, body=task)
        yield Ask(f"crm-tasks.{version}", "POST", f"{root}/tasks/search", body={})
        generic = (("objectType", "contacts"),)
        yield Ask(f"crm-objects.{version}", "GET", root + "/{objectType}", names=generic)
        merge = f"{root}/contacts/merge"
        yield Ask(f"crm-contacts.{version}", "POST", merge, body="two contacts")


def others() -> Iterator[Ask]:
    read = "/crm/v4/associations/{fromObjectType}/{toObjectType}/batch/read"
    pair = (("fromObjectType", "contacts"), ("toObjectType", "companies"))
    found, both = {"inputs": [{"id": "contact"}]}, {"inputs": [{"id": "contact"}, {"id": "lonely"}]}
    yield Ask("crm-associations.v4", "POST", read, body=found, names=pair)
    yield Ask("crm-associations.v4", "POST", read, 207, body=both, names=pair)
    single = "/crm/v4/objects/{objectType}/{objectId}/associations/{toObjectType}"
    deals = (("objectType", "contacts"), ("objectId", "contact"), ("toObjectType", "deals"))
    yield Ask("crm-associations.v4", "GET", single, names=deals)
    for kind in ("contacts", "companies", "deals"):
        names = (("objectType", kind), ("propertyName", "hubspot_owner_id"))
        yield Ask("crm-properties.v3", "GET", "/crm/v3/properties/{objectType}", names=names)
        one = "/crm/v3/properties/{objectType}/{propertyName}"
        yield Ask("crm-properties.v3", "GET", one, names=names)
        yield Ask("crm-pipelines.v3", "GET", "/crm/v3/pipelines/{objectType}", names=names)
    yield Ask("crm-owners.v3", "GET", "/crm/v3/owners", query="?limit=2")
    yield Ask("account-info.v3", "GET", "/account-info/v3/details")
    yield Ask("account-info.v3", "GET", "/account-info/v3/api-usage/daily/private-apps")


ASKS = [*objects(), *others()]


def answer(box: Sandbox, ask: Ask, ids: JSON) -> tuple[int, Any]:
    """Ask the sandbox; return the status and the body."""
    text = orjson.dumps(_body(box, ask)).decode()
    for name, value in ids.items():
        text = text.replace(f'"id":"{name}"', f'"id":"{value}"')
    response = urllib3.request(
        ask.method,
        box.url + ask.path(ids),
        body=text if ask.body is not None else None,
        headers={"Authorization": f"Bearer {box.token}", "Content-Type": "application/json"},
        retries=False,
    )
    return response.status, orjson.loads(response.data)


def _body(box: Sandbox, ask: Ask) -> Any:
    if ask.body != "two contacts":
        return ask.body
    one, other = (box.portal.create("contacts", {"firstname": name}) for name in ("A", "B"))
    return {"primaryObjectId": one, "objectIdToMerge": other}


def broken(folder: Path, ask: Ask, status: int, body: Any) -> Iterator[str]:
    """Yield where an answer breaks its schema."""
    spec = openapi.load(folder / f"{ask.spec}.json")
    schema = openapi.schema_of(spec, ask.method, ask.template, status)
    for place, message in openapi.violations(spec, schema, body):
        yield f"{schema} {place}: {message}"


def test_the_specs_are_there() -> None:
    folder = folders.required(VARIABLE)
    assert {ask.spec for ask in ASKS} <= {path.stem for path in folder.glob("*.json")}


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_an_answer_is_what_the_spec_says(ask: Ask, box: Sandbox, ids: JSON) -> None:
    folder = folders.required(VARIABLE)
    status, body = answer(box, ask, ids)
    assert status == ask.status, body
    assert unexpected(FROM_SPECS, ask.spec, broken(folder, ask, status, body)) == []


def test_every_reviewed_deviation_from_the_specs_is_still_one(box: Sandbox, ids: JSON) -> None:
    folder = folders.required(VARIABLE)
    seen = [
        (ask.spec, difference)
        for ask in ASKS
        for difference in broken(folder, ask, *answer(box, ask, ids))
    ]
    stale = [one for one in FROM_SPECS if not any(one.covers(*pair) for pair in seen)]
    assert stale == []


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_the_box_answers_a_request_without_any_spec(ask: Ask, box: Sandbox, ids: JSON) -> None:
    assert answer(box, ask, ids)[0] == ask.status
