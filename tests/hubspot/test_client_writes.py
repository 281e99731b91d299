"""The client says what became of each write, and sends none twice whose outcome is open."""

from __future__ import annotations

import pytest

from connector.core.follow_up.tasks import Task
from connector.core.model import STAGE, Ref
from connector.hubspot.http.failures import (
    BatchRefused,
    NotSent,
    OutcomeUnknown,
)
from tests.hubspot.conftest import FakeTimer
from tests.hubspot.raw_answers import (
    COMPANIES,
    CONTACTS,
    FIRST,
    HTML,
    NOON,
    REPLY_NAMES,
    SECOND,
    UNKNOWN_OUTCOMES,
    OpenClient,
    raw_record,
)
from tests.hubspot.scripted_server import Reply, serve_replies

pytestmark = pytest.mark.network


def test_an_update_sends_texts_and_clears_by_the_empty_one(open_client: OpenClient) -> None:
    with serve_replies(Reply(body={"results": []})) as server:
        open_client(server.url).update({FIRST: {STAGE: ""}, SECOND: {STAGE: "lead"}})
    assert server.requests[0].path == "/crm/objects/2026-03/contacts/batch/update"
    assert server.requests[0].body == {
        "inputs": [
            {"id": "1", "properties": {STAGE: ""}},
            {"id": "2", "properties": {STAGE: "lead"}},
        ]
    }


@pytest.mark.parametrize("status", [200, 207])
def test_an_update_tells_what_became_of_each_record_whatever_the_code(
    status: int, open_client: OpenClient
) -> None:
    refs = [Ref(CONTACTS, str(number)) for number in (1, 2, 3)]
    body = {
        "status": "COMPLETE",
        "results": [raw_record("1", lifecyclestage="lead")],
        "numErrors": 1,
        "errors": [{"category": "OBJECT_NOT_FOUND", "message": "gone", "context": {"ids": ["2"]}}],
    }
    headers = {"X-HubSpot-Correlation-Id": "c-7"}
    with serve_replies(Reply(status=status, body=body, headers=headers)) as server:
        answer = open_client(server.url).update({ref: {STAGE: "lead"} for ref in refs})
    assert {ref: record.value(STAGE) for ref, record in answer.updated.items()} == {refs[0]: "lead"}
    assert answer.refused[refs[1]].category == "OBJECT_NOT_FOUND"
    assert answer.unanswered == {refs[2]}
    assert answer.correlation_id == answer.refused[refs[1]].correlation_id == "c-7"


def test_a_record_that_is_shown_and_refused_is_refused(open_client: OpenClient) -> None:
    error = {"category": "VALIDATION_ERROR", "message": "no", "context": {"ids": ["1"]}}
    body = {"results": [raw_record("1", lifecyclestage="lead")], "errors": [error]}
    with serve_replies(Reply(status=207, body=body)) as server:
        answer = open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert (set(answer.updated), set(answer.refused)) == (set(), {FIRST})


def test_a_success_without_results_names_no_record(open_client: OpenClient) -> None:
    with serve_replies(Reply(body={"status": "COMPLETE", "results": []})) as server:
        answer = open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert (answer.updated, answer.refused, answer.unanswered) == ({}, {}, {FIRST})


def test_no_change_is_no_request(open_client: OpenClient) -> None:
    with serve_replies(Reply()) as server:
        open_client(server.url).update({})
        open_client(server.url).read([], [])
        open_client(server.url).associations([], COMPANIES)
    assert server.requests == []


def test_a_batch_of_two_types_or_over_the_limit_is_our_bug(open_client: OpenClient) -> None:
    many = {Ref(CONTACTS, str(number)): {STAGE: ""} for number in range(1, 102)}
    client = open_client("http://127.0.0.1:9")
    with pytest.raises(ValueError, match="101 records"):
        client.update(many)
    with pytest.raises(ValueError, match="2 object types"):
        client.update({FIRST: {}, Ref(COMPANIES, "1"): {}})


@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES, ids=REPLY_NAMES)
def test_a_write_whose_outcome_is_open_is_sent_once_and_says_so(
    reply: Reply, open_client: OpenClient
) -> None:
    with serve_replies(reply) as server, pytest.raises(OutcomeUnknown, match="read back"):
        open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("reply", "least"),
    [
        (Reply(status=429, body={"policyName": "SECONDLY"}), 1.0),
        (Reply(status=429, body={"policyName": "TEN_SECONDLY_ROLLING"}), 10.0),
        (Reply(status=423), 2.0),
    ],
)
def test_a_write_that_hubspot_did_not_take_waits_and_goes_again(
    reply: Reply, least: float, open_client: OpenClient, timer: FakeTimer
) -> None:
    with serve_replies(reply, Reply(body={"results": [raw_record("1")]})) as server:
        answer = open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert set(answer.updated) == {FIRST}
    assert len(server.requests) == 2
    assert len(timer.waits) == 1
    assert timer.waits[0] >= least


def test_a_write_without_a_connection_goes_again_and_is_known_as_not_sent(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    with pytest.raises(NotSent):
        open_client("http://127.0.0.1:9", tries=3).update({FIRST: {STAGE: "lead"}})
    assert len(timer.waits) == 2


def test_a_refused_batch_wrote_nothing(open_client: OpenClient) -> None:
    body = {"category": "VALIDATION_ERROR", "message": "Duplicate IDs", "correlationId": "c-1"}
    with (
        serve_replies(Reply(status=400, body=body)) as server,
        pytest.raises(BatchRefused) as error,
    ):
        open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert (error.value.category, error.value.correlation_id) == ("VALIDATION_ERROR", "c-1")


TASK = Task(contact=FIRST, owner="7", subject="Follow up", body="Nobody owns it.", due_at=NOON)


def test_a_task_goes_to_its_owner_and_lies_on_its_contact(open_client: OpenClient) -> None:
    with serve_replies(Reply(status=201, body={"id": "60"})) as server:
        assert open_client(server.url).create_task(TASK) == "60"
    (request,) = server.requests
    assert request.path == "/crm/objects/2026-03/tasks"
    assert request.body == {
        "properties": {
            "hs_timestamp": "2026-03-12T12:00:00Z",
            "hs_task_subject": "Follow up",
            "hs_task_body": "Nobody owns it.",
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "TODO",
            "hubspot_owner_id": "7",
        },
        "associations": [
            {
                "to": {"id": "1"},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}],
            }
        ],
    }


def test_a_task_of_unknown_outcome_is_not_sent_twice(open_client: OpenClient) -> None:
    with serve_replies(Reply(status=502, body=HTML)) as server, pytest.raises(OutcomeUnknown):
        open_client(server.url).create_task(TASK)
    assert len(server.requests) == 1


def test_a_task_that_was_never_sent_is_known_to_be_none(open_client: OpenClient) -> None:
    with serve_replies(Reply()) as server:
        url = server.url
    with pytest.raises(NotSent):
        open_client(url).create_task(TASK)
