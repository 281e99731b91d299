"""Every recorded answer that one of our requests could receive becomes the right noun or error.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names. Each is served over HTTP, with
status, headers and body, to the request of the real door that it answers.
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
from connector.hubspot.codec.parsing import moment
from connector.hubspot.codec.records import MODIFIED
from connector.hubspot.door import Page
from connector.hubspot.routes import Route
from tests.hubspot.recorded_exchange import UNHEARD_OF, Told, exchange, exchanges, names
from tests.hubspot.recorded_requests import FILED_WRONGLY, Asked, asked
from tests.recorded.recordings import Answer, Folder, read
from tests.sandbox.schema.folders import required

pytestmark = pytest.mark.network

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES

# Answers to requests that the door would not send just so, and why they are read all the same.
ANOTHER_PATH: Final = {
    **dict.fromkeys(FILED_WRONGLY, "it is filed under another path"),
    "amp-labs/metadata-contacts-external-pipelines.json": "stages as a pipeline, one more shape",
    "amp-labs/search-error-invalid-object.json": "a refusal that every type may get",
    "manual/400-unknown-type-id.json": "a refusal that every type may get",
    "manual/429-secondly-groupname.json": "any request may get it",
    "manual/429-secondly.json": "any request may get it",
    "manual/429-ten-secondly.json": "any request may get it",
}


@pytest.fixture(scope="module")
def folder() -> Folder:
    return read(required("HUBSPOT_RECORDED_DIR"))


@pytest.fixture(scope="module")
def told(folder: Folder) -> dict[str, Told]:
    return exchanges(folder)


@pytest.fixture(scope="module")
def nouns(told: dict[str, Told]) -> dict[str, Any]:
    return {name: one.noun for name, one in told.items()}


def test_every_recorded_file_is_read_or_passed_over_for_a_reason(
    folder: Folder, told: dict[str, Told], capsys: pytest.CaptureFixture[str]
) -> None:
    reasons = {
        name: to for name, one in folder.answers.items() if isinstance(to := asked(one), str)
    }
    reasons |= dict.fromkeys(folder.without, "vectors of signatures, not an answer")
    with capsys.disabled():
        sys.stdout.write(f"\n{len(told)} recorded answers read by the door\n")
        for why, count in Counter(reasons.values()).most_common():
            sys.stdout.write(f"{count:3} passed over: {why}\n")
    assert len(told) >= 65
    assert len(told) + len(reasons) == len(folder.answers) + len(folder.without)


def test_the_door_sends_the_request_that_was_recorded(
    folder: Folder, told: dict[str, Told]
) -> None:
    others = {
        name
        for name, one in told.items()
        if f"{folder.answers[name].method} {path_of(folder.answers[name])}" not in one.sent
    }
    assert others == ANOTHER_PATH.keys() & told.keys()


def test_each_recorded_page_holds_its_records_with_every_property(
    folder: Folder, told: dict[str, Told]
) -> None:
    pages = {name: one for name, one in told.items() if isinstance(one.noun, Page)}
    assert len(pages) >= 16
    for name, one in pages.items():
        answer = folder.answers[name]
        assert list(one.noun.records) == records_of(answer, one.asked.kind), name
        assert one.noun.total == answer.body.get("total"), name
        after = answer.body.get("paging", {}).get("next", {}).get("after")
        assert one.noun.after == (after if one.asked.route is Route.LIST else None), name


def test_the_recorded_batch_reads_find_who_is_there_and_nobody_else(
    folder: Folder, told: dict[str, Told]
) -> None:
    read_in_batches = {
        name: one.noun
        for name, one in told.items()
        if one.asked.route is Route.BATCH_READ and not isinstance(one.noun, ConnectorError)
    }
    assert read_in_batches == {
        name: {one.ref: one for one in records_of(folder.answers[name], CONTACTS)}
        for name in (
            "amp-labs/read-objects-api-contacts-batch.json",
            "manual/207-batch-read-by-email.json",
            "manual/207-batch-read-none-found.json",
        )
    }
    assert list(map(len, read_in_batches.values())) == [2, 1, 0]


def test_a_recorded_single_read_tells_who_answered(folder: Folder, told: dict[str, Told]) -> None:
    singles = read_well(told, Route.READ)
    found = {name: noun for name, noun in singles if noun}
    assert len(found) >= 10
    for name, noun in found.items():
        assert noun == Ref(told[name].asked.kind, folder.answers[name].body["id"])
    assert all(folder.answers[name].status == 404 for name, noun in singles if noun is None)


def test_the_recorded_history_becomes_versions(folder: Folder) -> None:
    answer = folder.answers["manual/history-is_verified.json"]
    record = exchange(answer, Asked(Route.BATCH_READ, CONTACTS)).noun[Ref(CONTACTS, "1")]
    (row,) = answer.rows[0]["propertiesWithHistory"]["is_verified"]
    assert record.history["is_verified"] == (
        Version(
            value=row["value"],
            at=moment(row["timestamp"]),
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
    nouns: dict[str, Any],
) -> None:
    noun = nouns[name]
    assert {ref.id for ref in noun.updated} == updated
    assert {one.value(STAGE) for one in noun.updated.values()} <= {"lead"}
    assert {ref.id: one.category for ref, one in noun.refused.items()} == refused
    assert noun.unnamed == {Ref(kind, UNHEARD_OF)}


def test_the_recorded_associations_have_their_primary_company(nouns: dict[str, Any]) -> None:
    linked = Ref(CONTACTS, "501")
    assert nouns["amp-labs/search-contacts-contacts-to-companies.json"] == {
        linked: (
            Association(
                source=linked,
                target=Ref(COMPANIES, "29022297485"),
                is_primary=True,
                labels=frozenset({"Primary"}),
            ),
        ),
        Ref(CONTACTS, "103107104018"): (),
        Ref(CONTACTS, UNHEARD_OF): (),
    }


def test_each_recorded_definition_is_read(folder: Folder, told: dict[str, Told]) -> None:
    known = [one for one in read_well(told, Route.PROPERTIES) if one[1]]
    assert [len(noun) for _, noun in known] == [15, 2, 354]
    for name, noun in known:
        rows = {row["name"]: row for row in folder.answers[name].rows}
        assert noun.keys() == rows.keys()
        for one in noun.values():
            row = rows[one.name]
            assert (one.label, one.type, one.field_type, one.read_only) == (
                row["label"],
                row["type"],
                row["fieldType"],
                row["modificationMetadata"]["readOnlyValue"],
            )
            assert [(each.value, each.label, each.order, each.hidden) for each in one.options] == [
                (
                    each["value"],
                    each["label"] or each["value"],
                    each["displayOrder"],
                    each["hidden"],
                )
                for each in row["options"]
            ]


def test_each_recorded_pipeline_is_read(told: dict[str, Told]) -> None:
    known = dict(read_well(told, Route.PIPELINES))
    stages = {name: noun[0].stages for name, noun in known.items()}
    sales = stages["nango/fetch-pipelines-0.json"]
    assert [(one.id, one.is_closed, one.probability) for one in sales] == [
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


def test_each_recorded_account_is_read(folder: Folder, told: dict[str, Told]) -> None:
    known = read_well(told, Route.ACCOUNT)
    assert len(known) == 2
    for name, noun in known:
        body = folder.answers[name].body
        assert noun == Account(
            portal_id=str(body["portalId"]),
            time_zone=body["timeZone"],
            account_type=body["accountType"],
            ui_domain=body["uiDomain"],
        )


def test_the_portals_time_is_that_of_the_recorded_answer(
    folder: Folder, told: dict[str, Told]
) -> None:
    dated = {name: folder.answers[name].headers.get("date") for name in told}
    late = {
        name: told[name].now
        for name, text in dated.items()
        if text and abs(told[name].now - parsedate_to_datetime(text)) > timedelta(seconds=1)
    }
    assert sum(map(bool, dated.values())) >= 15
    assert late == {}


def read_well(told: dict[str, Told], route: Route) -> list[tuple[str, Any]]:
    """Return what became a noun, by the name of its file."""
    return [
        (name, one.noun)
        for name, one in sorted(told.items())
        if one.asked.route is route and not isinstance(one.noun, ConnectorError)
    ]


def path_of(answer: Answer) -> str:
    return answer.path.partition("?")[0]


def records_of(answer: Answer, kind: ObjectType) -> list[Record]:
    """Return the records of an answer as they should be read; blank texts are none."""
    return list(_records(answer, kind))


def _records(answer: Answer, kind: ObjectType) -> Iterator[Record]:
    for row in answer.rows:
        yield Record(
            ref=Ref(kind, row["id"]),
            properties={name: row["properties"].get(name) or None for name in names(answer)},
            modified_at=moment(row["properties"].get(MODIFIED[kind], row["updatedAt"])),
            created_at=moment(row["createdAt"]),
            archived=row["archived"],
        )
