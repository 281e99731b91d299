"""What was written and why, line by line, each line chained to the one before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from connector.core.model import Outcome, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One correction as it ended; `hash` is filled when the line is appended.

    A redacted line has lost its two values for good (privacy deletion); both read "".
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
    """The lines up to `place` have left the database for a file; the chain goes on from `hash`.

    `latest` is when the last of them was written, `at` when they were cut.
    """

    position: int
    hash: str
    last_line_at: datetime
    at: datetime
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntactChain:
    """The chain holds: so many lines, the last with this hash ("" where there is none).

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
    """Return the salted digest that stands for the two values in the chain.

    The values lie beside it, so they can be redacted (with the salt) while the chain holds.
    """
    content = json.dumps([before, after], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(salt + content.encode()).hexdigest()


def line_hash(previous_hash: str, content: dict[str, str | int]) -> str:
    """Return the hash of a line: of the line before, and of everything but its two values."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(previous_hash.encode() + text.encode()).hexdigest()
