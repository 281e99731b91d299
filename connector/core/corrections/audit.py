"""Define the audit line, and the chain of hashes that connects each line to the line before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Outcome, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One finished correction; `hash` is filled when the line is appended.

    A redacted line no longer holds its two values (privacy deletion); both read "".
    """

    at: datetime
    run: str
    record: Ref
    property_name: str
    before: str
    after: str
    rule: str
    policy: str
    outcome: Outcome
    correlation_id: str = ""
    hash: str = ""
    redacted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCut:
    """The lines up to `place` were moved to a file; the chain continues from `hash`.

    `latest` is when the last of them was written, `at` when they were cut.
    """

    position: int
    hash: str
    last_line_at: datetime
    at: datetime
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntactChain:
    """The chain holds: its number of lines, and the hash of the last ("" where there is none).

    The lines before a cut are counted, but lie in a file.
    """

    line_count: int
    last_hash: str
    cut: AuditCut | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenChain:
    """The chain breaks: the first row, counted from 1, that is not as it was appended.

    `line` is None where the row cannot be read as a line any more.
    """

    row: int
    line: AuditLine | None


ChainCheck = IntactChain | BrokenChain


def values_digest(salt: bytes, before: str, after: str) -> str:
    """Return the salted digest that represents the two values in the chain.

    The values and the salt are stored beside it, so redacting them leaves the chain intact.
    """
    content = json.dumps([before, after], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(salt + content.encode()).hexdigest()


def line_hash(previous_hash: str, content: dict[str, str | int]) -> str:
    """Return the hash of a line, made of the hash before and everything but the two values."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(previous_hash.encode() + text.encode()).hexdigest()
