"""Weeks of a busy portal, in seconds: whatever happens, the promises hold at every step."""

from __future__ import annotations

import pytest
import structlog

from tests.simulation.play import Failure, play, play_seed, shorten
from tests.simulation.simulation import Simulation
from tests.simulation.story import STEPS, Step, write_story

DAYS = 40


@pytest.fixture(autouse=True)
def _silence_logs():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_promise_holds_in_forty_days_of(seed):
    report = play_seed(seed, DAYS)
    assert not report, report


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("thousand", range(20))
def test_every_promise_holds_in_twenty_thousand_days(thousand):
    seeds = range(1000 + thousand * 25, 1025 + thousand * 25)
    reports = [report for seed in seeds if (report := play_seed(seed, DAYS))]
    assert not reports, "\n".join(reports)


def test_a_story_is_the_same_for_the_same_seed_and_plays_alike(tmp_path):
    assert write_story(7, 3) == write_story(7, 3) != write_story(8, 3)
    histories = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        simulation = Simulation(folder)
        for step in write_story(7, 3):
            simulation.play(step)
        simulation.process.stop()
        histories.append(
            [
                (record.id, record.values, record.versions)
                for kind in ("contacts", "companies", "deals")
                for record in simulation.portal.records(kind)
            ]
        )
    assert histories[0] == histories[1]


def test_every_kind_of_step_can_be_played(tmp_path):
    simulation = Simulation(tmp_path)
    for number, kind in enumerate(STEPS):
        simulation.play(Step(kind, number, number + 1, 0.5))
    simulation.end()


def test_a_broken_promise_is_reported_with_the_shortest_story(monkeypatch):
    """Plant a connector that overwrites what people set; the story shrinks to that edit."""
    original = Simulation.edit_stage

    def edit_and_overwrite(simulation, first, second):
        original(simulation, first, second)
        record = simulation._pick_contact_or_company(first)
        simulation.served.faults.clear()
        simulation.portal.api_update(
            record.object_type.name, str(record.id), {"lifecyclestage": "evangelist"}
        )

    monkeypatch.setattr(Simulation, "edit_stage", edit_and_overwrite)
    story = (
        Step("restart", 0, 0, 1),
        Step("fill_form", 1, 1, 1),
        Step("edit_stage", 1, 1, 1),
        Step("free_disk", 0, 0, 1),
    )
    failure = play(story)
    assert failure is not None
    assert [step.kind for step in shorten(failure).steps] == ["edit_stage"]


def test_failures_of_one_kind_are_told_apart_from_others_without_their_ids():
    steps = (Step("restart", 0, 0, 1),)
    first = Failure(steps, "contacts/501 was left blank by us; and more", "")
    second = Failure(steps, "contacts/7 was left blank by us", "")
    assert first.kind == second.kind != Failure(steps, "it does not come to rest", "").kind
