"""Follows one record through the rules, round by round, until nothing changes."""

from __future__ import annotations

from typing import Final

from connector.core.bound import BoundRule, Side
from connector.core.facts import Facts
from connector.core.model import STAGE, STATUS
from connector.core.policy_form import Way
from connector.core.values import Value, Values
from connector.core.vocabulary import RULES, Fact

ROUNDS: Final = 3
"""How often the rules may move a record before they have to leave it be."""


class Course:
    """One record's way through the rules; `stage` and `status` are where it has come to.

    An alias counts as the stage that it stands for. `won` names every rule that won, `moved`
    the rules that moved the stage with their reasons, `row` what decided the lead status.
    """

    __slots__ = (
        "_found",
        "_pinned",
        "_side",
        "_values",
        "moved",
        "row",
        "stage",
        "status",
        "winner",
        "won",
    )

    def __init__(self, side: Side, facts: Facts, pinned: frozenset[str]) -> None:
        self._side = side
        self._pinned = pinned
        self._found = facts.stage
        self._values: dict[str, Value] = dict(facts.values)
        self.stage = side.aliases.get(facts.stage, facts.stage)
        self.status = facts.status
        self._values["stage"] = self.stage or None
        self.won: list[str] = []
        self.moved: list[tuple[BoundRule, str]] = []
        self.winner: BoundRule | None = None
        self.row: tuple[str, str, tuple[Fact, ...]] | None = None

    def settle(self) -> bool:
        """Apply the rules to their own result; return whether they came to rest."""
        for _ in range(ROUNDS + 1):
            stage, status = self.stage, self.status
            first = len(self.won)
            if STAGE not in self._pinned and not self._move():
                return False
            if STATUS not in self._pinned and self.stage:
                self._mark(self.won[first:])
            if (stage, status) == (self.stage, self.status):
                return True
        return False

    @property
    def values(self) -> Values:
        """Return the facts as they are where it has come to."""
        return self._values

    @property
    def result(self) -> str:
        """Return the stage that really results."""
        return self._found if STAGE in self._pinned else self.stage

    def told(self) -> tuple[str, str]:
        """Return the rule that decided the stage, and its reason."""
        if self.moved:
            reasons = dict.fromkeys(reason for _, reason in self.moved)
            return self.moved[-1][0].name, "; then ".join(reasons)
        if STAGE in self._pinned:
            return "keep", "the stage stays as it is"
        if self.stage != self._found:
            labels = self._side.labels
            return "alias", f"{labels[self._found]} counts as {labels[self.stage]}"
        if self.winner:
            return self.winner.name, self.winner.reason(self._values)
        return "keep", "no rule asks for anything else"

    def _move(self) -> bool:
        """Move the stage until a rule keeps it; return whether one did."""
        values = self._values
        while True:
            rule = next((one for one in self._side.rules if one.when.holds(values)), None)
            self.winner = rule
            if rule is None:
                return True
            self.won.append(rule.name)
            target = self.target(rule)
            if target == self.stage:
                return True
            if len(self.moved) == ROUNDS:
                return False
            self.moved.append((rule, rule.reason(values)))
            self.stage = values["stage"] = target

    def target(self, rule: BoundRule) -> str:
        """Return where a rule leads from here: nowhere, if its direction does not allow it."""
        wanted = rule.leads_to(self.stage, self._values)
        if wanted is None or (rule.follows and wanted not in self._side.named):
            return self.stage
        wanted = self._side.aliases.get(wanted, wanted)
        return wanted if self._allows(rule, wanted) else self.stage

    def _allows(self, rule: BoundRule, wanted: str) -> bool:
        side, stage = self._side, self.stage
        if not stage:
            return rule.way is not Way.BACKWARD
        if stage in side.parked:
            return rule.from_parked
        if rule.way is Way.ANY:
            return True
        ahead = side.order[wanted] > side.order[stage]
        return ahead is (rule.way is Way.FORWARD)

    def _mark(self, fired: list[str]) -> None:
        """Set the lead status by the first row that holds for the stage that resulted."""
        values = self._values
        values[RULES] = tuple(fired)
        row = next((one for one in self._side.rows if one.when.holds(values)), None)
        wanted = row.leads_to(self.stage, values) if row else None
        if row is None or wanted is None or wanted == self.status:
            return
        self.row = (row.name, row.reason(values), (*row.when.facts, *row.told))
        self.status = wanted
        values["status"] = wanted or None
