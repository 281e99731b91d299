"""The typed models of HubSpot's own Python client accept the sandbox's answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hubspot import HubSpot
from hubspot.crm import companies, contacts, deals
from hubspot.crm.associations.v4 import BatchInputPublicFetchAssociationsBatchRequest

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.setting import COURSES, STAGES
from connector.sandbox.world import fill

SECONDS = (2.0, 20.0)
PACKAGES: dict[str, Any] = {"contacts": contacts, "companies": companies, "deals": deals}
MODIFIED = {
    "contacts": "lastmodifieddate",
    "companies": "hs_lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}
TEXT = {"contacts": "firstname", "companies": "name", "deals": "dealname"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    portal = Portal(clock=Clock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC)))
    fill(portal, contacts=250, seed=9)
    with Sandbox(portal) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(box: Sandbox) -> HubSpot:
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return HubSpot(access_token=box.token, host=box.url, retry=False)


def ids(box: Sandbox, kind: str) -> list[str]:
    return [str(one.id) for one in box.portal.records(kind)]


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_typed_search_returns_the_records_in_order(
    kind: str, box: Sandbox, client: HubSpot
) -> None:
    request = PACKAGES[kind].PublicObjectSearchRequest(
        filter_groups=[
            {
                "filters": [
                    {"propertyName": MODIFIED[kind], "operator": "GTE", "value": "1600000000000"}
                ]
            }
        ],
        sorts=[{"propertyName": MODIFIED[kind], "direction": "ASCENDING"}],
        properties=[TEXT[kind], MODIFIED[kind]],
        limit=200,
    )
    page = getattr(client.crm, kind).search_api.do_search(request, _request_timeout=SECONDS)
    stamps = [one.updated_at for one in page.results]
    assert page.total == len(ids(box, kind))
    assert len(page.results) == min(200, page.total)
    assert stamps == sorted(stamps)
    assert all(one.properties["hs_object_id"] == one.id for one in page.results)


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_typed_list_walks_every_page_with_associations(
    kind: str, box: Sandbox, client: HubSpot
) -> None:
    api = getattr(client.crm, kind).basic_api
    found: list[str] = []
    linked: set[str] = set()
    after: str | None = None
    while after is not None or not found:
        page = api.get_page(
            limit=100,
            after=after,
            properties=[TEXT[kind], "hubspot_owner_id"],
            associations=["contacts" if kind != "contacts" else "companies"],
            _request_timeout=SECONDS,
        )
        found += [one.id for one in page.results]
        linked |= {name for one in page.results for name in one.associations or ()}
        after = page.paging.next.after if page.paging else None
    assert found == ids(box, kind)
    assert linked


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_typed_batch_read_returns_values_and_history(
    kind: str, box: Sandbox, client: HubSpot
) -> None:
    package, name = PACKAGES[kind], "dealstage" if kind == "deals" else "lifecyclestage"
    asked = ids(box, kind)[:40]
    answer = getattr(client.crm, kind).batch_api.read(
        package.BatchReadInputSimplePublicObjectId(
            inputs=[{"id": one} for one in asked],
            properties=[TEXT[kind]],
            properties_with_history=[name],
        ),
        _request_timeout=SECONDS,
    )
    versions = [one.properties_with_history.get(name, []) for one in answer.results]
    assert [one.id for one in answer.results] == asked
    assert any(len(one) > 1 for one in versions)
    assert all(isinstance(one[0].timestamp, datetime) for one in versions if one)


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_typed_batch_update_returns_what_is_stored(
    kind: str, box: Sandbox, client: HubSpot
) -> None:
    asked = ids(box, kind)[-3:]
    inputs = [{"id": one, "properties": {TEXT[kind]: "Ny"}} for one in asked]
    answer = getattr(client.crm, kind).batch_api.update(
        PACKAGES[kind].BatchInputSimplePublicObjectBatchInput(inputs=inputs),
        _request_timeout=SECONDS,
    )
    assert answer.status == "COMPLETE"
    assert {one.id for one in answer.results} == set(asked)
    assert [box.portal.value(kind, one, TEXT[kind]) for one in asked] == ["Ny"] * 3


def test_a_typed_partial_update_names_the_missing_record(client: HubSpot, box: Sandbox) -> None:
    inputs = [{"id": one, "properties": {"city": "Oslo"}} for one in (ids(box, "contacts")[0], "7")]
    answer = client.crm.contacts.batch_api.update(
        contacts.BatchInputSimplePublicObjectBatchInput(inputs=inputs), _request_timeout=SECONDS
    )
    assert answer.num_errors == 1
    assert answer.errors[0].context == {"ids": ["7"]}


def test_the_typed_pipelines_are_those_of_the_portal(client: HubSpot) -> None:
    answer = client.crm.pipelines.pipelines_api.get_all("deals", _request_timeout=SECONDS)
    assert [one.id for one in answer.results] == [one.pipeline for one in COURSES]
    assert all(one.metadata["isClosed"] in ("true", "false") for one in answer.results[0].stages)


@pytest.mark.parametrize("kind", PACKAGES)
def test_the_typed_properties_tell_the_options(kind: str, client: HubSpot) -> None:
    answer = client.crm.properties.core_api.get_all(kind, _request_timeout=SECONDS)
    known = {one.name: one for one in answer.results}
    assert {TEXT[kind], MODIFIED[kind]} <= known.keys()
    if kind != "deals":
        stages = sorted(known["lifecyclestage"].options, key=lambda one: one.display_order)
        assert [(one.value, one.label) for one in stages] == list(STAGES)


def test_the_typed_associations_tell_the_primary_company(client: HubSpot, box: Sandbox) -> None:
    links = box.portal.links
    asked = [one for one in ids(box, "contacts") if links.of("contacts", int(one), "companies")]
    answer = client.crm.associations.v4.batch_api.get_page(
        "contacts",
        "companies",
        BatchInputPublicFetchAssociationsBatchRequest(inputs=[{"id": one} for one in asked]),
        _request_timeout=SECONDS,
    )
    types = [
        kind.type_id for one in answer.results for to in one.to for kind in to.association_types
    ]
    assert [one._from.id for one in answer.results] == asked
    assert set(types) == {1, 279}


def test_the_typed_owners_are_those_of_the_portal(client: HubSpot, box: Sandbox) -> None:
    answer = client.crm.owners.owners_api.get_page(_request_timeout=SECONDS)
    assert [one.id for one in answer.results] == [one.id for one in box.portal.schema.owners]


def test_a_missing_record_is_an_exception_although_the_body_is_html(client: HubSpot) -> None:
    with pytest.raises(contacts.ApiException) as caught:
        client.crm.contacts.basic_api.get_by_id("7", _request_timeout=SECONDS)
    assert caught.value.status == 404
