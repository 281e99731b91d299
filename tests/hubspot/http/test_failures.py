"""The table of faults: each answer that HubSpot gives is the right error."""

from __future__ import annotations

import orjson
import pytest

from connector.errors import PermanentError, TemporaryError, UserError
from connector.hubspot.http.failures import (
    BatchRefused,
    LimitReached,
    Locked,
    Migrating,
    NotTheApi,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    ServerFailed,
    TokenRefused,
    WrongAddress,
    failure_of,
)
from connector.hubspot.http.response import Answer
from connector.hubspot.http.routes import Request, Route

LISTING = Request(route=Route.LIST, path="/crm/v3/objects/contacts")
UPDATE = Request(route=Route.BATCH_UPDATE, path="/crm/v3/objects/contacts/batch/update", body={})
HTML = b"<html><body><h2>HTTP ERROR</h2></body></html>"


def answer(status: int, body: object = b"", **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    renamed_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=raw, headers=renamed_headers)


@pytest.mark.parametrize("status", [200, 201, 204, 207])
def test_a_success_is_no_fault(status: int) -> None:
    assert failure_of(answer(status), LISTING) is None


@pytest.mark.parametrize(
    ("status", "body", "family", "kind"),
    [
        (302, b"", TemporaryError, NotTheApi),
        (400, {"message": "no", "category": "VALIDATION_ERROR"}, PermanentError, RequestRefused),
        (401, {"category": "INVALID_AUTHENTICATION"}, UserError, TokenRefused),
        (401, HTML, UserError, TokenRefused),
        (403, {"category": "MISSING_SCOPES"}, UserError, ScopeMissing),
        (403, HTML, TemporaryError, NotTheApi),
        (404, {"category": "OBJECT_NOT_FOUND"}, PermanentError, RecordMissing),
        (404, HTML, TemporaryError, NotTheApi),
        (404, {"message": "no such path"}, UserError, WrongAddress),
        (405, HTML, PermanentError, RequestRefused),
        (408, b"", TemporaryError, ServerFailed),
        (409, {"category": "CONFLICT"}, PermanentError, RequestRefused),
        (414, HTML, PermanentError, RequestRefused),
        (423, b"", TemporaryError, Locked),
        (429, {"policyName": "SECONDLY"}, TemporaryError, LimitReached),
        (429, HTML, TemporaryError, LimitReached),
        (477, b"", TemporaryError, Migrating),
        (500, {"message": "internal error"}, TemporaryError, ServerFailed),
        (502, HTML, TemporaryError, ServerFailed),
        (503, b"", TemporaryError, ServerFailed),
        (524, HTML, TemporaryError, ServerFailed),
    ],
)
def test_each_status_is_its_error(
    status: int, body: object, family: type[Exception], kind: type[Exception]
) -> None:
    error = failure_of(answer(status, body), LISTING)
    assert type(error) is kind
    assert isinstance(error, family)


@pytest.mark.parametrize("status", [400, 409])
def test_a_refused_batch_update_says_that_the_whole_batch_was_refused(status: int) -> None:
    body = {"category": "VALIDATION_ERROR", "correlationId": "c-1", "message": "Duplicate IDs"}
    error = failure_of(answer(status, body), UPDATE)
    assert isinstance(error, BatchRefused)
    assert (error.category, error.correlation_id) == ("VALIDATION_ERROR", "c-1")


@pytest.mark.parametrize(
    ("policy", "seconds"), [("SECONDLY", 1), ("TEN_SECONDLY_ROLLING", 10), ("SOMETHING_NEW", 10)]
)
def test_a_limit_names_its_policy_and_its_least_wait(policy: str, seconds: float) -> None:
    error = failure_of(answer(429, {"policyName": policy}), LISTING)
    assert isinstance(error, LimitReached)
    assert (error.policy_name, error.retry_after) == (policy, seconds)


def test_a_longer_wait_of_the_server_is_honoured() -> None:
    error = failure_of(answer(429, {"policyName": "SECONDLY"}, retry_after="17"), LISTING)
    assert isinstance(error, LimitReached)
    assert error.retry_after == 17


