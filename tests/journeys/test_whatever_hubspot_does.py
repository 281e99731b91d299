"""Whatever HubSpot does with a clear or a set: the end is right, or as before, and audited so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from structlog.testing import capture_logs

from connector.core.model import Outcome
from connector.sandbox.faults import Fault
from connector.sandbox.switches import SCOPES
from tests.journeys.bench import Bench
from tests.journeys.cast import contact, reopened
from tests.journeys.test_faults import SET, _in_the_gap, attempt, settle

APPLIED, IGNORED, REFUSED = Outcome.APPLIED, Outcome.IGNORED, Outcome.REFUSED
RESTORED, REVERTED, STALE = Outcome.RESTORED, Outcome.REVERTED, Outcome.STALE
BEFORE, WANTED = "customer", "opportunity"
Act = Callable[[Bench, str], object]


def switched(**switches: object) -> Act:
    """Return who gives the portal these habits."""

    def act(bench: Bench, _: str) -> None:
        for name, value in switches.items():
            bench.portal.switches.put(name, value)

    return act


def faulty(kind: str, nth: int, **more: object) -> Act:
    """Return who lets a write fail in a way."""

    def act(bench: Bench, _: str) -> None:
        bench.box.faults.add(Fault(route="batch_update", kind=kind, nth=nth, **more))  # type: ignore[arg-type]  # the table names them

    return act


def in_the_gap(act: Callable[[Bench, str], object]) -> Act:
    """Return who acts between the clear and the set."""
    return lambda bench, anna: _in_the_gap(bench, lambda: act(bench, anna))


def edited(stage: str, **origin: object) -> Act:
    values = {"lifecyclestage": stage}
    return lambda bench, anna: bench.portal.edit("contacts", anna, values, **origin)  # type: ignore[arg-type]  # the table names them


# What happens, the stage at the end, and how the audit tells of it.
SLOW_CLEAR = {"clear_settles_seconds": 1.0}
HABITS: dict[str, tuple[Act, str, list[Outcome]]] = {
    "ignores a backward write": (switched(**SLOW_CLEAR), WANTED, [APPLIED]),
    "ignores it and echoes what was asked": (
        switched(**SLOW_CLEAR, backward_echo="asked"),
        WANTED,
        [APPLIED],
    ),
    "refuses it with its batch": (
        switched(**SLOW_CLEAR, backward_write="error", backward_error_scope="batch"),
        BEFORE,
        [RESTORED, RESTORED],
    ),
    "refuses it alone": (
        switched(**SLOW_CLEAR, backward_write="error", backward_error_scope="record"),
        BEFORE,
        [RESTORED, RESTORED],
    ),
    "allows it": (switched(backward_write="allowed"), WANTED, [APPLIED]),
    "answers the set well and stores nothing": (faulty("ignore", SET), WANTED, [APPLIED]),
    "answers the clear well and stores nothing": (faulty("ignore", 1), WANTED, [IGNORED, APPLIED]),
    "refuses to clear a required property": (
        switched(clear_refused=True),
        BEFORE,
        [REFUSED, REFUSED],
    ),
    "fills the gap with the old stage": (
        switched(automation_in_gap=BEFORE),
        WANTED,
        [IGNORED, APPLIED],
    ),
    "fills the gap with the old stage every time": (
        switched(automation_in_gap=BEFORE, automation_in_gap_times=99),
        BEFORE,
        [IGNORED, IGNORED],
    ),
    "lets a person write into the gap": (
        in_the_gap(edited("evangelist")),
        "evangelist",
        [REVERTED],
    ),
}


def outcomes(bench: Bench, anna: str) -> list[Outcome]:
    lines = bench.audited(f"contacts/{anna}")
    return [one.outcome for one in lines if one.property_name == "lifecyclestage"]


@pytest.mark.parametrize("habit", HABITS)
def test_whatever_hubspot_does_the_end_is_right_or_as_before_and_audited_so(
    bench: Bench, habit: str
) -> None:
    act, end, told = HABITS[habit]
    anna = reopened(bench.portal)
    act(bench, anna)
    settle(bench)
    assert bench.value(f"contacts/{anna}.lifecyclestage") == end
    assert outcomes(bench, anna) == told
    assert bench.open_moves() == ()


def test_a_record_that_was_archived_in_the_gap_is_audited_as_stale(bench: Bench) -> None:
    anna = reopened(bench.portal)
    in_the_gap(lambda one, who: one.portal.archive("contacts", who))(bench, anna)
    settle(bench)
    assert outcomes(bench, anna) == [STALE]


def test_a_record_that_was_merged_away_in_the_gap_is_right_in_the_end(bench: Bench) -> None:
    anna, other = reopened(bench.portal), contact(bench.portal, "anna.berg", "lead")
    survivors: list[str] = []
    in_the_gap(lambda one, who: survivors.append(one.portal.merge("contacts", other, who)))(
        bench, anna
    )
    attempt(bench)
    settle(bench)
    assert bench.value(f"contacts/{survivors[0]}.lifecyclestage") == WANTED
    told = outcomes(bench, survivors[0])
    assert told[-1] is APPLIED
    assert set(told) <= {STALE, REVERTED, APPLIED}


@pytest.mark.parametrize("loss", ["token", "scope"])
def test_a_lost_permission_is_alarmed_with_the_record_until_it_is_back(
    bench: Bench, loss: str
) -> None:
    anna = reopened(bench.portal)
    tokens, scopes = set(bench.box.reception.tokens), bench.portal.switches.scopes

    def take(_: Bench, __: str) -> None:
        if loss == "token":
            bench.box.reception.tokens.clear()
        else:
            scopes.discard("crm.objects.contacts.write")

    in_the_gap(take)(bench, anna)
    structlog.reset_defaults()
    with capture_logs() as logs:
        assert attempt(bench) is not None
    (alarm,) = [one for one in logs if one["event"] == "moves.left_open"]
    assert (alarm["log_level"], alarm["records"]) == ("error", [f"contacts/{anna}"])
    assert outcomes(bench, anna) == []
    bench.box.reception.tokens.update(tokens)
    scopes.update(SCOPES)
    settle(bench)
    assert bench.value(f"contacts/{anna}.lifecyclestage") == WANTED
    assert outcomes(bench, anna) == [APPLIED]
