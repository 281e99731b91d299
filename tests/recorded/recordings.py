"""Read the recorded answers: which records, definitions, pipelines and links they tell of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

KINDS: Final = ("contacts", "companies", "deals")
_OBJECTS: Final = re.compile(r"/crm/v3/objects/(contacts|companies|deals)(?:[/?]|$)")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One recorded request with its answer; `name` is the file's, below the folder."""

    name: str
    method: str
    path: str
    sent: Any
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def rows(self) -> list[Any]:
        """Return what is in the answer, of a single record that one."""
        return self.body.get("results", [self.body]) if isinstance(self.body, dict) else []


@dataclass(kw_only=True)
class Recorded:
    """One record as all recordings together tell of it; what none tells is absent."""

    kind: str
    id: str
    properties: dict[str, str] = field(default_factory=dict)
    modified: str = ""
    deleted: bool = False


@dataclass(frozen=True, kw_only=True)
class Folder:
    """All recorded answers by the name of their file, and the files that hold none."""

    answers: Mapping[str, Answer]
    without: tuple[str, ...]

    def results(self, name: str) -> list[Any]:
        """Return the results of one file."""
        return self.answers[name].rows

    def records(self) -> dict[tuple[str, str], Recorded]:
        """Return every record that a recording shows; of two recordings the later one counts."""
        shown: list[tuple[str, str, Any]] = []
        for kind, row in self._rows():
            shown.append((_modified(row), kind, row))
        found: dict[tuple[str, str], Recorded] = {}
        for modified, kind, row in sorted(shown, key=lambda one: _moment(one[0])):
            record = found.setdefault((kind, row["id"]), Recorded(kind=kind, id=row["id"]))
            told = {name: value or "" for name, value in row["properties"].items()}
            record.properties |= told
            record.modified = modified
        for kind, number in self._deleted():
            if (kind, number) in found:
                found[kind, number].deleted = True
        return found

    def _rows(self) -> Iterator[tuple[str, Any]]:
        for answer in self.answers.values():
            kind = _OBJECTS.match(answer.path)
            for row in answer.rows if kind and answer.status < 400 else []:
                if "properties" in row and str(row.get("id", "")).isdigit():
                    yield kind[1], row  # type: ignore[index]  # without a kind there are no rows

    def _deleted(self) -> Iterator[tuple[str, str]]:
        for answer in self.answers.values():
            kind = _OBJECTS.match(answer.path)
            if not kind or answer.status != 204:
                continue
            if answer.method == "DELETE":
                yield kind[1], answer.path.rpartition("/")[2]
            elif answer.path.endswith("/batch/archive"):
                yield from ((kind[1], str(one["id"])) for one in answer.sent["inputs"])


def read(folder: Path) -> Folder:
    """Read every recorded answer of a folder."""
    found: dict[str, Answer] = {}
    without: list[str] = []
    for path in sorted(folder.rglob("*.json")):
        written = json.loads(path.read_text(encoding="utf-8"))
        name = str(path.relative_to(folder))
        if "response" in written:
            found[name] = _answer(name, written["request"], written["response"])
        else:
            without.append(name)
    return Folder(answers=found, without=tuple(without))


def _answer(name: str, request: Mapping[str, Any], response: Mapping[str, Any]) -> Answer:
    headers = {key.lower(): value for key, value in (response.get("headers") or {}).items()}
    return Answer(
        name=name,
        method=request["method"],
        path=request["path"],
        sent=request.get("body"),
        status=response["status"],
        headers=headers,
        body=response["body"],
    )


def _modified(row: Mapping[str, Any]) -> str:
    properties = row["properties"]
    own = properties.get("lastmodifieddate") or properties.get("hs_lastmodifieddate")
    return str(own or row["updatedAt"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
