"""The client reads completely, in as few requests as HubSpot allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from connector.core.model import STAGE, Association, ObjectType, Ref
from connector.hubspot.http.failures import (
    BadAnswer,
)
from tests.hubspot.raw_answers import (
    COMPANIES,
    CONTACTS,
    EMPTY_PAGE,
    FIRST,
    NOON,
    SECOND,
    OpenClient,
    raw_record,
)
from tests.hubspot.scripted_server import ReceivedRequest, Reply, serve_by_rule, serve_replies

pytestmark = pytest.mark.network


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
