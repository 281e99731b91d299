"""Keep the result of the last check-up, so that the dashboard can show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from connector.operations.finding import CheckResult, Finding
from state import checkpoints
from state.db.transaction import Transaction

_NAME: Final = "check_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckUp:
    """What a check-up saw, in its order, and when."""

    at: datetime
    findings: tuple[Finding, ...]


def store_check_up(session: Transaction, findings: Sequence[Finding], *, at: datetime) -> None:
    """Store a check-up in place of the one before."""
    value = {"at": at.isoformat(), "findings": [asdict(finding) for finding in findings]}
    checkpoints.put(session, _NAME, value)


def read_check_up(session: Transaction) -> CheckUp | None:
    """Return the last check-up, None where none was stored."""
    value = checkpoints.get(session, _NAME)
    if value is None:
        return None
    return CheckUp(
        at=datetime.fromisoformat(value["at"]),
        findings=tuple(
            Finding(**{**finding, "result": CheckResult(finding["result"])})
            for finding in value["findings"]
        ),
    )
