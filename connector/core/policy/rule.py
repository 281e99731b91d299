"""Define the rules and lead status rows of a policy, without a portal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.core.conditions.tree import Condition
from connector.core.model import ObjectType
from connector.core.policy.read_settings import PolicyWord
from connector.core.problem import Place

KEEP: Final = "keep"
CLEAR: Final = "clear"
BUILT_IN: Final = ("out-of-scope", "unknown-stage", "alias", "keep", "unsettled")
"""The built-in rules, which every policy has."""


class RuleDirection(StrEnum):
    """The directions in which a rule may move a record: along the path, back, or both."""

    FORWARD = "forward"
    BACKWARD = "backward"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a rule: one value, or one for each value of the stage or of a setting.

    A word is `keep`, `clear`, `$setting`, or a stage or lead status by value or label.
    """

    by: str = "stage"
    branches: tuple[tuple[PolicyWord, PolicyWord], ...] = ()
    otherwise: PolicyWord | None = None

    @property
    def words(self) -> tuple[PolicyWord, ...]:
        """Return the words of all its values."""
        last = (self.otherwise,) if self.otherwise else ()
        return (*(value for _, value in self.branches), *last)


@dataclass(frozen=True, slots=True)
class Reason:
    """A text with names of facts in braces; each part is a text and the name after it."""

    parts: tuple[tuple[str, str], ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule for the stage."""

    name: str
    object_types: frozenset[ObjectType]
    when: Condition
    stage: Target
    direction: RuleDirection
    from_parked: bool
    reason: Reason
    place: Place
    own: bool
    before: str = ""
    marks_former_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row for the lead status of contacts, by the stage that results."""

    name: str
    when: Condition
    lead_status: Target
    reason: Reason
    place: Place
    own: bool
    before: str = ""
