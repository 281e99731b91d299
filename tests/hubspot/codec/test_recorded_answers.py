"""Every recorded answer that one of our requests could receive becomes the right noun or error.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names. Each is served over HTTP, with
status, headers and body, to the request of the client that it answers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pytest

from connector.core.model import (
    STAGE,
    Account,
    Association,
    DealStage,
    ObjectType,
    Record,
    Ref,
    Version,
)
from connector.errors import ConnectorError
from connector.hubspot.api import Page
from connector.hubspot.codec.parsing import parse_time
from connector.hubspot.codec.records import MODIFIED_PROPERTY
from connector.hubspot.http.routes import Route
from tests.hubspot.recorded_exchange import (
    UNKNOWN_ID,
    Exchange,
    exchange,
    exchanges,
    property_names,
)
from tests.hubspot.recorded_requests import MISFILED, RequestKind, request_for
from tests.recorded.recordings import RecordedAnswer, Recordings, read
from tests.sandbox.schema.folders import required_folder

pytestmark = pytest.mark.network

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES

# Answers to requests that the client would not send just so, and why they are read all the same.
ANOTHER_PATH: Final = {
    **dict.fromkeys(MISFILED, "it is filed under another path"),
    "amp-labs/metadata-contacts-external-pipelines.json": "stages as a pipeline, one more shape",
    "amp-labs/search-error-invalid-object.json": "a refusal that every type may get",
    "manual/400-unknown-type-id.json": "a refusal that every type may get",
    "manual/429-secondly-groupname.json": "any request may get it",
    "manual/429-secondly.json": "any request may get it",
    "manual/429-ten-secondly.json": "any request may get it",
}


@pytest.fixture(scope="module")
def folder() -> Recordings:
    return read(required_folder("HUBSPOT_RECORDED_DIR"))


@pytest.fixture(scope="module")
def recorded_exchanges(folder: Recordings) -> dict[str, Exchange]:
    return exchanges(folder)


@pytest.fixture(scope="module")
def results(recorded_exchanges: dict[str, Exchange]) -> dict[str, Any]:
    return {name: recorded.result for name, recorded in recorded_exchanges.items()}


def test_every_recorded_file_is_read_or_passed_over_for_a_reason(
    folder: Recordings, recorded_exchanges: dict[str, Exchange], capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = {
        name: reason
        for name, answer in folder.answers.items()
        if isinstance(reason := request_for(answer), str)
    }
    reasons |= dict.fromkeys(folder.files_without_answer, "vectors of signatures, not an answer")
    with capsys.disabled():
        sys.stdout.write(f"\n{len(recorded_exchanges)} recorded answers read by the client\n")
        for text, count in Counter(reasons.values()).most_common():
            sys.stdout.write(f"{count:3} passed over: {text}\n")
    assert len(recorded_exchanges) >= 65
    assert len(recorded_exchanges) + len(reasons) == len(folder.answers) + len(
        folder.files_without_answer
    )


def test_the_door_sends_the_request_that_was_recorded(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    mismatched = {
        name
        for name, recorded in recorded_exchanges.items()
        if f"{folder.answers[name].method} {path_of(folder.answers[name])}"
        not in recorded.sent_requests
    }
    assert mismatched == ANOTHER_PATH.keys() & recorded_exchanges.keys()


def test_each_recorded_page_holds_its_records_with_every_property(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    pages = {
        name: recorded
        for name, recorded in recorded_exchanges.items()
        if isinstance(recorded.result, Page)
    }
    assert len(pages) >= 16
    for name, recorded in pages.items():
        answer = folder.answers[name]
        assert list(recorded.result.records) == records_of(answer, recorded.request.kind), name
        assert recorded.result.total == answer.body.get("total"), name
        after = answer.body.get("paging", {}).get("next", {}).get("after")
        assert recorded.result.after == after, name


def test_the_recorded_batch_reads_find_the_records_that_exist_and_no_others(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    read_in_batches = {
        name: recorded.result
        for name, recorded in recorded_exchanges.items()
        if recorded.request.route is Route.BATCH_READ
        and not isinstance(recorded.result, ConnectorError)
    }
    assert read_in_batches == {
        name: {record.ref: record for record in records_of(folder.answers[name], CONTACTS)}
        for name in (
            "amp-labs/read-objects-api-contacts-batch.json",
            "manual/207-batch-read-by-email.json",
            "manual/207-batch-read-none-found.json",
        )
    }
    assert list(map(len, read_in_batches.values())) == [2, 1, 0]


def test_a_recorded_single_read_tells_who_answered(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    singles = successful_results(recorded_exchanges, Route.READ)
    answered = {name: result for name, result in singles if result}
    assert len(answered) >= 10
    for name, result in answered.items():
        assert result == Ref(recorded_exchanges[name].request.kind, folder.answers[name].body["id"])
    assert all(folder.answers[name].status == 404 for name, result in singles if result is None)


def test_the_recorded_history_becomes_versions(folder: Recordings) -> None:
    answer = folder.answers["manual/history-is_verified.json"]
    record = exchange(answer, RequestKind(Route.BATCH_READ, CONTACTS)).result[Ref(CONTACTS, "1")]
    (row,) = answer.rows[0]["propertiesWithHistory"]["is_verified"]
    assert record.history["is_verified"] == (
        Version(
            value=row["value"],
            at=parse_time(row["timestamp"]),
            source_type=row["sourceType"],
            source_id=row["sourceId"],
            user_id=str(row["updatedByUserId"]),
            source_label=row.get("sourceLabel", ""),
        ),
    )


@pytest.mark.parametrize(
    ("name", "kind", "updated", "refused"),
    [
        (
            "amp-labs/batch-update-contacts-success.json",
            CONTACTS,
            {"171591000198", "171591000199"},
            {},
        ),
        (
            "amp-labs/batch-update-contacts-err-partial-success.json",
            CONTACTS,
            {"171591000199"},
            {"unknownIdentifier888": "OBJECT_NOT_FOUND"},
        ),
        ("manual/200-silent-failure-empty-results.json", CONTACTS, set(), {}),
        ("nango/batch-update-companies-0.json", COMPANIES, {"407218578642"}, {}),
    ],
)
def test_a_recorded_update_tells_what_became_of_each_record(
    name: str,
    kind: ObjectType,
    updated: set[str],
    refused: Mapping[str, str],
    results: dict[str, Any],
) -> None:
    result = results[name]
    assert {ref.id for ref in result.updated} == updated
    assert {record.value(STAGE) for record in result.updated.values()} <= {"lead"}
    assert {ref.id: refusal.category for ref, refusal in result.refused.items()} == refused
    assert result.unanswered == {Ref(kind, UNKNOWN_ID)}


def test_the_recorded_associations_have_their_primary_company(results: dict[str, Any]) -> None:
    linked = Ref(CONTACTS, "501")
    assert results["amp-labs/search-contacts-contacts-to-companies.json"].links == {
        linked: (
            Association(
                source=linked,
                target=Ref(COMPANIES, "29022297485"),
                is_primary=True,
                labels=frozenset({"Primary"}),
            ),
        ),
        Ref(CONTACTS, "103107104018"): (),
        Ref(CONTACTS, UNKNOWN_ID): (),
    }


def test_each_recorded_definition_is_read(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    definitions = [
        pair for pair in successful_results(recorded_exchanges, Route.PROPERTIES) if pair[1]
    ]
    assert [len(result) for _, result in definitions] == [15, 2, 354]
    for name, result in definitions:
        rows = {row["name"]: row for row in folder.answers[name].rows}
        assert result.keys() == rows.keys()
        for definition in result.values():
            row = rows[definition.name]
            assert (
                definition.label,
                definition.type,
                definition.field_type,
                definition.read_only,
            ) == (
                row["label"],
                row["type"],
                row["fieldType"],
                row["modificationMetadata"]["readOnlyValue"],
            )
            assert [
                (option.value, option.label, option.order, option.hidden)
                for option in definition.options
            ] == [
                (
                    option["value"],
                    option["label"] or option["value"],
                    option["displayOrder"],
                    option["hidden"],
                )
                for option in row["options"]
            ]


def test_each_recorded_pipeline_is_read(recorded_exchanges: dict[str, Exchange]) -> None:
    pipelines_by_file = dict(successful_results(recorded_exchanges, Route.PIPELINES))
    stages = {name: result[0].stages for name, result in pipelines_by_file.items()}
    sales = stages["nango/fetch-pipelines-0.json"]
    assert [(stage.id, stage.is_closed, stage.probability) for stage in sales] == [
        ("appointmentscheduled", False, 0.2),
        ("qualifiedtobuy", False, 0.4),
        ("presentationscheduled", False, 0.6),
        ("decisionmakerboughtin", False, 0.8),
        ("contractsent", False, 0.9),
        ("closedwon", True, 1.0),
        ("closedlost", True, 0.0),
    ]
    assert stages["amp-labs/metadata-deals-external-pipelines.json"] == sales
    lifecycle = stages["amp-labs/metadata-contacts-external-pipelines.json"]
    assert lifecycle[0] == DealStage(id="subscriber", label="Subscriber", is_closed=False)
    assert lifecycle[-1] == DealStage(id="other", label="Other", is_closed=True)
    assert len(lifecycle) == 8


def test_each_recorded_account_is_read(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    accounts = successful_results(recorded_exchanges, Route.ACCOUNT)
    assert len(accounts) == 2
    for name, result in accounts:
        body = folder.answers[name].body
        assert result == Account(
            portal_id=str(body["portalId"]),
            time_zone=body["timeZone"],
            account_type=body["accountType"],
            ui_domain=body["uiDomain"],
        )


def test_the_portals_time_is_that_of_the_recorded_answer(
    folder: Recordings, recorded_exchanges: dict[str, Exchange]
) -> None:
    dated = {name: folder.answers[name].headers.get("date") for name in recorded_exchanges}
    wrong_times = {
        name: recorded_exchanges[name].portal_time
        for name, text in dated.items()
        if text
        and abs(recorded_exchanges[name].portal_time - parsedate_to_datetime(text))
        > timedelta(seconds=1)
    }
    assert sum(map(bool, dated.values())) >= 15
    assert wrong_times == {}


def successful_results(
    recorded_exchanges: dict[str, Exchange], route: Route
) -> list[tuple[str, Any]]:
    """Return what became a noun, by the name of its file."""
    return [
        (name, recorded.result)
        for name, recorded in sorted(recorded_exchanges.items())
        if recorded.request.route is route and not isinstance(recorded.result, ConnectorError)
    ]


def path_of(answer: RecordedAnswer) -> str:
    return answer.path.partition("?")[0]


def records_of(answer: RecordedAnswer, kind: ObjectType) -> list[Record]:
    """Return the records of an answer as they should be read; blank texts are none."""
    return list(_records(answer, kind))


def _records(answer: RecordedAnswer, kind: ObjectType) -> Iterator[Record]:
    for row in answer.rows:
        yield Record(
            ref=Ref(kind, row["id"]),
            properties={
                name: row["properties"].get(name) or None for name in property_names(answer)
            },
            modified_at=parse_time(
                row["properties"].get(MODIFIED_PROPERTY[kind], row["updatedAt"])
            ),
            created_at=parse_time(row["createdAt"]),
            archived=row["archived"],
        )
