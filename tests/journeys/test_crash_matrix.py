"""Kill the process under every fault: the next start ends as if neither had happened."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import product

import pytest

from connector.sandbox.faults import Fault
from tests.journeys.bench import Bench
from tests.journeys.killing import ANSWERED, LOST, UNANSWERED, run_and_kill
from tests.journeys.test_crashes import Trial

SetUp = Callable[..., Bench]
# The fault, and whether a write took effect before it struck.
FAULTS = (
    ("500", "before"),
    ("500", "after"),
    ("502", "before"),
    ("503", "before"),
    ("504", "after"),
    ("429-secondly", "before"),
    ("429-ten-secondly", "before"),
    ("423", "before"),
    ("401", "before"),
    ("reset", "after"),
    ("timeout", "after"),
    ("truncated", "after"),
    ("207", "before"),
    ("empty", "after"),
)
MOMENTS = (LOST, UNANSWERED, ANSWERED)


def strike(trial: Trial, nth: int, moment: str) -> bool:
    """Run until the kill or the fault ends the process; return whether it was killed."""
    box = trial.bench.box
    try:
        return run_and_kill(trial.bench, nth, moment) is not None
    except AssertionError:  # it ended with an exit code of its own, before the kill
        return False
    finally:
        box.before = box.after = None
        box.faults.clear()


def wrong(
    set_up: SetUp, trials: Iterable[tuple[tuple[str, str], int, int, str]]
) -> tuple[dict[str, object], int]:
    """Let a fault strike a write, kill at a request, recover; tell what is wrong, and the kills."""
    found: dict[str, object] = {}
    kills = 0
    for (kind, when), nth_write, nth, moment in trials:
        trial = Trial(set_up)
        fault = Fault(kind=kind, when=when, route="batch_update", nth=nth_write, retry_after=0)
        trial.bench.box.faults.add(fault)
        kills += strike(trial, nth, moment)
        for _ in range(2):
            trial.bench.sync()
        if left := {one: each for one, each in trial.wrong().items() if one in SAME}:
            found[f"{kind} {when} write {nth_write}, killed at {nth} {moment}"] = left
    return found, kills


# Under a fault a correction may be refused once, and that stands in the audit for good.
SAME = ("blank", "values", "open moves")


@pytest.mark.parametrize("fault", FAULTS, ids="-".join)
def test_killed_under_a_fault_the_next_start_ends_as_if_neither_had_happened(
    set_up: SetUp, fault: tuple[str, str]
) -> None:
    found, _ = wrong(set_up, [(fault, 1, 24, UNANSWERED)])
    assert found == {}


@pytest.mark.long
def test_killed_anywhere_under_any_fault_the_next_start_ends_as_if_neither_had_happened(
    set_up: SetUp, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = list(product(FAULTS, (1, 2, 3), range(19, 31), MOMENTS))
    found, kills = wrong(set_up, trials)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(trials)} kill points under faults, {kills} of them reached\n")
    assert len(trials) >= 1000
    assert found == {}
