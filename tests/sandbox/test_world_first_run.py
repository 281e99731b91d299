"""The two ordinary portals of a first run hold exactly what they promise."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.first_run import SITUATIONS, WORLDS, fill_first_run
from tests.sandbox.http_client import NOW

FORM = "recent_conversion_event_name"


def filled(name: str, seed: int = 1) -> Portal:
    portal = Portal(clock=Clock(NOW, running=False))
    fill_first_run(portal, name, seed=seed)
    return portal


@pytest.fixture(scope="module", params=["typical", "small"])
def world(request):
    return request.param, filled(request.param)


def contacts(portal, fits):
    return [record for record in portal.records("contacts") if fits(record)]


def set_by(record, name):
    return record.history(name)[-1].source.type if record.history(name) else ""


@pytest.mark.parametrize(("name", "size"), [("typical", 1885), ("small", 1410)])
def test_a_world_has_the_contacts_that_its_name_promises(name, size):
    assert sum(WORLDS[name].contacts.values()) == size
    assert len(filled(name).records("contacts")) == size
    assert WORLDS[name].contacts.keys() == SITUATIONS.keys()


def test_newsletter_readers_have_no_other_form(world):
    name, portal = world
    readers = contacts(
        portal,
        lambda record: (
            "ews" in record.values.get(FORM, "").lower() or "yhe" in record.values.get(FORM, "")
        ),
    )
    assert len(readers) == WORLDS[name].contacts["newsletter"]
    assert {record.values["lifecyclestage"] for record in readers} == {"subscriber"}
    assert {record.values["num_conversion_events"] for record in readers} == {"1"}


def test_statuses_of_sellers_stand_on_leads(world):
    name, portal = world
    by_hand = contacts(
        portal,
        lambda record: (
            record.values.get("lifecyclestage") == "lead"
            and set_by(record, "hs_lead_status") == "CRM_UI"
        ),
    )
    assert len(by_hand) == WORLDS[name].contacts["status by hand"]


def test_old_demo_requests_are_two_to_six_years_old(world):
    name, portal = world
    demos = contacts(
        portal,
        lambda record: (
            "demo" in record.values.get(FORM, "").lower()
            and "demographics" not in record.values.get(FORM, "").lower()
            and record.values.get("lifecyclestage") == "lead"
            and not portal.links.of("contacts", record.id, "deals")
        ),
    )
    days = [
        (NOW - datetime.fromisoformat(record.values["recent_conversion_date"])).days
        for record in demos
    ]
    assert len(demos) == WORLDS[name].contacts["old demo request"]
    assert min(days) >= 2 * 365 - 1
    assert 4 * 365 < max(days) <= 6 * 365


def test_some_forms_only_sound_like_a_demo(world):
    name, portal = world
    forms = contacts(portal, lambda record: "Demographics" in record.values.get(FORM, ""))
    assert len(forms) == WORLDS[name].contacts["demographics"]


def test_candidates_have_an_open_deal_in_a_pipeline_named_recruiting(world):
    name, portal = world
    recruiting = next(
        pipeline for pipeline in portal.schema.pipelines.values() if pipeline.label == "Recruiting"
    )
    deals = [deal for deal in portal.records("deals") if deal.values["pipeline"] == recruiting.id]
    assert len(deals) == WORLDS[name].contacts["candidate"]
    assert {portal.value("deals", str(deal.id), "hs_is_closed") for deal in deals} == {"false"}


def test_some_customers_have_no_deal(world):
    name, portal = world
    without_deal = contacts(
        portal,
        lambda record: (
            record.values.get("lifecyclestage") == "customer"
            and not portal.links.of("contacts", record.id, "deals")
        ),
    )
    assert len(without_deal) == WORLDS[name].contacts["customer without a deal"]


def test_target_companies_have_no_stage_contact_or_deal(world):
    name, portal = world
    blank = [
        record for record in portal.records("companies") if not record.values.get("lifecyclestage")
    ]
    assert len(blank) == WORLDS[name].blank_companies
    assert [list(portal.links.linked_records("companies", record.id)) for record in blank] == [
        [] for _ in blank
    ]


def test_a_world_is_the_same_for_the_same_seed_and_another_for_another():
    def values(portal):
        return [record.values for record in portal.records("contacts")]

    assert values(filled("small")) == values(filled("small"))
    assert values(filled("small")) != values(filled("small", seed=2))
