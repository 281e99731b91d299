"""Apply the rules to one record, round by round, until nothing changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from connector.core.binding.bound_policy import BoundEntry, BoundRule, ObjectPolicy
from connector.core.conditions.values import Value, Values
from connector.core.conditions.vocabulary import ENTERED_PREFIX, RULES_FACT, Fact
from connector.core.decide.facts import Facts
from connector.core.model import STAGE, STATUS
from connector.core.policy.rule import RuleDirection

_Entry = TypeVar("_Entry", bound=BoundEntry)

MAX_ROUNDS: Final = 3
"""The number of rounds after which a record that still moves is left alone."""


def first_entry(entries: Iterable[_Entry], values: Values) -> _Entry | None:
    """Return the first rule or row that holds, None where none does."""
    # A plain loop: a generator costs as much as the conditions.
    for entry in entries:
        if entry.when.holds(values):
            return entry
    return None


class Rounds:
    """The state of one record between rounds; `stage` and `status` are its present values.

    An alias counts as the stage that it means. `winning_rules` names every rule that won,
    `stage_changes` the rules that moved the stage with their reasons, `status_change` the row that
    set the lead status, with its reason and facts.
    """

    __slots__ = (
        "_object_policy",
        "_original_stage",
        "_pinned",
        "_values",
        "stage",
        "stage_changes",
        "status",
        "status_change",
        "winner",
        "winning_rules",
    )

    def __init__(self, object_policy: ObjectPolicy, facts: Facts, pinned: frozenset[str]) -> None:
        self._object_policy = object_policy
        self._pinned = pinned
        self._original_stage = facts.stage
        self._values: dict[str, Value] = dict(facts.values)
        self.stage = object_policy.aliases.get(facts.stage, facts.stage)
        self.status = facts.status
        self._values["stage"] = self.stage or None
        self.winning_rules: list[str] = []
        self.stage_changes: list[tuple[BoundRule, str]] = []
        self.winner: BoundRule | None = None
        self.status_change: tuple[str, str, tuple[Fact, ...]] | None = None

    def run(self) -> bool:
        """Apply the rules to their own result; return whether they settled."""
        for _ in range(MAX_ROUNDS + 1):
            stage, status = self.stage, self.status
            first_new = len(self.winning_rules)
            if STAGE not in self._pinned and not self._apply_rules():
                return False
            if STATUS not in self._pinned and self.stage:
                self._apply_rows(self.winning_rules[first_new:])
            if (stage, status) == (self.stage, self.status):
                return True
        return False

    @property
    def values(self) -> Values:
        """Return the facts with the present stage and lead status."""
        return self._values

    @property
    def resulting_stage(self) -> str:
        """Return the stage that results from all rounds."""
        return self._original_stage if STAGE in self._pinned else self.stage

    def rule_and_reason(self) -> tuple[str, str]:
        """Return the rule that decided the stage, and its reason."""
        if self.stage_changes:
            reasons = dict.fromkeys(reason for _, reason in self.stage_changes)
            return self.stage_changes[-1][0].name, "; then ".join(reasons)
        if STAGE in self._pinned:
            return "keep", "the stage stays as it is"
        if self.stage != self._original_stage:
            labels = self._object_policy.labels
            return "alias", f"{labels[self._original_stage]} counts as {labels[self.stage]}"
        if self.winner:
            return self.winner.name, self.winner.reason(self._values)
        return "keep", "no rule asks for anything else"

    def _apply_rules(self) -> bool:
        """Move the stage until a rule keeps it; return whether one did."""
        values = self._values
        while True:
            rule = first_entry(self._object_policy.rules, values)
            self.winner = rule
            if rule is None:
                return True
            self.winning_rules.append(rule.name)
            target = self.target_stage(rule)
            if target == self.stage:
                return True
            if len(self.stage_changes) == MAX_ROUNDS:
                return False
            self.stage_changes.append((rule, rule.reason(values)))
            self._move_to(target)

    def _move_to(self, target: str) -> None:
        """Change the stage, and with it the facts of its history: it would be entered now."""
        values = self._values
        values["stage.previous"] = self.stage or values.get("stage.previous")
        values["stage.since"] = values[f"{ENTERED_PREFIX}{target}"] = values["now"]
        self.stage = values["stage"] = target

    def target_stage(self, rule: BoundRule) -> str:
        """Return the target of a rule from the present stage, None if its direction forbids it."""
        target = rule.target_for(self.stage, self._values)
        if target is None or (
            rule.followed_fact and target not in self._object_policy.named_stages
        ):
            return self.stage
        target = self._object_policy.aliases.get(target, target)
        return target if self._allows(rule, target) else self.stage

    def _allows(self, rule: BoundRule, target: str) -> bool:
        object_policy, stage = self._object_policy, self.stage
        if not stage:
            return rule.direction is not RuleDirection.BACKWARD
        if stage in object_policy.parked_stages:
            return rule.from_parked
        if rule.direction is RuleDirection.ANY:
            return True
        is_forward = object_policy.order[target] > object_policy.order[stage]
        return is_forward is (rule.direction is RuleDirection.FORWARD)

    def _apply_rows(self, winning_rules: list[str]) -> None:
        """Set the lead status by the first row that holds for the stage that resulted."""
        values = self._values
        values[RULES_FACT] = tuple(winning_rules)
        row = first_entry(self._object_policy.rows, values)
        new_status = row.target_for(self.stage, values) if row else None
        if row is None or new_status is None or new_status == self.status:
            return
        self.status_change = (row.name, row.reason(values), (*row.when.facts, *row.reason_facts))
        self.status = new_status
        values["status"] = new_status or None
        # The connector sets the status now: no person set it, and it is newer than every form.
        values["status.by_person"] = values["conversion.since_status"] = False
        values["status.since"] = values["now"] if new_status else None
