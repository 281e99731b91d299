"""Read recorded answers of HubSpot, and say which of them the sandbox has no route for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

UNSUPPORTED: Final = (
    ("webhooks/", "", "test vectors of signatures, not an answer"),
    ("create-contacts-err-partial", "", "a creation in parts (objectWriteTraceId) is not imitated"),
    ("err-contact-to-contact", "", "contacts are never linked to contacts"),
    ("", "/marketing/", "campaigns are no part of the connector's work"),
    ("", "/crm-object-schemas/", "object schemas are never asked for"),
    ("", "/crm/v3/schemas", "object schemas are never asked for"),
    ("", "/tickets", "tickets are never asked for"),
    ("", "/products", "products are never asked for"),
    ("read-via-search-campaigns", "", "filed under a search of contacts, but holds campaigns"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recorded request with its answer."""

    name: str
    method: str
    path: str
    params: Mapping[str, str]
    body: Any
    status: int
    content_type: str
    headers: frozenset[str]
    answer: Any

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return the records in the answer."""
        if not isinstance(self.answer, dict):
            return []
        results = self.answer.get("results", [self.answer])
        return [
            record
            for record in results
            if isinstance(record.get("properties"), dict) and "id" in record
        ]


def read(folder: Path) -> Iterator[Recording]:
    """Yield every recording of a folder, in the order of their names."""
    for path in sorted(folder.rglob("*.json")):
        name = str(path.relative_to(folder).with_suffix(""))
        yield _recording(name, json.loads(path.read_text()))


def unsupported_reason(recording: Recording) -> str:
    """Return why the sandbox does not answer such a request, "" where it does."""
    for name, path, reason in UNSUPPORTED:
        if name in recording.name and path in recording.path:
            return reason
    return ""


def hubspot_headers(names: Iterable[str]) -> frozenset[str]:
    """Return HubSpot's own headers, none where the fixture kept no correlation id."""
    hubspot_names = frozenset(
        name.lower() for name in names if name.lower().startswith("x-hubspot-")
    )
    return hubspot_names if "x-hubspot-correlation-id" in hubspot_names else frozenset()


def _recording(name: str, content: dict[str, Any]) -> Recording:
    request, response = content.get("request", {}), content.get("response", {})
    url = urlsplit(request.get("path", ""))
    answer = response.get("body")
    headers = {key.lower(): value for key, value in response.get("headers", {}).items()}
    default_type = "application/json" if isinstance(answer, dict) else "text/html"
    return Recording(
        name=name,
        method=request.get("method", "GET"),
        path=url.path,
        params=dict(parse_qsl(url.query)) | (request.get("params") or {}),
        body=request.get("body") or None,
        status=response.get("status", 0),
        content_type=headers.get("content-type", default_type if answer else "").partition(";")[0],
        headers=hubspot_headers(headers),
        answer=answer,
    )
