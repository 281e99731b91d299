"""The client over HTTP: what is sent, how answers are read, and what failures mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from connector.core.follow_up.tasks import Task
from connector.core.model import STAGE, Association, ObjectType, Ref
from connector.errors import TemporaryError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.daily_budget import uninterruptible
from connector.hubspot.http.failures import (
    BadAnswer,
    BatchRefused,
    ClocksDisagree,
    LimitReached,
    NotSent,
    OutcomeUnknown,
    RequestsUsedUp,
    TokenRefused,
    Unavailable,
)
from tests.hubspot.conftest import TOKEN, FakeTimer
from tests.hubspot.scripted_server import ReceivedRequest, Reply, serve_by_rule, serve_replies

pytestmark = pytest.mark.network

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES
FIRST, SECOND = Ref(CONTACTS, "1"), Ref(CONTACTS, "2")
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HTML = b"<html><body>Bad Gateway</body></html>"
EMPTY_PAGE = {"results": [], "total": 0}

OpenClient = Callable[..., HubSpotClient]


def raw_record(number: str, **properties: str | None) -> dict[str, object]:
    return {
        "id": number,
        "properties": properties,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-03-12T11:00:00.500Z",
        "archived": False,
    }


@pytest.mark.parametrize(
    ("family", "path"),
    [
        ("v3", "/crm/v3/objects/contacts/search"),
        ("2026-03", "/crm/objects/2026-03/contacts/search"),
        ("2026-09", "/crm/objects/2026-09/contacts/search"),
    ],
)
def test_a_search_asks_for_a_window_in_milliseconds(
    family: str, path: str, open_client: OpenClient
) -> None:
    until = NOON + timedelta(microseconds=1500)
    with serve_replies(Reply(body=EMPTY_PAGE)) as server:
        open_client(server.url, family).search_changed(CONTACTS, ["email"], since=NOON, until=until)
    assert server.requests[0].path == path
    assert server.requests[0].body == {
        "filterGroups": [
            {
                "filters": [
                    {
                        "propertyName": "lastmodifieddate",
                        "operator": "BETWEEN",
                        "value": "1773316800000",
                        "highValue": "1773316800002",
                    }
                ]
            }
        ],
        "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        "properties": ["email", "hs_merged_object_ids"],
        "limit": 200,
    }


@pytest.mark.parametrize("kind", [COMPANIES, ObjectType.DEALS])
def test_companies_and_deals_have_another_last_modified_property(
    kind: ObjectType, open_client: OpenClient
) -> None:
    with serve_replies(Reply(body=EMPTY_PAGE)) as server:
        open_client(server.url).search_changed(kind, [], since=NOON, until=NOON)
    assert "'hs_lastmodifieddate'" in str(server.requests[0].body)


def test_a_search_by_id_keeps_the_window_and_sorts_by_id(open_client: OpenClient) -> None:
    with serve_replies(Reply(body=EMPTY_PAGE)) as server:
        open_client(server.url).search_changed(CONTACTS, [], since=NOON, until=NOON, after_id="0")
    body = server.requests[0].body
    assert isinstance(body, dict)
    assert body["filterGroups"][0]["filters"][1] == {
        "propertyName": "hs_object_id",
        "operator": "GT",
        "value": "0",
    }
    assert body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


def test_a_property_that_was_not_asked_for_is_never_taken_for_a_blank_one(
    open_client: OpenClient,
) -> None:
    page = {"total": 1, "results": [raw_record("1", lifecyclestage="", email="x", extra="y")]}
    with serve_replies(Reply(body=page)) as server:
        result = open_client(server.url).search_changed(
            CONTACTS, [STAGE, "email", "score"], since=NOON, until=NOON
        )
    record = result.records[0]
    assert record.properties == {STAGE: None, "email": "x", "score": None}
    assert record.modified_at == datetime(2026, 3, 12, 11, 0, 0, 500_000, UTC)
    with pytest.raises(KeyError):
        record.value("extra")


def test_a_list_follows_its_cursor_and_knows_its_end(open_client: OpenClient) -> None:
    first = {"results": [raw_record("1")], "paging": {"next": {"after": "2"}}}
    with serve_replies(Reply(body=first), Reply(body={"results": [raw_record("2")]})) as server:
        client = open_client(server.url)
        page = client.list_page(CONTACTS, ["email", STAGE])
        last = client.list_page(CONTACTS, [], after=page.after, archived=True)
    assert (page.after, page.total, last.after) == ("2", None, None)
    assert [request.path.partition("?")[2] for request in server.requests] == [
        "limit=100&archived=false&properties=email%2Clifecyclestage%2Chs_merged_object_ids",
        "limit=100&archived=true&after=2",
    ]


def test_reads_go_in_chunks_of_a_hundred_and_of_fifty_with_history(open_client: OpenClient) -> None:
    refs = [Ref(CONTACTS, str(number)) for number in range(1, 251)]
    with serve_replies(Reply(body={"results": []})) as server:
        client = open_client(server.url)
        client.read([*refs, *refs], [STAGE])
        client.read(refs[:60], [STAGE], history=[STAGE])
    sizes = [
        len(request.body["inputs"]) for request in server.requests if isinstance(request.body, dict)
    ]
    # Those of one reading are sent side by side, in any order.
    assert (sorted(sizes[:3]), sorted(sizes[3:])) == ([50, 100, 100], [10, 50])


def test_a_missing_record_is_absent(open_client: OpenClient) -> None:
    body = {
        "results": [raw_record("1", email="a")],
        "numErrors": 1,
        "errors": [{"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}],
    }
    with serve_replies(Reply(status=207, body=body)) as server:
        assert set(open_client(server.url).read([FIRST, SECOND], ["email"])) == {FIRST}


def test_a_merged_id_finds_its_survivor(open_client: OpenClient) -> None:
    merged = raw_record("9", email="a", hs_merged_object_ids="1;2")
    with serve_replies(Reply(body={"results": [merged]})) as server:
        records = open_client(server.url).read([FIRST, SECOND], ["email"])
    assert {ref: record.ref.id for ref, record in records.items()} == {FIRST: "9", SECOND: "9"}
    assert records[FIRST].properties == {"email": "a"}


def test_a_history_is_newest_first_with_its_sources(open_client: OpenClient) -> None:
    versions = [
        {"value": "lead", "timestamp": "2026-01-01T00:00:00Z", "sourceType": "IMPORT"},
        {
            "value": "",
            "timestamp": "2026-02-01T00:00:00Z",
            "sourceType": "CRM_UI",
            "sourceId": "userId:7",
            "updatedByUserId": 7,
            "sourceLabel": "Records",
        },
    ]
    body = raw_record("1") | {"propertiesWithHistory": {STAGE: versions}}
    with serve_replies(Reply(body={"results": [body]})) as server:
        record = open_client(server.url).read([FIRST], [], history=[STAGE, "unheard_of"])[FIRST]
    newest, oldest = record.history[STAGE]
    assert (newest.value, newest.source_type, newest.source_id, newest.user_id) == (
        "",
        "CRM_UI",
        "userId:7",
        "7",
    )
    assert (newest.source_label, oldest.source_label) == ("Records", "")
    assert oldest.value == "lead"
    assert record.history["unheard_of"] == ()


def raw_link(number: int, *kinds: tuple[int, str | None]) -> dict[str, object]:
    return {
        "toObjectId": number,
        "associationTypes": [
            {"category": "HUBSPOT_DEFINED", "typeId": kind, "label": label} for kind, label in kinds
        ],
    }


def test_associations_follow_the_paging_of_each_record(open_client: OpenClient) -> None:
    first_page = {
        "results": [
            {
                "from": {"id": "1"},
                "to": [raw_link(5, (1, "Primary"), (279, None))],
                "paging": {"next": {"after": "6"}},
            },
            {"from": {"id": "77"}, "to": [raw_link(5, (279, None))]},
        ],
        "errors": [{"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}],
        "numErrors": 1,
    }
    second_page = {"results": [{"from": {"id": "1"}, "to": [raw_link(6, (279, None))]}]}
    with serve_replies(Reply(status=207, body=first_page), Reply(body=second_page)) as server:
        associations = open_client(server.url, "v3").associations([FIRST, SECOND], COMPANIES).links
    company_5, company_6 = Ref(COMPANIES, "5"), Ref(COMPANIES, "6")
    assert associations == {
        FIRST: (
            Association(
                source=FIRST, target=company_5, is_primary=True, labels=frozenset({"Primary"})
            ),
            Association(source=FIRST, target=company_6),
        ),
        SECOND: (),
    }
    assert server.requests[0].path == "/crm/v4/associations/contacts/companies/batch/read"
    assert [request.body for request in server.requests] == [
        {"inputs": [{"id": "1"}, {"id": "2"}]},
        {"inputs": [{"id": "1", "after": "6"}]},
    ]


def test_associations_go_in_chunks_of_a_thousand(open_client: OpenClient) -> None:
    refs = [Ref(CONTACTS, str(number)) for number in range(1, 1502)]
    with serve_replies(Reply(body={"results": []})) as server:
        associations = open_client(server.url).associations(refs, COMPANIES).links
    assert len(associations) == 1501
    sizes = [
        len(request.body["inputs"]) for request in server.requests if isinstance(request.body, dict)
    ]
    assert sorted(sizes) == [501, 1000]


def test_pages_of_associations_that_do_not_advance_are_an_error(open_client: OpenClient) -> None:
    stuck = {"results": [{"from": {"id": "1"}, "to": [], "paging": {"next": {"after": "6"}}}]}
    with (
        serve_replies(Reply(body=stuck)) as server,
        pytest.raises(BadAnswer, match="do not advance"),
    ):
        open_client(server.url).associations([FIRST], COMPANIES)


def test_associations_that_could_not_be_read_are_never_taken_for_none(
    open_client: OpenClient,
) -> None:
    body = {"results": [], "errors": [{"category": "INTERNAL_ERROR", "message": "try later"}]}
    with serve_replies(Reply(status=207, body=body)) as server, pytest.raises(BadAnswer):
        open_client(server.url).associations([FIRST], COMPANIES)


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


UNKNOWN_OUTCOMES = [
    Reply(status=500, body={"message": "internal error"}),
    Reply(status=502, body=HTML),
    Reply(status=503, body=b""),
    Reply(status=504, body=HTML),
    Reply(status=524, body=HTML),
    Reply(body=b""),
    Reply(body=HTML),
    Reply(body=b'{"results": [{"id": "1"'),
    Reply(body=[]),
    Reply(body={"status": "COMPLETE"}),
    Reply(end="reset"),
    Reply(end="truncated"),
    Reply(end="hanging"),
]
REPLY_NAMES = [f"{reply.status}-{reply.end}-{reply.payload()[:12]!r}" for reply in UNKNOWN_OUTCOMES]


@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES, ids=REPLY_NAMES)
def test_a_write_whose_outcome_is_open_is_sent_once_and_says_so(
    reply: Reply, open_client: OpenClient
) -> None:
    with serve_replies(reply) as server, pytest.raises(OutcomeUnknown, match="read back"):
        open_client(server.url).update({FIRST: {STAGE: "lead"}})
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", UNKNOWN_OUTCOMES, ids=REPLY_NAMES)
def test_a_read_survives_the_same_and_is_asked_again(
    reply: Reply, open_client: OpenClient, timer: FakeTimer
) -> None:
    good = Reply(body={"results": [raw_record("1", email="a")]})
    with serve_replies(reply, reply, good) as server:
        records = open_client(server.url, read=0.1).read([FIRST], ["email"])
    assert records[FIRST].value("email") == "a"
    assert (len(server.requests), len(timer.waits)) == (3, 2)


def test_a_read_gives_up_after_its_tries(open_client: OpenClient) -> None:
    with serve_replies(Reply(status=500)) as server, pytest.raises(Unavailable):
        open_client(server.url, tries=4).read([FIRST], [])
    # The last two ask whether HubSpot answers for a record that does not exist.
    assert len(server.requests) == 4 + 2


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


def test_the_daily_limit_is_raised_with_the_wait_until_the_portals_midnight(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    account = {"portalId": 1, "timeZone": "Europe/Oslo"}
    daily = Reply(
        status=429,
        body={"policyName": "DAILY"},
        headers={"Date": "Thu, 12 Mar 2026 22:00:00 GMT"},
    )
    with serve_replies(Reply(body=account), daily) as server:
        client = open_client(server.url)
        client.account()
        with pytest.raises(LimitReached) as error:
            client.list_page(CONTACTS, [])
    assert (error.value.policy_name, error.value.retry_after) == ("DAILY", 3600.0)
    assert timer.waits == []


def test_a_migrating_account_is_left_alone_for_as_long_as_it_says(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    reply = Reply(status=477, headers={"Retry-After": "86400"})
    with serve_replies(reply) as server, pytest.raises(TemporaryError) as error:
        open_client(server.url).list_page(CONTACTS, [])
    assert (error.value.retry_after, timer.waits) == (86400, [])


def test_a_refused_token_is_never_repeated_in_the_message(open_client: OpenClient) -> None:
    reply = Reply(status=401, body={"message": f"The token {TOKEN} is unknown"})
    with serve_replies(reply) as server, pytest.raises(TokenRefused) as error:
        open_client(server.url).account()
    assert TOKEN not in str(error.value)
    assert "HUBSPOT_ACCESS_TOKEN" in str(error.value)


def test_now_is_the_portals_time_and_costs_one_request_at_most(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    with serve_replies(Reply(body={"portalId": 1})) as server:
        client = open_client(server.url)
        start = client.now()
        timer.wait(60)
        assert client.now() - start == timedelta(seconds=60)
        client.account()
    assert start == datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC)
    assert len(server.requests) == 2


@pytest.mark.parametrize("days", [-365, -2, 2, 365])
def test_where_the_clocks_are_days_apart_there_is_no_time_to_work_by(
    open_client: OpenClient, days: int
) -> None:
    machine_time = datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC) + timedelta(days=days)
    with serve_replies(Reply(body={"portalId": 1})) as server:
        client = open_client(server.url)
        client.compare_clocks(machine_time.timestamp)
        with pytest.raises(ClocksDisagree, match="2026-03-12 07:35 UTC") as error:
            client.now()
        with uninterruptible(), pytest.raises(ClocksDisagree):
            client.now()  # no earlier answer tells the time
    assert error.value.machine_time == machine_time


def test_a_single_answer_with_an_odd_date_changes_nothing(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    odd = Reply(body={"portalId": 1}, headers={"Date": "Fri, 12 Mar 2027 07:35:05 GMT"})
    sound = Reply(body={"portalId": 1})
    start = datetime(2026, 3, 12, 7, 35, 5, tzinfo=UTC)
    with serve_replies(sound, odd, sound, odd) as server:
        client = open_client(server.url)
        client.compare_clocks(start.timestamp)
        client.account()
        client.account()
        assert client.now() == start  # asked once more
        client.account()
        with uninterruptible():
            assert client.now() == start  # a write that was begun is finished
        with pytest.raises(ClocksDisagree):
            client.now()


def test_a_server_without_a_date_is_not_taken_for_hubspot(open_client: OpenClient) -> None:
    reply = Reply(body={"portalId": 1}, headers={"Date": ""})
    with serve_replies(reply) as server, pytest.raises(BadAnswer, match="HUBSPOT_API_URL"):
        open_client(server.url).now()


def test_searches_keep_to_four_a_second(open_client: OpenClient, timer: FakeTimer) -> None:
    with serve_replies(Reply(body=EMPTY_PAGE)) as server:
        client = open_client(server.url)
        for _ in range(9):
            client.search_changed(CONTACTS, [], since=NOON, until=NOON)
    assert timer.time - 1000 == 2.0


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


def test_histories_of_many_records_are_read_side_by_side(open_client: OpenClient) -> None:
    all_asked = Barrier(4, timeout=20)  # four requests of 50: broken unless all wait together

    def reply(request: ReceivedRequest) -> Reply:
        all_asked.wait()
        assert isinstance(request.body, dict)
        rows = [raw_record(row["id"], lifecyclestage="lead") for row in request.body["inputs"]]
        return Reply(body={"results": rows})

    refs = [Ref(CONTACTS, str(number)) for number in range(1, 201)]
    with serve_by_rule(reply) as server:
        client = open_client(server.url, read=30.0)
        records = client.read(refs, ["lifecyclestage"], history=["lifecyclestage"])
    assert list(records) == refs


def test_after_the_account_the_portal_is_read_side_by_side(open_client: OpenClient) -> None:
    all_asked = Barrier(4, timeout=20)  # three lists of properties, and the pipelines

    def reply(request: ReceivedRequest) -> Reply:
        if "account-info" in request.path:
            return Reply(body={"portalId": 1, "timeZone": "Europe/Oslo"})
        all_asked.wait()
        return Reply(body={"results": []})

    with serve_by_rule(reply) as server:
        portal = open_client(server.url, read=30.0).portal()
    assert portal.account.portal_id == "1"
    assert list(portal.definitions[CONTACTS]) == []


def test_a_limit_of_requests_counts_those_that_are_sent_again(open_client: OpenClient) -> None:
    failure = Reply(status=503, body={"status": "error", "message": "no"})
    with serve_by_rule(lambda _: failure) as server:
        client = open_client(server.url, tries=3)
        client.limit_requests(4)
        with pytest.raises(Unavailable):
            client.account()
        with pytest.raises(RequestsUsedUp, match="the budget of 4 requests is used"):
            client.account()
        with pytest.raises(RequestsUsedUp):
            client.account()
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_scopes_are_unknown_where_hubspot_does_not_know_the_kind_of_token(
    status: int, open_client: OpenClient
) -> None:
    refusal = Reply(status=status, body={"status": "error", "message": "no", "category": "X"})
    with serve_replies(refusal) as server:
        token = open_client(server.url).token_info()
    assert token.scopes is None
    (request,) = server.requests
    assert request.path == "/oauth/v2/private-apps/get/access-token-info"
    assert request.body == {"tokenKey": TOKEN}
