"""Send requests to a sandbox as any HTTP client would, without our own client."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import urllib3

from connector.sandbox.http.server import Sandbox

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    """What came back; `body` is JSON, or text where it is HTML."""

    status: int
    headers: Any
    body: Any

    @property
    def ids(self) -> list[str]:
        return [record["id"] for record in self.body["results"]]


class Client:
    """Sends requests to a sandbox as any program would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(5))
        self.sandbox = sandbox
        self.family = "2026-03"
        self.headers = {"Authorization": f"Bearer {sandbox.token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        content_headers = {"Content-Type": "application/json"} if body is not None else {}
        response = self._pool.request(
            method,
            self.sandbox.url + path,
            body=None if body is None else orjson.dumps(body),
            headers={**self.headers, **content_headers, **headers},
        )
        content_type = response.headers.get("Content-Type", "")
        body = (
            orjson.loads(response.data)
            if "json" in content_type and response.data
            else response.data.decode()
        )
        return Reply(response.status, response.headers, body)

    def objects_path(self, subpath: str) -> str:
        if self.family == "v3":
            return f"/crm/v3/objects/{subpath}"
        return f"/crm/objects/{self.family}/{subpath}"

    def get(self, subpath: str, **headers: str) -> Reply:
        return self.ask("GET", self.objects_path(subpath), **headers)

    def post(self, subpath: str, body: Any) -> Reply:
        return self.ask("POST", self.objects_path(subpath), body)

    def update(self, object_type: str, changes: dict[str, dict[str, Any]]) -> Reply:
        inputs = [{"id": record_id, "properties": values} for record_id, values in changes.items()]
        return self.post(f"{object_type}/batch/update", {"inputs": inputs})

    def read(
        self, object_type: str, ids: list[str], *names: str, history: tuple[str, ...] = ()
    ) -> Reply:
        body = {
            "inputs": [{"id": record_id} for record_id in ids],
            "properties": list(names),
            "propertiesWithHistory": list(history),
        }
        return self.post(f"{object_type}/batch/read", body)

    def value(self, object_type: str, record_id: str, name: str) -> str | None:
        return self.read(object_type, [record_id], name).body["results"][0]["properties"].get(name)

    def search(self, object_type: str, *filters: dict[str, Any], **options: Any) -> Reply:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"{object_type}/search", {"filterGroups": groups, "limit": 100, **options})

    def associations(self, source: str, target: str, *inputs: dict[str, str]) -> Reply:
        path = f"/crm/associations/2026-03/{source}/{target}/batch/read"
        return self.ask("POST", path, {"inputs": list(inputs)})


def search_filter(
    name: str, operator: str, value: Any = None, **extra_fields: Any
) -> dict[str, Any]:
    value_field = {} if value is None else {"value": str(value)}
    return {"propertyName": name, "operator": operator, **value_field, **extra_fields}
