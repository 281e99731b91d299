"""A plain HTTP client for a box, as any program would be one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import urllib3

from connector.sandbox.server import Sandbox

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Reply:
    """What came back; `body` is JSON, or text where it is HTML."""

    status: int
    headers: Any
    body: Any

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.body["results"]]


class Client:
    """Asks a box as any program would."""

    def __init__(self, box: Sandbox) -> None:
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(5))
        self.box = box
        self.family = "2026-03"
        self.headers = {"Authorization": f"Bearer {box.token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        content = {"Content-Type": "application/json"} if body is not None else {}
        answer = self._pool.request(
            method,
            self.box.url + path,
            body=None if body is None else orjson.dumps(body),
            headers={**self.headers, **content, **headers},
        )
        text = answer.headers.get("Content-Type", "")
        body = orjson.loads(answer.data) if "json" in text and answer.data else answer.data.decode()
        return Reply(answer.status, answer.headers, body)

    def objects(self, tail: str) -> str:
        if self.family == "v3":
            return f"/crm/v3/objects/{tail}"
        return f"/crm/objects/{self.family}/{tail}"

    def get(self, tail: str, **headers: str) -> Reply:
        return self.ask("GET", self.objects(tail), **headers)

    def post(self, tail: str, body: Any) -> Reply:
        return self.ask("POST", self.objects(tail), body)

    def update(self, kind: str, changes: dict[str, dict[str, Any]]) -> Reply:
        inputs = [{"id": one, "properties": values} for one, values in changes.items()]
        return self.post(f"{kind}/batch/update", {"inputs": inputs})

    def read(self, kind: str, ids: list[str], *names: str, history: tuple[str, ...] = ()) -> Reply:
        body = {
            "inputs": [{"id": one} for one in ids],
            "properties": list(names),
            "propertiesWithHistory": list(history),
        }
        return self.post(f"{kind}/batch/read", body)

    def value(self, kind: str, record_id: str, name: str) -> str | None:
        return self.read(kind, [record_id], name).body["results"][0]["properties"].get(name)

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> Reply:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"{kind}/search", {"filterGroups": groups, "limit": 100, **more})

    def associations(self, source: str, target: str, *inputs: dict[str, str]) -> Reply:
        path = f"/crm/associations/2026-03/{source}/{target}/batch/read"
        return self.ask("POST", path, {"inputs": list(inputs)})


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if value is None else {"value": str(value)}
    return {"propertyName": name, "operator": operator, **given, **more}
