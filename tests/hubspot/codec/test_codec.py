"""The codec parses HubSpot's different spellings of the same value, and is fast."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.model import Account, ObjectType, Ref
from connector.hubspot.codec import associations, portal, records
from connector.hubspot.codec.parsing import parse_time
from connector.hubspot.http.failures import BadAnswer
from connector.hubspot.http.response import Answer

CONTACTS = ObjectType.CONTACTS
NAMES = [f"property_{number}" for number in range(13)]


def answer(body: object) -> Answer:
    return Answer(status=200, body=body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-12T07:33:20.500Z",
        "2026-03-12T07:33:20.5Z",
        "2026-03-12T08:33:20.500+01:00",
        "2026-03-12T07:33:20.500",
        "1773300800500",
        "1773300800500.0",
        "1.7733008005E12",
    ],
)
def test_a_time_is_read_however_it_is_written(text: str) -> None:
    assert parse_time(text) == datetime(2026, 3, 12, 7, 33, 20, 500_000, UTC)


def test_a_date_is_its_first_moment() -> None:
    assert parse_time("2026-03-12") == datetime(2026, 3, 12, tzinfo=UTC)


def test_milliseconds_that_look_like_a_basic_date_are_milliseconds() -> None:
    assert parse_time("161201060000") == datetime(1975, 2, 9, 18, 4, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"results": [',
        b"[]",
        b"null",
        {},
        {"results": None, "total": 0},
        {"results": [{"properties": {}}], "total": 1},
        {"results": [{"id": "first", "properties": {}}], "total": 1},
        {"results": [], "total": None},
        {"results": [], "total": {}},
    ],
)
def test_a_search_answer_that_is_none_is_named_so(body: object) -> None:
    with pytest.raises(BadAnswer, match="search"):
        records.parse_search(answer(body), CONTACTS, [])


@pytest.mark.parametrize(
    ("body", "description"), [(b" ", "empty"), (b"\n<html>", "HTML"), (b"{", "not as documented")]
)
def test_a_bad_answer_says_what_it_looks_like(body: bytes, description: str) -> None:
    with pytest.raises(BadAnswer, match=description):
        records.parse_list(answer(body), CONTACTS, [])


@given(st.binary(max_size=40))
def test_no_body_whatever_ends_in_a_traceback(body: bytes) -> None:
    for parse in (
        lambda response: records.parse_list(response, CONTACTS, []),
        lambda response: records.parse_update(response, [Ref(CONTACTS, "1")]),
        lambda response: associations.parse_associations(response, [Ref(CONTACTS, "1")], CONTACTS),
        portal.parse_account,
        portal.parse_definitions,
        portal.parse_owner_emails,
        portal.parse_pipelines,
    ):
        with pytest.raises(BadAnswer):
            parse(answer(body))


def test_an_account_is_read_with_its_id_as_text() -> None:
    body = {"portalId": 147893286, "timeZone": "US/Eastern", "uiDomain": "app-eu1.hubspot.com"}
    assert portal.parse_account(answer(body)) == Account(
        portal_id="147893286", time_zone="US/Eastern", ui_domain="app-eu1.hubspot.com"
    )


def stage(number: str, order: int, **metadata: str) -> dict[str, object]:
    return {"id": number, "label": number.title(), "displayOrder": order, "metadata": metadata}


def test_deal_stages_come_in_order_with_what_their_metadata_say() -> None:
    stages = [
        stage("late", -1),
        stage("won", 2, isClosed="true", probability="1.0"),
        stage("open", 0, isClosed="FALSE", probability="0.2"),
        stage("odd", 1, isClosed="", probability="high"),
    ]
    body = {
        "results": [
            {"id": "2", "label": "Second", "displayOrder": 1, "stages": []},
            {"id": "1", "label": "First", "displayOrder": 0, "stages": stages},
            {"id": "0", "label": "Gone", "displayOrder": 0, "stages": [], "archived": True},
        ]
    }
    first, second = portal.parse_pipelines(answer(body))
    assert (first.label, second.label) == ("First", "Second")
    assert [
        (deal_stage.id, deal_stage.is_closed, deal_stage.probability) for deal_stage in first.stages
    ] == [
        ("open", False, 0.2),
        ("odd", None, None),
        ("won", True, 1.0),
        ("late", None, None),
    ]


def test_a_property_definition_keeps_options_and_whether_it_may_be_written() -> None:
    body = {
        "results": [
            {
                "name": "lifecyclestage",
                "label": "Lifecycle Stage",
                "type": "enumeration",
                "fieldType": "radio",
                "options": [
                    {"label": "Kunde", "value": "51439524", "displayOrder": 3, "hidden": True}
                ],
                "modificationMetadata": {"readOnlyValue": True},
            },
            {"name": "email", "type": "string"},
        ]
    }
    definitions, _ = portal.parse_definitions(answer(body))
    option = definitions["lifecyclestage"].options[0]
    assert (option.value, option.label, option.order, option.hidden) == (
        "51439524",
        "Kunde",
        3,
        True,
    )
    assert definitions["lifecyclestage"].read_only
    assert (definitions["email"].label, definitions["email"].read_only) == ("email", False)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"name": "a", "fieldType": "text", "options": []}, ("string", [])),
        (
            {
                "name": "a",
                "type": "enumeration",
                "options": [{"label": None, "value": "x", "displayOrder": None, "hidden": None}],
            },
            ("enumeration", [("x", "x", -1, False)]),
        ),
    ],
)
def test_an_odd_definition_is_read_as_far_as_it_goes(raw: object, expected: object) -> None:
    definitions, unreadable = portal.parse_definitions(answer({"results": [raw]}))
    read = definitions["a"]
    options = [(option.value, option.label, option.order, option.hidden) for option in read.options]
    assert ((read.type, options), unreadable) == (expected, {})


def test_a_definition_that_cannot_be_read_is_named_and_left_out() -> None:
    odd = {"name": "odd", "fieldType": "file"}
    optionless = {"name": "bare", "type": "enumeration", "options": [{"label": "x"}]}
    sound = {"name": "sound", "type": "string"}
    definitions, unreadable = portal.parse_definitions(
        answer({"results": [odd, optionless, sound]})
    )
    assert list(definitions) == ["sound"]
    assert unreadable == {"odd": "its type is missing", "bare": "value is missing"}


def test_an_odd_pipeline_is_read_as_far_as_it_goes() -> None:
    stages = [{"id": "won", "label": None, "displayOrder": None, "metadata": None}]
    body = {
        "results": [
            {"id": "default", "label": None, "displayOrder": None, "stages": stages},
            {"id": "empty", "label": "Empty", "stages": None},
        ]
    }
    pipelines = portal.parse_pipelines(answer(body))
    assert [(pipeline.label, len(pipeline.stages)) for pipeline in pipelines] == [
        ("default", 1),
        ("Empty", 0),
    ]
