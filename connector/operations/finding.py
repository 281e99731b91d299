"""Define the result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckResult(StrEnum):
    """How serious a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check, with what to do where it is not ok; `section` groups them."""

    name: str
    result: CheckResult
    message: str
    section: str = "portal"
