"""A story: what happens to a portal and its connector, step by step, all chance from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

# Each kind of step with its weight. The names are those of `Simulation`'s methods.
STEPS: dict[str, int] = {
    # What people, imports and workflows do
    "edit_stage": 10,
    "edit_status": 8,
    "workflow_writes": 5,
    "workflow_clears_and_sets": 3,
    "import_writes": 3,
    "fill_form": 8,
    "create_contact": 4,
    "create_deal": 8,
    "move_deal": 14,
    "link_deal": 3,
    "unlink_deal": 2,
    "archive_contact": 2,
    "restore_contact": 2,
    "merge_contacts": 1,
    "edit_during_cycle": 10,
    # What HubSpot and the network do
    "fault": 14,
    "poison_record": 2,
    "slow_index": 3,
    "short_pages": 2,
    "heal": 6,
    "webhooks": 3,
    # What happens to the machine
    "kill": 6,
    "restart": 3,
    "fill_disk": 2,
    "free_disk": 14,
    # What the operator does
    "edit_policy": 2,
    "pause": 2,
    "resume": 12,
    "hold": 2,
    "release": 3,
    "undo": 2,
    "permit": 8,
}
MIN_HOURS, MAX_HOURS = 0.1, 16.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what happens, two numbers that choose how, and the hours until the next step."""

    kind: str
    first: int
    second: int
    hours: float

    def __str__(self) -> str:
        return f"{self.kind}({self.first}, {self.second}), then {self.hours:.1f} hours"


def write_story(seed: int, days: float) -> tuple[Step, ...]:
    """Return the story of a seed; any part of a story is a story, too."""
    rng = Random(seed)
    kinds, weights = list(STEPS), list(STEPS.values())
    steps: list[Step] = []
    hours = 0.0
    while hours < 24 * days:
        step = Step(
            rng.choices(kinds, weights)[0],
            rng.randrange(1000),
            rng.randrange(1000),
            rng.uniform(MIN_HOURS, MAX_HOURS),
        )
        steps.append(step)
        hours += step.hours
    return tuple(steps)