def test_the_daily_limit_ends_at_midnight_of_the_portals_zone() -> None:
    limit_answer = answer(429, {"policyName": "DAILY"}, date="Thu, 12 Mar 2026 22:15:00 GMT")
    errors_by_zone = {
        zone: failure_of(limit_answer, LISTING, time_zone=zone)
        for zone in ("UTC", "Europe/Oslo", "US/Eastern", "no/such")
    }
    waits = {
        zone: error.retry_after
        for zone, error in errors_by_zone.items()
        if isinstance(error, LimitReached)
    }
    hours = {zone: seconds / 3600 for zone, seconds in waits.items() if seconds}
    assert hours == {"UTC": 1.75, "Europe/Oslo": 0.75, "US/Eastern": 5.75, "no/such": 1.75}


def test_the_night_of_the_clock_change_has_its_real_length() -> None:
    evening = answer(429, {"policyName": "DAILY"}, date="Sat, 28 Mar 2026 23:30:00 GMT")
    error = failure_of(evening, LISTING, time_zone="Europe/Oslo")
    assert isinstance(error, LimitReached)
    assert error.retry_after == 22.5 * 3600


def test_a_daily_limit_without_a_date_is_asked_again_after_an_hour() -> None:
    error = failure_of(answer(429, {"policyName": "DAILY"}), LISTING)
    assert isinstance(error, LimitReached)
    assert error.retry_after == 3600


def test_a_lock_lasts_two_seconds_at_least() -> None:
    error = failure_of(answer(423, retry_after="1"), UPDATE)
    assert isinstance(error, Locked)
    assert error.retry_after == 2


def test_a_migration_tells_its_wait_as_number_or_date() -> None:
    number = failure_of(answer(477, retry_after="7200"), LISTING)
    date = "Thu, 12 Mar 2026 07:00:00 GMT"
    later = failure_of(answer(477, date=date, retry_after=date.replace("07", "08")), LISTING)
    nonsense = failure_of(answer(477, date=date, retry_after="soon"), LISTING)
    waits = [
        error.retry_after for error in (number, later, nonsense) if isinstance(error, Migrating)
    ]
    assert waits == [7200, 3600, None]


def test_a_missing_scope_is_named_wherever_hubspot_names_it() -> None:
    nested = {"errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}]}
    outer = {"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}
    text = {"message": "You do not have permissions (requires one of [crm.objects.deals.read])"}
    for body in (nested, outer, text):
        error = failure_of(answer(403, body), LISTING)
        assert isinstance(error, ScopeMissing)
        assert error.scopes == ("crm.objects.deals.read",)
        assert "crm.objects.deals.read" in str(error)


def test_a_403_without_scopes_still_says_what_to_do() -> None:
    assert "connector check" in str(failure_of(answer(403, {"message": "no"}), LISTING))


def test_a_message_never_quotes_what_a_record_holds() -> None:
    bodies = [
        {"message": 'Property "email" has the value "bob@example.com" already'},
        {"message": "Email address bob@example.com is invalid", "category": "VALIDATION_ERROR"},
        {
            "message": 'Property values were not valid: [{"isValid":false,"message":'
            '"bob@example.com was not one of the allowed options","error":"INVALID_OPTION",'
            '"name":"hs_lead_status"}]'
        },
    ]
    for body in bodies:
        assert "bob" not in str(failure_of(answer(400, body), UPDATE))


def test_a_refusal_names_codes_and_properties() -> None:
    body = {
        "message": 'Property values were not valid: [{"error":"INVALID_OPTION","name":"stage"}]',
        "category": "VALIDATION_ERROR",
    }
    assert "VALIDATION_ERROR, INVALID_OPTION stage" in str(failure_of(answer(400, body), UPDATE))


def test_the_correlation_id_comes_from_the_header_or_the_body() -> None:
    header = failure_of(answer(500, HTML, x_hubspot_correlation_id="h-1"), LISTING)
    body = failure_of(answer(401, {"correlationId": "b-1"}), LISTING)
    assert isinstance(header, ServerFailed)
    assert isinstance(body, TokenRefused)
    assert (header.correlation_id, body.correlation_id) == ("h-1", "b-1")
