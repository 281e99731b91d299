"""Every recorded answer that one of our requests could receive becomes the right noun or error.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.core.model import STAGE, Account, ObjectType, Ref
from connector.errors import ConnectorError
from connector.hubspot.answer import Answer
from connector.hubspot.codec import associations, portal, records
from connector.hubspot.door import Page
from connector.hubspot.faults import (
    BadAnswer,
    BatchRefused,
    LimitReached,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
    WrongAddress,
    fault,
)
from connector.hubspot.routes import FAMILIES, Request, Route

VARIABLE = "HUBSPOT_RECORDED_DIR"
FOLDER = os.environ.get(VARIABLE, "")
BESIDE = Path(__file__).parents[3] / "shared" / "recorded"

OTHER_SHAPE = {
    "amp-labs/read-objects-api-contacts-batch.json": (
        "answers an association read with records: its path was noted wrongly"
    ),
    "amp-labs/read-via-search-campaigns-response.json": (
        "answers a search for contacts with campaigns: its path was noted wrongly"
    ),
}
PASSED_OVER = {
    "another request": "a request that the door never makes",
    "another type": "an object type that the connector does not read",
    "no answer": "not a recorded answer",
    "other shape": "the file's path and body do not belong together",
}
TYPES = "|".join(ObjectType)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    name: str
    request: Mapping[str, Any]
    answer: Answer


def recordings() -> Iterator[Recorded | tuple[str, str]]:
    """Yield what can be read, and (name, reason) for what is passed over."""
    for file in sorted(Path(FOLDER).rglob("*.json")):
        name = str(file.relative_to(FOLDER))
        document = orjson.loads(file.read_bytes())
        if "response" not in document:
            yield name, "no answer"
        elif name in OTHER_SHAPE:
            yield name, "other shape"
        else:
            yield Recorded(
                name=name, request=document["request"], answer=answered(document["response"])
            )


def answered(response: Mapping[str, Any]) -> Answer:
    body = response["body"]
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    headers = {key.lower(): value for key, value in (response.get("headers") or {}).items()}
    return Answer(status=response["status"], headers=headers, body=raw)


def asked(recorded: Recorded) -> tuple[Route, ObjectType] | str:
    """Return which of our requests this answers, or why it is passed over."""
    method, path = recorded.request["method"], recorded.request["path"].partition("?")[0]
    if path == "(any)":
        return Route.SEARCH, ObjectType.CONTACTS
    for route, pattern in FAMILIES["v3"].items():
        known = re.fullmatch(pattern.format(type=f"(?P<t>{TYPES})", to=f"(?:{TYPES})"), path)
        some = re.fullmatch(pattern.format(type=r"[\w-]+", to=r"[\w-]+"), path)
        writes_or_asks = route in {Route.LIST, Route.PROPERTIES, Route.PIPELINES, Route.ACCOUNT}
        if (known or some) and method != ("GET" if writes_or_asks else "POST"):
            continue
        if known and "t" in known.groupdict() and known["t"]:
            return route, ObjectType(known["t"])
        if known:
            return route, ObjectType.CONTACTS
        if some and recorded.answer.status < 400:
            return "another type"
        if some:
            return route, ObjectType.CONTACTS
    return "another request"


def decoded(recorded: Recorded, route: Route, kind: ObjectType) -> object:
    """Read an answer as the door does: the error that it means, else its nouns."""
    request = Request(route=route, path=recorded.request["path"], body={})
    error = fault(recorded.answer, request)
    if error:
        return error
    ids = [
        str(one.get("id") or one["from"]["id"])
        for one in recorded.answer.document().get("results", [])  # type: ignore[attr-defined]  # JSON
        if "id" in one or "from" in one
    ]
    refs = [Ref(kind, one) for one in ids] or [Ref(kind, "1")]
    readers: Mapping[Route, Callable[[Answer], object]] = {
        Route.LIST: lambda answer: records.page(answer, kind, ["email", STAGE]),
        Route.SEARCH: lambda answer: records.found(answer, kind, ["email", STAGE]),
        Route.BATCH_READ: lambda answer: records.read(answer, refs, ["email"], [STAGE]),
        Route.BATCH_UPDATE: lambda answer: records.updated(answer, [*refs, Ref(kind, "999")]),
        Route.ASSOCIATIONS: lambda answer: associations.associations(
            answer, refs, ObjectType.COMPANIES
        ),
        Route.PROPERTIES: portal.definitions,
        Route.PIPELINES: portal.pipelines,
        Route.ACCOUNT: portal.account,
    }
    return readers[route](recorded.answer)


def every() -> list[tuple[Recorded, Route, ObjectType]]:
    found = []
    for recorded in recordings():
        if isinstance(recorded, Recorded):
            what = asked(recorded)
            if not isinstance(what, str):
                found.append((recorded, *what))
    return found


@pytest.fixture(scope="module")
def nouns() -> dict[str, object]:
    if not FOLDER:
        if os.environ.get("CI") and BESIDE.is_dir():
            pytest.fail(f"recordings lie beside the project, but {VARIABLE} is not set")
        pytest.skip(f"{VARIABLE} is not set: no recorded answer was read")
    return {one.name: decoded(one, route, kind) for one, route, kind in every()}


def test_every_recorded_answer_is_read_or_passed_over_for_a_reason(
    nouns: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    passed: dict[str, list[str]] = {}
    for recorded in recordings():
        name, why = recorded if isinstance(recorded, tuple) else (recorded.name, asked(recorded))
        if isinstance(why, str):
            passed.setdefault(why, []).append(name)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(nouns)} recorded answers read\n")
        for why, names in passed.items():
            sys.stdout.write(f"passed over, {PASSED_OVER[why]}: {', '.join(names)}\n")
    assert passed.keys() <= PASSED_OVER.keys()
    assert len(nouns) >= 30
    assert not [name for name, noun in nouns.items() if isinstance(noun, BadAnswer)]


def test_each_recorded_error_is_its_error(nouns: dict[str, object]) -> None:
    errors = {name: type(noun) for name, noun in nouns.items() if isinstance(noun, ConnectorError)}
    assert errors == {
        "amp-labs/batch-update-contacts-err-duplicate-ids.json": BatchRefused,
        "amp-labs/batch-update-contacts-err-many-invalid-properties.json": BatchRefused,
        "amp-labs/search-error-invalid-object.json": RequestRefused,
        "manual/400-batch-read-missing-id.json": RequestRefused,
        "manual/400-duplicate-ids.json": BatchRefused,
        "manual/400-null-input-id.json": RequestRefused,
        "manual/400-search-bad-operator.json": RequestRefused,
        "manual/400-unknown-type-id.json": RequestRefused,
        "manual/401-invalid-auth.json": TokenRefused,
        "manual/429-secondly-groupname.json": LimitReached,
        "manual/429-secondly.json": LimitReached,
        "manual/429-ten-secondly.json": LimitReached,
        "vcr-ruby_hubspot_api/companies-properties-no-scope-0.json": ScopeMissing,
        "vcr-ruby_hubspot_api/contacts-properties-no-scope-0.json": ScopeMissing,
    }


def test_recorded_errors_of_other_requests_are_understood_as_well(
    nouns: dict[str, object],
) -> None:
    kinds = {}
    for one in recordings():
        if isinstance(one, Recorded) and one.name not in nouns and one.answer.status >= 400:
            request = Request(route=Route.LIST, path=one.request["path"])
            kinds[one.name] = type(fault(one.answer, request))
    assert kinds["manual/404-non-numeric-id.json"] is RecordMissing
    assert kinds["manual/404-record-html.json"] is WrongAddress
    assert kinds["manual/403-missing-scopes-write.json"] is ScopeMissing
    assert kinds["manual/405-search-get.json"] is RequestRefused
    assert None.__class__ not in kinds.values()


def test_each_recorded_page_holds_its_records(nouns: dict[str, object]) -> None:
    bodies = {one.name: one.answer.document() for one, _, _ in every()}
    pages = {name: noun for name, noun in nouns.items() if isinstance(noun, Page)}
    assert len(pages) >= 14
    for name, page in pages.items():
        raws: Any = bodies[name]["results"]
        assert [one.ref.id for one in page.records] == [raw["id"] for raw in raws], name
        assert [one.value(STAGE) for one in page.records] == [
            raw["properties"].get(STAGE) or "" for raw in raws
        ], name
        assert page.total == bodies[name].get("total"), name


def test_recorded_updates_tell_what_became_of_each_record(nouns: dict[str, object]) -> None:
    def told(name: str) -> tuple[list[str], list[str], list[str]]:
        answer: Any = nouns[name]
        return tuple(  # type: ignore[return-value]  # three lists, as the signature says
            sorted(ref.id for ref in group)
            for group in (answer.updated, answer.refused, answer.unnamed)
        )

    assert told("amp-labs/batch-update-contacts-success.json") == (
        ["171591000198", "171591000199"],
        [],
        ["999"],
    )
    assert told("manual/200-silent-failure-empty-results.json") == ([], [], ["1", "999"])
    assert told("nango/batch-update-companies-0.json")[2] == ["999"]


def test_the_record_that_a_recorded_207_refuses_is_known_by_its_id() -> None:
    if not FOLDER:
        pytest.skip(f"{VARIABLE} is not set: no recorded answer was read")
    name = "amp-labs/batch-update-contacts-err-partial-success.json"
    answer = next(one.answer for one, _, _ in every() if one.name == name)
    unknown = Ref(ObjectType.CONTACTS, "unknownIdentifier888")
    told = records.updated(answer, [unknown, Ref(ObjectType.CONTACTS, "171591000199")])
    assert set(told.refused) == {unknown}
    assert told.refused[unknown].category == "OBJECT_NOT_FOUND"
    assert told.unnamed == frozenset()


def test_the_recorded_associations_have_their_primary_company(nouns: dict[str, object]) -> None:
    links: Any = nouns["amp-labs/search-contacts-contacts-to-companies.json"]
    (link,), rest = links
    assert (str(link.source), str(link.target)) == ("contacts/501", "companies/29022297485")
    assert (link.is_primary, link.labels, rest) == (True, frozenset({"Primary"}), {})


def test_the_recorded_portal_is_read(nouns: dict[str, object]) -> None:
    account: Any = nouns["nango/fetch-account-information-0.json"]
    assert account == Account(
        portal_id="147893286", time_zone="US/Eastern", ui_domain="app-eu1.hubspot.com"
    )
    definitions: Any = nouns["vcr-ruby_hubspot_api/contacts-properties-0.json"]
    assert [one.value for one in definitions[STAGE].options][:3] == [
        "subscriber",
        "lead",
        "marketingqualifiedlead",
    ]
    pipelines: Any = nouns["nango/fetch-pipelines-0.json"]
    stages = {one.id: (one.is_closed, one.probability) for one in pipelines[0].stages}
    assert stages["closedwon"] == (True, 1.0)
    assert stages["closedlost"] == (True, 0.0)
    assert stages["appointmentscheduled"] == (False, 0.2)
