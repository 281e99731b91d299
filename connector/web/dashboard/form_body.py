"""Read what a form sent: its fields, or a file."""

from __future__ import annotations

from dataclasses import dataclass
from email import policy as email_policy
from email.parser import BytesParser
from pathlib import PurePath
from urllib.parse import parse_qsl

from fastapi import Request

from connector.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A form with a file: the token, the file's name, and its bytes."""

    token: str
    name: str
    content: bytes


def read_upload(content_type: str, body: bytes) -> Upload:
    """Return the parts of a form of the type multipart/form-data; absent parts are empty."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=email_policy.HTTP).parsebytes(head + body)
    token, name, content = "", "", b""
    for part in message.iter_parts():
        field = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        value = payload if isinstance(payload, bytes) else b""
        if field == "token":
            token = value.decode("utf-8", "replace").strip()
        elif field == "policy":
            name, content = PurePath(part.get_filename() or "").name, value
    return Upload(token=token, name=name or "the file", content=content)


def read_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form of the usual type."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def read_body(request: Request, limit: int) -> bytes:
    """Return what was sent; UserError where it is larger than `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise UserError("This form is too large: nothing was done.")
    return bytes(body)
