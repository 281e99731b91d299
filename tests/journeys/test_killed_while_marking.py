"""Kill the real process around the mark of a former customer: nobody goes back unmarked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connector.core.model import Outcome
from tests.journeys.bench import Bench, new_portal
from tests.journeys.cast import contact
from tests.journeys.killing import KILLED, MOMENTS, run, run_and_kill, steps_of_a_sync

SetUp = Callable[..., Bench]
POLICY = (
    "extends: subscription\nsettings:\n  subscription: {property: plan_state}\n"
    "  churn: {practice: back-to-sales, mark: former_customer}\n"
)
WRITES = ("mark", "clear", "set")


class _Club:
    """A portal in which one subscription has ended, and what must become of it."""

    def __init__(self, set_up: SetUp, folder: Path) -> None:
        policy = folder / "club.yaml"
        policy.write_text(POLICY, encoding="utf-8")
        self.bench = set_up(new_portal(running=True), CONNECTOR_POLICY=str(policy))
        portal = self.bench.portal
        portal.define_property("contacts", "plan_state")
        portal.define_property("contacts", "former_customer", type="bool")
        self.left = contact(portal, "left", "customer")
        portal.edit("contacts", self.left, {"plan_state": "canceled"})

    def _value(self, name: str) -> str:
        return self.bench.value(f"contacts/{self.left}.{name}")

    def is_unmarked_and_gone_back(self) -> bool:
        return self._value("lifecyclestage") != "customer" and self._value(MARK) != "true"

    def wrong(self) -> dict[str, object]:
        """Return what is not as after an undisturbed sync; nothing should be."""
        lines = self.bench.audited()
        found = {
            "values": [self._value(name) for name in NAMES]
            != ["true", "salesqualifiedlead", "NEW"],
            "open moves": self.bench.open_moves(),
            "audit": sorted(one.property_name for one in lines) != sorted(NAMES),
            "other outcomes": [one for one in lines if one.outcome is not Outcome.APPLIED],
        }
        return {name: one for name, one in found.items() if one}


MARK = "former_customer"
NAMES = (MARK, "lifecyclestage", "hs_lead_status")


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("nth", range(1, 4), ids=WRITES)
def test_killed_at_any_write_of_a_mark_the_next_start_ends_as_if_undisturbed(
    set_up: SetUp, tmp_path: Path, nth: int, moment: str
) -> None:
    club = _Club(set_up, tmp_path)
    assert run_and_kill(club.bench, nth, moment, route="batch_update")
    assert not club.is_unmarked_and_gone_back()
    assert run(club.bench, "sync") == 0
    assert club.wrong() == {}


def test_killed_around_the_commits_of_a_marking_the_next_start_ends_as_if_undisturbed(
    set_up: SetUp, tmp_path: Path
) -> None:
    last = steps_of_a_sync(_Club(set_up, tmp_path).bench)
    wrong = {}
    for step in range(last // 2, last + 1, 8):
        club = _Club(set_up, tmp_path)
        assert run(club.bench, "sync", die_at_step=step) == KILLED
        if club.is_unmarked_and_gone_back():
            wrong[f"{step}, at once"] = {"unmarked": True}
        run(club.bench, "sync")
        if found := club.wrong():
            wrong[str(step)] = found
    assert last > 50
    assert wrong == {}
