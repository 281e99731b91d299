"""Read the recorded answers: which records, definitions, pipelines and links they contain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

OBJECT_TYPES: Final = ("contacts", "companies", "deals")
_OBJECTS: Final = re.compile(r"/crm/v3/objects/(contacts|companies|deals)(?:[/?]|$)")


@dataclass(frozen=True, kw_only=True)
class RecordedAnswer:
    """One recorded request with its answer; `name` is the file's, below the folder."""

    name: str
    method: str
    path: str
    request_body: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def rows(self) -> list[Any]:
        """Return what is in the answer, of a single record that one."""
        return self.body.get("results", [self.body]) if isinstance(self.body, dict) else []


@dataclass(kw_only=True)
class RecordedRecord:
    """One record as all recordings together tell of it; what none tells is absent."""

    kind: str
    id: str
    properties: dict[str, str] = field(default_factory=dict)
    modified: str = ""
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """All recorded answers by the name of their file, and the files that hold none."""

    answers: Mapping[str, RecordedAnswer]
    files_without_answer: tuple[str, ...]

    def results(self, name: str) -> list[Any]:
        """Return the results of one file."""
        return self.answers[name].rows

    def records(self) -> dict[tuple[str, str], RecordedRecord]:
        """Return every record that a recording shows; of two recordings the later one counts."""
        versions: list[tuple[str, str, Any]] = []
        for object_type, row in self._rows():
            versions.append((_modified(row), object_type, row))
        records: dict[tuple[str, str], RecordedRecord] = {}
        for modified, object_type, row in sorted(
            versions, key=lambda version: _parse_time(version[0])
        ):
            record = records.setdefault(
                (object_type, row["id"]), RecordedRecord(kind=object_type, id=row["id"])
            )
            properties = {name: value or "" for name, value in row["properties"].items()}
            record.properties |= properties
            record.modified = modified
        for object_type, record_id in self._deleted_records():
            if (object_type, record_id) in records:
                records[object_type, record_id].deleted = True
        return records

    def _rows(self) -> Iterator[tuple[str, Any]]:
        for answer in self.answers.values():
            match = _OBJECTS.match(answer.path)
            for row in answer.rows if match and answer.status < 400 else []:
                if "properties" in row and str(row.get("id", "")).isdigit():
                    yield match[1], row  # type: ignore[index]  # without a kind there are no rows

    def _deleted_records(self) -> Iterator[tuple[str, str]]:
        for answer in self.answers.values():
            match = _OBJECTS.match(answer.path)
            if not match or answer.status != 204:
                continue
            if answer.method == "DELETE":
                yield match[1], answer.path.rpartition("/")[2]
            elif answer.path.endswith("/batch/archive"):
                yield from ((match[1], str(entry["id"])) for entry in answer.request_body["inputs"])


def read(folder: Path) -> Recordings:
    """Read every recorded answer of a folder."""
    answers: dict[str, RecordedAnswer] = {}
    files_without_answer: list[str] = []
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(folder))
        if "response" in content:
            answers[name] = _answer(name, content["request"], content["response"])
        else:
            files_without_answer.append(name)
    return Recordings(answers=answers, files_without_answer=tuple(files_without_answer))


def _answer(name: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> RecordedAnswer:
    headers = {key.lower(): value for key, value in (response.get("headers") or {}).items()}
    return RecordedAnswer(
        name=name,
        method=request["method"],
        path=request["path"],
        request_body=request.get("body"),
        status=response["status"],
        headers=headers,
        body=response["body"],
    )


def _modified(row: Mapping[str, Any]) -> str:
    properties = row["properties"]
    modified = properties.get("lastmodifieddate") or properties.get("hs_lastmodifieddate")
    return str(modified or row["updatedAt"])


def _parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
