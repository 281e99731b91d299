"""Raw answers of HubSpot, and names for what the client's tests ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from connector.core.model import ObjectType, Ref
from connector.hubspot.client import HubSpotClient
from tests.hubspot.scripted_server import Reply

CONTACTS, COMPANIES = ObjectType.CONTACTS, ObjectType.COMPANIES
FIRST, SECOND = Ref(CONTACTS, "1"), Ref(CONTACTS, "2")
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
HTML = b"<html><body>Bad Gateway</body></html>"
EMPTY_PAGE = {"results": [], "total": 0}

OpenClient = Callable[..., HubSpotClient]


def raw_record(number: str, **properties: str | None) -> dict[str, object]:
    return {
        "id": number,
        "properties": properties,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-03-12T11:00:00.500Z",
        "archived": False,
    }


UNKNOWN_OUTCOMES = [
    Reply(status=500, body={"message": "internal error"}),
    Reply(status=502, body=HTML),
    Reply(status=503, body=b""),
    Reply(status=504, body=HTML),
    Reply(status=524, body=HTML),
    Reply(body=b""),
    Reply(body=HTML),
    Reply(body=b'{"results": [{"id": "1"'),
    Reply(body=[]),
    Reply(body={"status": "COMPLETE"}),
    Reply(end="reset"),
    Reply(end="truncated"),
    Reply(end="hanging"),
]
REPLY_NAMES = [f"{reply.status}-{reply.end}-{reply.payload()[:12]!r}" for reply in UNKNOWN_OUTCOMES]
