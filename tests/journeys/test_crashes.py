"""Kill the real process anywhere: the next start leaves no blank, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from connector.core.model import Outcome
from tests.journeys.bench import Bench, applied, new_portal
from tests.journeys.cast import changed, mixed
from tests.journeys.killing import (
    KILLED,
    MOMENTS,
    UNANSWERED,
    run,
    run_and_kill,
    steps_of_a_sync,
)

SetUp = Callable[..., Bench]
# The requests of an undisturbed sync that clear and set a company, then clear and set contacts.
_WRITES = [17, 18, 20, 21]


class Trial:
    """One portal full of lies, and what must have become of it."""

    def __init__(self, set_up: SetUp) -> None:
        self.bench = set_up(new_portal(running=True))
        self.wanted = mixed(self.bench.portal)
        self.audit = changed(self.bench.values(*self.wanted), self.wanted)

    def set_of(self, record: str) -> dict[str, str]:
        """Return stage and lead status that a contact must end with."""
        names = ("lifecyclestage", "hs_lead_status")
        return {name: self.wanted[f"{record}.{name}"] for name in names}

    def wrong(self) -> dict[str, object]:
        """Return what is not as after an undisturbed run; nothing should be."""
        bench, lines = self.bench, self.bench.audited()
        done = applied(lines)
        found = {
            "blank": bench.blanks(),
            "values": changed(self.wanted, bench.values(*self.wanted)),
            "open moves": bench.open_moves(),
            "audited": done if done != self.audit else [],
            "other outcomes": [one for one in lines if one.outcome is not Outcome.APPLIED],
        }
        return {name: one for name, one in found.items() if one}


def _recovered(trial: Trial) -> dict[str, object]:
    trial.bench.sync()
    return trial.wrong()


def test_undisturbed_every_lie_is_corrected_and_audited_once(set_up: SetUp) -> None:
    trial = Trial(set_up)
    assert run(trial.bench, "sync") == 0
    assert trial.wrong() == {}
    routes = [one.route for one in trial.bench.box.requests]
    assert [at for at, one in enumerate(routes, 1) if one == "batch_update"] == _WRITES


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_request_the_next_start_ends_as_if_undisturbed(
    set_up: SetUp, moment: str
) -> None:
    wrong, routes = {}, []
    for nth in range(1, 100):
        trial = Trial(set_up)
        struck = run_and_kill(trial.bench, nth, moment)
        if struck is None:
            break
        routes.append(struck.route)
        if found := _recovered(trial):
            wrong[f"request {nth}, {struck.route}, {moment}"] = found
    assert wrong == {}
    assert routes.count("batch_update") == 4  # clear and set, of companies and of contacts
    assert len(routes) == nth - 1 > 20


def _kill_at_steps(set_up: SetUp, steps: Sequence[int]) -> dict[int, dict[str, object]]:
    wrong = {}
    for step in steps:
        trial = Trial(set_up)
        if run(trial.bench, "sync", die_at_step=step) != KILLED:
            assert step > 0.9 * steps[-1]  # how many there are depends a little on the time
            break
        if found := _recovered(trial):
            wrong[step] = found
    return wrong


def test_killed_around_every_fifth_commit_the_next_start_ends_as_if_undisturbed(
    set_up: SetUp,
) -> None:
    last = steps_of_a_sync(Trial(set_up).bench)
    assert last > 100
    assert _kill_at_steps(set_up, range(3, last + 1, 5)) == {}


@pytest.mark.long
def test_killed_around_any_commit_the_next_start_ends_as_if_undisturbed(set_up: SetUp) -> None:
    last = steps_of_a_sync(Trial(set_up).bench)
    assert _kill_at_steps(set_up, range(1, last + 1)) == {}


def _kill_twice(set_up: SetUp, firsts: Iterable[int], seconds: Iterable[int]) -> dict[str, object]:
    """Kill a sync at a write, then the one that recovers, then let a third one through."""
    wrong: dict[str, object] = {}
    for first in firsts:
        for second in seconds:
            trial = Trial(set_up)
            struck = run_and_kill(trial.bench, first, UNANSWERED)
            if struck is None or run_and_kill(trial.bench, second, UNANSWERED) is None:
                break
            if found := _recovered(trial):
                wrong[f"{struck.route} {first}, then {second}"] = found
    return wrong


def test_killed_in_the_gap_and_again_while_recovering_nothing_stays_blank(set_up: SetUp) -> None:
    assert _kill_twice(set_up, _WRITES[::2], range(6, 10)) == {}


@pytest.mark.long
def test_killed_at_any_write_and_again_anywhere_nothing_stays_blank(set_up: SetUp) -> None:
    assert _kill_twice(set_up, _WRITES, range(1, 60)) == {}


def test_an_open_move_is_finished_before_anything_else_is_asked(set_up: SetUp) -> None:
    trial = Trial(set_up)
    bench, (_, _, clear, _) = trial.bench, _WRITES
    run_and_kill(bench, clear, UNANSWERED)
    cleared = bench.blanks()
    assert len(cleared) == 2
    bench.box.forget()
    assert run(bench, "sync") == 0
    opening = ["account", *["properties"] * 3, "pipelines"]
    recovery = ["batch_read", "batch_update", "batch_read"]
    routes = [one.route for one in bench.box.requests]
    assert routes[:8] == [*opening, *recovery]
    assert bench.box.requests[6].body["inputs"] == [
        {"id": record.removeprefix("contacts/"), "properties": trial.set_of(record)}
        for record in cleared
    ]
