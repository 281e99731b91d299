"""Every recorded error becomes the error that it means, with all that it tells.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from connector.errors import ConnectorError
from connector.hubspot.http.failures import (
    BatchRefused,
    LimitReached,
    NotTheApi,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
    failure_of,
)
from connector.hubspot.http.routes import Request, Route
from tests.hubspot.recorded_exchange import exchanges, received
from tests.recorded.recordings import Recordings, read
from tests.sandbox.schema.folders import required_folder

pytestmark = pytest.mark.network

ERRORS: Final[Mapping[str, tuple[type[ConnectorError], Mapping[str, object]]]] = {
    "amp-labs/batch-update-contacts-err-duplicate-ids.json": (
        BatchRefused,
        {"category": "VALIDATION_ERROR"},
    ),
    "amp-labs/batch-update-contacts-err-many-invalid-properties.json": (
        BatchRefused,
        {"category": "VALIDATION_ERROR"},
    ),
    "amp-labs/search-error-invalid-object.json": (RequestRefused, {"category": ""}),
    "manual/400-batch-read-missing-id.json": (RequestRefused, {"category": "VALIDATION_ERROR"}),
    "manual/400-duplicate-ids.json": (BatchRefused, {"category": "VALIDATION_ERROR"}),
    "manual/400-null-input-id.json": (RequestRefused, {"category": ""}),
    "manual/400-search-bad-operator.json": (RequestRefused, {"category": "VALIDATION_ERROR"}),
    "manual/400-unknown-type-id.json": (RequestRefused, {"category": ""}),
    "manual/401-invalid-auth.json": (TokenRefused, {}),
    "manual/429-secondly-groupname.json": (
        LimitReached,
        {"policy_name": "SECONDLY", "retry_after": 1.0},
    ),
    "manual/429-secondly.json": (LimitReached, {"policy_name": "SECONDLY", "retry_after": 1.0}),
    "manual/429-ten-secondly.json": (
        LimitReached,
        {"policy_name": "TEN_SECONDLY_ROLLING", "retry_after": 10.0},
    ),
    "vcr-ruby_hubspot_api/companies-find-by-id-no-scope-0.json": (ScopeMissing, {}),
    "vcr-ruby_hubspot_api/companies-properties-no-scope-0.json": (
        ScopeMissing,
        {"scopes": ("companies-read",)},
    ),
    "vcr-ruby_hubspot_api/contacts-find-by-id-no-scope-0.json": (ScopeMissing, {}),
    "vcr-ruby_hubspot_api/contacts-properties-no-scope-0.json": (
        ScopeMissing,
        {"scopes": ("contacts-read",)},
    ),
}

# Errors of requests that the client never sends: should one come nevertheless, it is this.
UNSENT_REQUEST_ERRORS: Final = {
    "amp-labs/batch-create-contacts-err-conflict.json": RequestRefused,
    "amp-labs/batch-create-contacts-err-many-invalid-properties.json": RequestRefused,
    "amp-labs/metadata-err-schemas-scope.json": ScopeMissing,
    "manual/403-missing-scopes-write.json": ScopeMissing,
    "manual/404-non-numeric-id.json": RecordMissing,
    "manual/404-record-html.json": NotTheApi,
    "manual/405-search-get.json": RequestRefused,
    "manual/409-contact-exists.json": RequestRefused,
    "vcr-ruby_hubspot_api/companies-delete-3.json": NotTheApi,
    "vcr-ruby_hubspot_api/contacts-find-missing-user-by-email-0.json": NotTheApi,
    "vcr-ruby_hubspot_api/contacts-find-missing-user-by-email-bang-0.json": NotTheApi,
}


@pytest.fixture(scope="module")
def folder() -> Recordings:
    return read(required_folder("HUBSPOT_RECORDED_DIR"))


def test_each_recorded_error_is_its_error_with_all_that_it_tells(folder: Recordings) -> None:
    errors = {
        name: recorded.result
        for name, recorded in exchanges(folder).items()
        if isinstance(recorded.result, ConnectorError)
    }
    actual = {
        name: (type(error), {detail: getattr(error, detail) for detail in ERRORS[name][1]})
        for name, error in errors.items()
    }
    assert actual == ERRORS
    for name, error in errors.items():
        correlation_id = folder.answers[name].body.get("correlationId", "")
        assert vars(error).get("correlation_id", "") == correlation_id, name


def test_a_single_read_without_scope_names_every_scope_that_would_do(folder: Recordings) -> None:
    for kind in ("contacts", "companies"):
        error = exchanges(folder)[f"vcr-ruby_hubspot_api/{kind}-find-by-id-no-scope-0.json"].result
        assert f"crm.objects.{kind}.read" in error.scopes


def test_each_recorded_error_of_another_request_would_be_its_error(folder: Recordings) -> None:
    request = Request(route=Route.LIST, path="/crm/v3/objects/contacts")
    actual = {
        name: type(failure_of(received(answer), request))
        for name, answer in folder.answers.items()
        if answer.status >= 400 and name not in ERRORS
    }
    assert actual == UNSENT_REQUEST_ERRORS
