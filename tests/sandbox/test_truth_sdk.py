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

from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import fill
from connector.sandbox.world.setup import PIPELINES, STAGES

TIMEOUTS = (2.0, 20.0)
SDK_PACKAGES: dict[str, Any] = {"contacts": contacts, "companies": companies, "deals": deals}
MODIFIED_PROPERTY = {
    "contacts": "lastmodifieddate",
    "companies": "hs_lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}
TEXT_PROPERTY = {"contacts": "firstname", "companies": "name", "deals": "dealname"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    portal = Portal(clock=Clock(datetime(2026, 11, 2, 9, 30, tzinfo=UTC)))
    fill(portal, contacts=250, seed=9)
    with Sandbox(portal) as server:
        yield server


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> HubSpot:
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return HubSpot(access_token=sandbox.token, host=sandbox.url, retry=False)


def list_ids(sandbox: Sandbox, object_type: str) -> list[str]:
    return [str(record.id) for record in sandbox.portal.records(object_type)]


@pytest.mark.parametrize("kind", SDK_PACKAGES)
def test_a_typed_search_returns_the_records_in_order(
    kind: str, sandbox: Sandbox, client: HubSpot
) -> None:
    request = SDK_PACKAGES[kind].PublicObjectSearchRequest(
        filter_groups=[
            {
                "filters": [
                    {
                        "propertyName": MODIFIED_PROPERTY[kind],
                        "operator": "GTE",
                        "value": "1600000000000",
                    }
                ]
            }
        ],
        sorts=[{"propertyName": MODIFIED_PROPERTY[kind], "direction": "ASCENDING"}],
        properties=[TEXT_PROPERTY[kind], MODIFIED_PROPERTY[kind]],
        limit=200,
    )
    page = getattr(client.crm, kind).search_api.do_search(request, _request_timeout=TIMEOUTS)
    timestamps = [record.updated_at for record in page.results]
    assert page.total == len(list_ids(sandbox, kind))
    assert len(page.results) == min(200, page.total)
    assert timestamps == sorted(timestamps)
    assert all(record.properties["hs_object_id"] == record.id for record in page.results)


@pytest.mark.parametrize("kind", SDK_PACKAGES)
def test_a_typed_list_walks_every_page_with_associations(
    kind: str, sandbox: Sandbox, client: HubSpot
) -> None:
    api = getattr(client.crm, kind).basic_api
    listed_ids: list[str] = []
    linked_types: set[str] = set()
    after: str | None = None
    while after is not None or not listed_ids:
        page = api.get_page(
            limit=100,
            after=after,
            properties=[TEXT_PROPERTY[kind], "hubspot_owner_id"],
            associations=["contacts" if kind != "contacts" else "companies"],
            _request_timeout=TIMEOUTS,
        )
        listed_ids += [record.id for record in page.results]
        linked_types |= {name for record in page.results for name in record.associations or ()}
        after = page.paging.next.after if page.paging else None
    assert listed_ids == list_ids(sandbox, kind)
    assert linked_types


@pytest.mark.parametrize("kind", SDK_PACKAGES)
def test_a_typed_batch_read_returns_values_and_history(
    kind: str, sandbox: Sandbox, client: HubSpot
) -> None:
    package, name = SDK_PACKAGES[kind], "dealstage" if kind == "deals" else "lifecyclestage"
    record_ids = list_ids(sandbox, kind)[:40]
    answer = getattr(client.crm, kind).batch_api.read(
        package.BatchReadInputSimplePublicObjectId(
            inputs=[{"id": record_id} for record_id in record_ids],
            properties=[TEXT_PROPERTY[kind]],
            properties_with_history=[name],
        ),
        _request_timeout=TIMEOUTS,
    )
    versions = [record.properties_with_history.get(name, []) for record in answer.results]
    assert [record.id for record in answer.results] == record_ids
    assert any(len(history) > 1 for history in versions)
    assert all(isinstance(history[0].timestamp, datetime) for history in versions if history)


@pytest.mark.parametrize("kind", SDK_PACKAGES)
def test_a_typed_batch_update_returns_what_is_stored(
    kind: str, sandbox: Sandbox, client: HubSpot
) -> None:
    record_ids = list_ids(sandbox, kind)[-3:]
    inputs = [
        {"id": record_id, "properties": {TEXT_PROPERTY[kind]: "Ny"}} for record_id in record_ids
    ]
    answer = getattr(client.crm, kind).batch_api.update(
        SDK_PACKAGES[kind].BatchInputSimplePublicObjectBatchInput(inputs=inputs),
        _request_timeout=TIMEOUTS,
    )
    assert answer.status == "COMPLETE"
    assert {record.id for record in answer.results} == set(record_ids)
    assert [
        sandbox.portal.value(kind, record_id, TEXT_PROPERTY[kind]) for record_id in record_ids
    ] == ["Ny"] * 3


def test_a_typed_partial_update_names_the_missing_record(client: HubSpot, sandbox: Sandbox) -> None:
    inputs = [
        {"id": record_id, "properties": {"city": "Oslo"}}
        for record_id in (list_ids(sandbox, "contacts")[0], "7")
    ]
    answer = client.crm.contacts.batch_api.update(
        contacts.BatchInputSimplePublicObjectBatchInput(inputs=inputs), _request_timeout=TIMEOUTS
    )
    assert answer.num_errors == 1
    assert answer.errors[0].context == {"ids": ["7"]}


def test_the_typed_pipelines_are_those_of_the_portal(client: HubSpot) -> None:
    answer = client.crm.pipelines.pipelines_api.get_all("deals", _request_timeout=TIMEOUTS)
    assert [pipeline.id for pipeline in answer.results] == [
        pipeline.pipeline_id for pipeline in PIPELINES
    ]
    assert all(
        stage.metadata["isClosed"] in ("true", "false") for stage in answer.results[0].stages
    )


@pytest.mark.parametrize("kind", SDK_PACKAGES)
def test_the_typed_properties_tell_the_options(kind: str, client: HubSpot) -> None:
    answer = client.crm.properties.core_api.get_all(kind, _request_timeout=TIMEOUTS)
    known = {definition.name: definition for definition in answer.results}
    assert {TEXT_PROPERTY[kind], MODIFIED_PROPERTY[kind]} <= known.keys()
    if kind != "deals":
        stages = sorted(known["lifecyclestage"].options, key=lambda option: option.display_order)
        assert [(option.value, option.label) for option in stages] == list(STAGES)


def test_the_typed_associations_tell_the_primary_company(client: HubSpot, sandbox: Sandbox) -> None:
    links = sandbox.portal.links
    record_ids = [
        contact_id
        for contact_id in list_ids(sandbox, "contacts")
        if links.of("contacts", int(contact_id), "companies")
    ]
    answer = client.crm.associations.v4.batch_api.get_page(
        "contacts",
        "companies",
        BatchInputPublicFetchAssociationsBatchRequest(
            inputs=[{"id": contact_id} for contact_id in record_ids]
        ),
        _request_timeout=TIMEOUTS,
    )
    types = [
        association_type.type_id
        for result in answer.results
        for target in result.to
        for association_type in target.association_types
    ]
    assert [result._from.id for result in answer.results] == record_ids
    assert set(types) == {1, 279}


def test_the_typed_owners_are_those_of_the_portal(client: HubSpot, sandbox: Sandbox) -> None:
    answer = client.crm.owners.owners_api.get_page(_request_timeout=TIMEOUTS)
    assert [owner.id for owner in answer.results] == [
        owner.id for owner in sandbox.portal.schema.owners
    ]


def test_a_missing_record_is_an_exception_although_the_body_is_html(client: HubSpot) -> None:
    with pytest.raises(contacts.ApiException) as caught:
        client.crm.contacts.basic_api.get_by_id("7", _request_timeout=TIMEOUTS)
    assert caught.value.status == 404
