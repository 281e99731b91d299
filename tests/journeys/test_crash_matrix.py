"""Kill the process under every fault: the next start ends as if neither had happened."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import pytest

from connector.core.model import Ref
from state import audit, outbox
from tests.journeys.bench import new_portal
from tests.journeys.cast import changed, mixed
from tests.journeys.killing import UNANSWERED, Child, run_and_kill
from tests.journeys.matrix import (
    BATCH,
    FAULTS,
    Result,
    SetUp,
    Trial,
    amiss,
    hold,
    restart,
    sample,
    survey,
)

# As many as take a minute; the long form goes through all.
_SAMPLE = 45


def _held(
    set_up: SetUp, trials: Iterable[Trial], tell: Callable[[int, int], None]
) -> dict[str, Result]:
    """Hold trials; return those in which something is wrong."""
    found, kills = {}, 0
    for number, trial in enumerate(trials, 1):
        result = hold(set_up, trial)
        kills += result.killed
        if result.wrong:
            found[str(trial)] = result
        tell(number, kills)
    return found


def test_killed_under_a_fault_the_next_start_ends_as_if_neither_had_happened(
    set_up: SetUp,
) -> None:
    trials = sample(survey(set_up).trials(), _SAMPLE)
    assert {one.fault for one in trials} == set(FAULTS)
    told: list[int] = []
    assert _held(set_up, trials, lambda _, kills: told.append(kills)) == {}
    assert told[-1] > _SAMPLE // 2


@pytest.mark.long
@pytest.mark.timeout(10_800)
def test_killed_anywhere_under_any_fault_the_next_start_ends_as_if_neither_had_happened(
    set_up: SetUp, capsys: pytest.CaptureFixture[str]
) -> None:
    points = survey(set_up)
    trials = list(points.trials())
    assert len(trials) >= 1000

    def tell(number: int, kills: int) -> None:
        if number % 100 == 0 or number == len(trials):
            with capsys.disabled():
                sys.stdout.write(
                    f"\n{len(trials) // len(FAULTS)} kill points x {len(FAULTS)} faults: "
                    f"{number} of {len(trials)} trials, {kills} killed before their end"
                )
                sys.stdout.flush()

    assert _held(set_up, trials, tell) == {}


# What the matrix is worth: each defect that it is there for, planted, is found.


def _killed_in_the_gap(set_up: SetUp) -> tuple[object, ...]:
    bench = set_up(new_portal(running=True))
    wanted = mixed(bench.portal)
    due = changed(bench.values(*wanted), wanted)
    assert run_and_kill(bench, 3, UNANSWERED, route="batch_update", batch=BATCH) is not None
    assert len(bench.blanks()) == 2
    return bench, wanted, due


def test_a_promise_that_is_lost_is_found_by_the_matrix(set_up: SetUp) -> None:
    bench, wanted, due = _killed_in_the_gap(set_up)
    with bench.store() as store, store.begin() as session:
        portal_id = str(bench.portal.portal_id)
        outbox.close(session, portal_id, [Ref.parse(one) for one in bench.blanks()])
    assert restart(bench) == {}
    assert {"values", "not audited"} <= amiss(bench, wanted, due).keys()


def test_a_line_that_is_audited_twice_is_found_by_the_matrix(set_up: SetUp) -> None:
    bench, wanted, due = _killed_in_the_gap(set_up)
    assert restart(bench) == {}
    assert amiss(bench, wanted, due) == {}
    with bench.store() as store, store.begin() as session:
        portal_id = str(bench.portal.portal_id)
        audit.append(session, portal_id, list(audit.read(session, portal_id, limit=1)))
    assert amiss(bench, wanted, due).keys() == {"audited twice"}


def test_what_goes_wrong_in_the_box_while_it_kills_fails_the_trial(
    set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(child: Child) -> None:
        child.signal(9)
        raise TimeoutError("planted")

    monkeypatch.setattr(Child, "kill", fail)
    with pytest.raises(TimeoutError, match="planted"):
        _killed_in_the_gap(set_up)
