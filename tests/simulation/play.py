"""Play stories of many seeds, and shorten those that fail to the shortest that still fails."""

from __future__ import annotations

import os
import shutil
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.simulation import Simulation
from tests.simulation.story import Step, write_story

_MEMORY = "/dev/shm"
_ROOM_BYTES = 256 * 2**20  # a container may have no more than 64 MiB of it


@dataclass(frozen=True, slots=True)
class Failure:
    """A story that breaks a promise: after how many of its steps, and what it breaks."""

    steps: tuple[Step, ...]
    message: str
    details: str

    @property
    def kind(self) -> str:
        """Return the message without ids and figures, so that shorter stories can be compared."""
        words = self.message.split("; ")[0].split()
        return " ".join(word for word in words if not any(map(str.isdigit, word)))


def _fast_folder() -> str | None:
    """Return a folder in memory where the machine has the room; no disk is tried here."""
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM_BYTES:
        return None
    return _MEMORY


def play(story: Sequence[Step]) -> Failure | None:
    """Play a story from the beginning; return the failure, None where every promise holds."""
    with TemporaryDirectory(prefix="connector-simulation-", dir=_fast_folder()) as folder:
        simulation = Simulation(Path(folder))
        played: list[Step] = []
        try:
            for step in story:
                played.append(step)
                simulation.play(step)
            simulation.end()
        except Exception as error:  # bugs of the connector are failures, too
            message = str(error) if isinstance(error, AssertionError) else repr(error)
            return Failure(tuple(played), message, traceback.format_exc())
        finally:
            simulation.process.stop()
    return None


def shorten(failure: Failure, *, most_plays: int = 150) -> Failure:
    """Leave out steps as long as the same kind of failure remains."""
    shortest, size, plays = failure, max(1, len(failure.steps) // 2), 0
    while size and plays < most_plays:
        start, has_shrunk = 0, False
        while start < len(shortest.steps) and plays < most_plays:
            candidate = shortest.steps[:start] + shortest.steps[start + size :]
            plays += 1
            result = play(candidate)
            if result is not None and result.kind == failure.kind:
                shortest, has_shrunk = result, True
            else:
                start += size
        size = size if has_shrunk and size == 1 else size // 2
    return shortest


def report(seed: int, days: float, failure: Failure) -> str:
    """Return the seed, the shortest story and what it breaks, as text to read."""
    steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(failure.steps, 1))
    return (
        f"seed {seed}, {days:g} days: {failure.message}\n"
        f"the shortest story found that fails alike:\n{steps}\n"
        f"once more: make simulate ARGS='--seed {seed} --days {days:g}'\n{failure.details}"
    )


def play_seed(seed: int, days: float) -> str:
    """Play the story of a seed; return a report of its failure, "" where there is none."""
    failure = play(write_story(seed, days))
    return report(seed, days, shorten(failure)) if failure else ""
