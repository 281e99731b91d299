"""Records that HubSpot does not serve, and odd rows of answers, do not stop the others."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from connector.core.model import STAGE, ObjectType, Ref
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.failures import BadAnswer, RecordsUnreadable, ServerFailed
from connector.hubspot.split_failing_reads import MAX_FAILING
from tests.hubspot.conftest import FakeTimer
from tests.hubspot.scripted_server import ReceivedRequest, Reply, serve_by_rule, serve_replies

pytestmark = pytest.mark.network

CONTACTS, DEALS = ObjectType.CONTACTS, ObjectType.DEALS
OpenClient = Callable[..., HubSpotClient]


def raw_record(record_id: str, **changes: object) -> dict[str, object]:
    return {
        "id": record_id,
        "properties": {STAGE: "lead", "lastmodifieddate": "2026-05-01T10:00:00.000Z"},
        "createdAt": "2026-05-01T10:00:00.000Z",
        "updatedAt": "2026-05-01T10:00:00.000Z",
        "archived": False,
        **changes,
    }


def asked_ids(request: ReceivedRequest) -> list[str]:
    assert isinstance(request.body, dict)
    return [item["id"] for item in request.body["inputs"]]


def failing_for(*bad_ids: str) -> Callable[[ReceivedRequest], Reply]:
    """Return a rule: 500 for a request that names one of these records, else an answer."""

    def reply_to(request: ReceivedRequest) -> Reply:
        ids = asked_ids(request)
        if set(ids) & set(bad_ids):
            return Reply(status=500, body={"status": "error", "message": "internal error"})
        if "associations" in request.path:
            return Reply(
                body={"results": [{"from": {"id": record_id}, "to": []} for record_id in ids]}
            )
        return Reply(
            body={"results": [raw_record(record_id) for record_id in ids if record_id != "0"]}
        )

    return reply_to


def contacts(*numbers: int) -> list[Ref]:
    return [Ref(CONTACTS, str(number)) for number in numbers]


def test_records_that_always_fail_are_named_and_all_others_are_read(
    open_client: OpenClient,
) -> None:
    with serve_by_rule(failing_for("117", "163")) as server:
        result = open_client(server.url).read_available(contacts(*range(100, 200)), [STAGE])
    assert set(result.unreadable) == set(contacts(117, 163))
    assert set(result.records) == set(contacts(*range(100, 200))) - set(contacts(117, 163))
    assert "500" in result.unreadable[Ref(CONTACTS, "117")]
    assert len(server.requests) < 70


def test_a_single_record_that_always_fails_is_named(open_client: OpenClient) -> None:
    with serve_by_rule(failing_for("100")) as server:
        result = open_client(server.url).read_available(contacts(100), [STAGE])
    assert set(result.unreadable) == set(contacts(100))


def test_a_reading_that_needs_every_record_raises_what_cannot_be_read(
    open_client: OpenClient,
) -> None:
    with (
        serve_by_rule(failing_for("100")) as server,
        pytest.raises(RecordsUnreadable, match="contacts/100"),
    ):
        open_client(server.url).read(contacts(100, 101), [STAGE])


def test_while_hubspot_is_down_no_record_is_named(open_client: OpenClient) -> None:
    down = Reply(status=500, body={"message": "internal error"})
    with serve_replies(down) as server, pytest.raises(ServerFailed):
        open_client(server.url, tries=3).read_available(contacts(*range(100, 200)), [STAGE])
    assert len(server.requests) <= 5


def test_where_hubspot_goes_down_meanwhile_no_record_is_named(open_client: OpenClient) -> None:
    rule = failing_for("100")
    answered: list[str] = []

    def down_after_the_halving(request: ReceivedRequest) -> Reply:
        answered.extend(asked_ids(request))
        is_down = asked_ids(request) == ["100"] or answered.count("0") > 1
        return Reply(status=503) if is_down else rule(request)

    with serve_by_rule(down_after_the_halving) as server, pytest.raises(ServerFailed):
        open_client(server.url, tries=2).read_available(contacts(100, 101), [STAGE])


def test_where_too_many_records_fail_it_is_not_the_records(open_client: OpenClient) -> None:
    bad_ids = [str(number) for number in range(100, 101 + MAX_FAILING)]
    with serve_by_rule(failing_for(*bad_ids)) as server, pytest.raises(ServerFailed):
        open_client(server.url, tries=2).read_available(contacts(*range(100, 130)), [STAGE])


def test_a_record_whose_associations_always_fail_is_never_one_without_any(
    open_client: OpenClient, timer: FakeTimer
) -> None:
    refs = [Ref(DEALS, str(number)) for number in range(900, 910)]
    with serve_by_rule(failing_for("900")) as server:
        result = open_client(server.url).associations(refs, CONTACTS)
    assert set(result.unreadable) == {Ref(DEALS, "900")}
    assert result.links == dict.fromkeys(refs[1:], ())


def lone_surrogate() -> bytes:
    properties = {STAGE: "lead", "recent_conversion_event_name": "Ask for a demo CUT"}
    body = {"results": [raw_record("101", properties=properties), raw_record("102")]}
    return orjson.dumps(body).replace(b"CUT", b"\\ud83d")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lone_surrogate(), "recent_conversion_event_name is cut"),
        ({"results": [raw_record("101", createdAt=None), raw_record("102")]}, "ValueError"),
        (
            {
                "results": [
                    {key: value for key, value in raw_record("101").items() if key != "createdAt"},
                    raw_record("102"),
                ]
            },
            "createdAt is missing",
        ),
        (
            {
                "results": [
                    raw_record("101", properties={STAGE: "lead"}, updatedAt=None),
                    raw_record("102"),
                ]
            },
            "ValueError",
        ),
        (
            {
                "results": [
                    raw_record("101", properties={STAGE: ["lead"]}),
                    raw_record("102"),
                ]
            },
            "lifecyclestage is no text",
        ),
    ],
    ids=["lone surrogate", "createdAt null", "no createdAt", "no time of change", "a list"],
)
def test_an_odd_row_is_named_and_the_others_are_read(
    open_client: OpenClient, body: object, reason: str
) -> None:
    names = [STAGE, "recent_conversion_event_name"]
    with serve_replies(Reply(body=body)) as server:
        client = open_client(server.url)
        page = client.list_page(CONTACTS, names)
        result = client.read_available(contacts(101, 102), names)
    assert [record.ref.id for record in page.records] == ["102"]
    assert set(result.records) == set(contacts(102))
    for unreadable in (page.unreadable, result.unreadable):
        assert set(unreadable) == set(contacts(101))
        assert reason in unreadable[Ref(CONTACTS, "101")]


def test_a_version_without_a_time_makes_its_record_unreadable(open_client: OpenClient) -> None:
    history = {STAGE: [{"value": "lead", "sourceType": "CRM_UI"}]}
    body = {"results": [raw_record("101", propertiesWithHistory=history), raw_record("102")]}
    with serve_replies(Reply(body=body)) as server:
        result = open_client(server.url).read_available(
            contacts(101, 102), [STAGE], history=[STAGE]
        )
    assert result.unreadable == {Ref(CONTACTS, "101"): "timestamp is missing"}


def test_an_association_that_is_refused_is_named_and_the_others_are_read(
    open_client: OpenClient,
) -> None:
    refused = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "subCategory": "crm.associations.INVALID_IDENTIFIER",
        "message": "901 is not a valid ID",
        "context": {"id": ["901"]},
    }
    body = {"results": [{"from": {"id": "900"}, "to": []}], "errors": [refused]}
    refs = [Ref(DEALS, "900"), Ref(DEALS, "901")]
    with serve_replies(Reply(status=207, body=body)) as server:
        result = open_client(server.url).associations(refs, CONTACTS)
    assert result.links == {refs[0]: ()}
    assert set(result.unreadable) == {refs[1]}


def test_an_odd_association_leaves_its_record_unreadable(open_client: OpenClient) -> None:
    links = [{"toObjectId": "soon", "associationTypes": []}]
    body = {"results": [{"from": {"id": "900"}, "to": links}, {"from": {"id": "901"}, "to": []}]}
    refs = [Ref(DEALS, "900"), Ref(DEALS, "901")]
    with serve_replies(Reply(body=body)) as server:
        result = open_client(server.url).associations(refs, CONTACTS)
    assert (set(result.links), set(result.unreadable)) == ({refs[1]}, {refs[0]})


def test_numbers_and_booleans_are_read_as_text_and_zero_is_not_blank(
    open_client: OpenClient,
) -> None:
    values = {"score": 0, "share": 0.5, "is_customer": True, STAGE: None}
    body = {"results": [raw_record("1", properties=values)]}
    with serve_replies(Reply(body=body)) as server:
        (record,) = open_client(server.url).list_page(CONTACTS, list(values)).records
    assert record.properties == {
        "score": "0",
        "share": "0.5",
        "is_customer": "true",
        STAGE: None,
    }


def test_a_cursor_that_is_empty_is_an_error_rather_than_a_loop(open_client: OpenClient) -> None:
    body = {"results": [raw_record("1")], "paging": {"next": {"after": ""}}}
    with serve_replies(Reply(body=body)) as server, pytest.raises(BadAnswer, match="cursor"):
        open_client(server.url, tries=1).list_page(CONTACTS, [])
