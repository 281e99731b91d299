"""What the comparison of shapes and the closed schemas notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.schema import folders, openapi
from tests.sandbox.schema.deviations import Deviation, unexpected
from tests.sandbox.schema.shapes import differences, shape

RECORD = {
    "id": "51",
    "properties": {"firstname": "Kari", "city": None},
    "createdAt": "2026-03-12T07:33:46.615Z",
    "archived": False,
}


def shape_differences(recorded: object, answer: object) -> list[str]:
    return list(differences(shape([recorded]), shape([answer])))


@pytest.mark.parametrize(
    ("changed", "noticed"),
    [
        ({"id": 51}, "$.id: integer where string:digits was"),
        ({"id": "abc"}, "$.id: string where string:digits was"),
        ({"archived": "false"}, "$.archived: string:boolean where boolean was"),
        (
            {"createdAt": "2026-03-12 07:33:46"},
            "$.createdAt: string where string:timestamp was",
        ),
        (
            {"createdAt": "1773300826615"},
            "$.createdAt: string:digits where string:timestamp was",
        ),
        ({"url": "https://app.example"}, "$.url: added"),
        ({"properties": {"firstname": "Kari"}}, "$.properties.city: missing"),
        (
            {"properties": {"firstname": None, "city": None}},
            "$.properties.firstname: null where string was",
        ),
    ],
)
def test_every_kind_of_difference_is_noticed(changed: dict[str, Any], noticed: str) -> None:
    assert shape_differences(RECORD, RECORD | changed) == [noticed]


def test_the_same_shape_has_no_differences() -> None:
    other_record = {
        "id": "99",
        "properties": {"firstname": "7", "city": None},
        "createdAt": "2024-01-01T00:00:00Z",
        "archived": True,
    }
    assert shape_differences(RECORD, other_record) == []


def test_a_missing_key_is_noticed_in_any_element_of_a_list() -> None:
    recorded = {"results": [RECORD, RECORD]}
    answer = {"results": [RECORD, {"id": "52"}]}
    assert shape_differences(recorded, answer) == [
        "$.results[].archived: missing",
        "$.results[].createdAt: missing",
        "$.results[].properties: missing",
    ]


def test_a_key_that_only_some_recorded_elements_have_may_be_missing() -> None:
    recorded = {"results": [RECORD, RECORD | {"associations": {}}]}
    assert shape_differences(recorded, {"results": [RECORD]}) == []


def test_an_html_page_is_not_json() -> None:
    assert shape_differences("<html>\n</html>", {"status": "error"}) == [
        "$: object where string:page was",
    ]


def test_only_reviewed_differences_are_expected() -> None:
    deviations = [Deviation("nango/*", r"\$\.url: added", "an older answer")]
    difference_lines = ["$.url: added", "$.id: missing"]
    assert unexpected(deviations, "nango/get-contact-0", difference_lines) == ["$.id: missing"]
    assert unexpected(deviations, "amp-labs/x", difference_lines) == difference_lines


SPEC = {
    "paths": {
        "/one": {
            "get": {
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/One"}}
                        }
                    }
                }
            }
        }
    },
    "components": {
        "schemas": {
            "One": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string"},
                    "at": {"type": "string", "format": "date-time", "nullable": True},
                    "more": {"type": "array", "items": {"$ref": "#/components/schemas/One"}},
                },
            },
            "Error": {"type": "object"},
        }
    },
}


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"id": "1", "at": "2026-03-12T07:33:46.615Z"}, []),
        ({"id": "1", "at": None}, []),
        ({"id": 1}, ["$.id"]),
        ({}, ["$"]),
        ({"id": "1", "other": 2}, ["$"]),
        ({"id": "1", "at": "yesterday"}, ["$.at"]),
        ({"id": "1", "more": [{"id": 3}]}, ["$.more[].id"]),
    ],
)
def test_a_closed_schema_notices_what_it_does_not_name(
    body: object, places: list[str], tmp_path: Path
) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    spec = openapi.load(tmp_path / "spec.json")
    schema = openapi.schema_of(spec, "GET", "/one", 200)
    assert [place for place, _ in openapi.violations(spec, schema, body)] == places


def test_an_answer_that_the_file_does_not_list_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    spec = openapi.load(tmp_path / "spec.json")
    assert openapi.schema_of(spec, "GET", "/one", 400) == "Error"


def test_a_folder_that_is_not_named_is_skipped_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_SPECS_DIR", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="HUBSPOT_SPECS_DIR is not set"):
        folders.required_folder("HUBSPOT_SPECS_DIR")


def test_a_folder_that_is_named_but_not_there_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_SPECS_DIR", "no/such/folder")
    with pytest.raises(pytest.fail.Exception, match="HUBSPOT_SPECS_DIR must name"):
        folders.required_folder("HUBSPOT_SPECS_DIR")


def test_ci_fails_where_the_folder_lies_beside_the_checkout_unnamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HUBSPOT_SPECS_DIR", raising=False)
    monkeypatch.setenv("CI", "true")
    (tmp_path / "specs").mkdir()
    with pytest.raises(pytest.fail.Exception, match="HUBSPOT_SPECS_DIR must name"):
        folders.required_folder("HUBSPOT_SPECS_DIR", tmp_path)
