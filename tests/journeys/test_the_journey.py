"""The journey of a lead, step by step: what a person does, and what one sync makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.journeys.bench import Bench
from tests.journeys.cast import DEMO, EBOOK, LOST, OPEN, WON, company, contact, fill_in

_DAY = 86_400.0
SQL = "salesqualifiedlead"


@dataclass
class Players:
    """Anna, her firm, and the deal that comes about."""

    contact: str
    company: str
    deal: str = ""


@dataclass(frozen=True)
class Step:
    """What happens, and what the contact and the company shall be after one sync."""

    name: str
    happens: Callable[[Bench, Players], None]
    stage: str
    status: str
    company: str


def _reads_the_ebook(bench: Bench, who: Players) -> None:
    fill_in(bench.portal, who.contact, EBOOK)


def _asks_for_a_demo(bench: Bench, who: Players) -> None:
    fill_in(bench.portal, who.contact, DEMO)


def _is_called(bench: Bench, who: Players) -> None:
    bench.portal.edit("contacts", who.contact, {"hs_lead_status": "CONNECTED"})


def _gets_a_deal(bench: Bench, who: Players) -> None:
    given = {"dealname": "Solceller", "pipeline": "default", "dealstage": OPEN}
    who.deal = bench.portal.create("deals", given, source="CRM_UI")
    bench.portal.associate("deals", who.deal, "contacts", who.contact)
    bench.portal.associate("deals", who.deal, "companies", who.company, primary=True)


def _moves_the_deal(stage: str) -> Callable[[Bench, Players], None]:
    def move(bench: Bench, who: Players) -> None:
        bench.portal.edit("deals", who.deal, {"dealstage": stage})

    return move


STEPS = (
    Step("an e-book form", _reads_the_ebook, "lead", "", "lead"),
    Step("a demo form", _asks_for_a_demo, SQL, "NEW", "lead"),
    Step("the seller sets Connected", _is_called, SQL, "CONNECTED", "lead"),
    Step("a deal is created", _gets_a_deal, "opportunity", "OPEN_DEAL", "opportunity"),
    Step("the deal is won", _moves_the_deal(WON), "customer", "", "customer"),
    Step("it is reopened", _moves_the_deal(OPEN), "opportunity", "OPEN_DEAL", "opportunity"),
    Step("and lost", _moves_the_deal(LOST), SQL, "BAD_TIMING", SQL),
)


def begin(bench: Bench) -> Players:
    """Let the two come into the portal without a stage, and start the mirror."""
    portal = bench.portal
    firm = company(portal, "Fjordkraftverk AS", days=1)
    anna = contact(portal, "anna", days=1)
    portal.associate("contacts", anna, "companies", firm, primary=True)
    bench.sync()
    assert state(bench, Players(anna, firm)) == ("lead", "", "lead")
    return Players(contact=anna, company=firm)


def state(bench: Bench, who: Players) -> tuple[str, str, str]:
    value = bench.portal.value
    return (
        value("contacts", who.contact, "lifecyclestage"),
        value("contacts", who.contact, "hs_lead_status"),
        value("companies", who.company, "lifecyclestage"),
    )


@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_one_sync_after_each_step_puts_contact_and_company_where_they_belong(
    set_up: Callable[..., Bench], family: str
) -> None:
    bench = set_up(HUBSPOT_API_VERSION=family)
    who = begin(bench)
    found = {}
    for step in STEPS:
        bench.portal.clock.advance(_DAY)
        step.happens(bench, who)
        bench.sync()
        found[step.name] = state(bench, who)
    assert found == {step.name: (step.stage, step.status, step.company) for step in STEPS}


def test_a_second_sync_after_a_step_writes_nothing(bench: Bench) -> None:
    who = begin(bench)
    for step in STEPS:
        bench.portal.clock.advance(_DAY)
        step.happens(bench, who)
        bench.sync()
        written = len(bench.box.writes())
        bench.sync()
        assert len(bench.box.writes()) == written, step.name


def test_steps_that_no_sync_saw_are_made_up_for_by_the_next_one(bench: Bench) -> None:
    who = begin(bench)
    for step in STEPS[:-1]:
        bench.portal.clock.advance(_DAY)
        step.happens(bench, who)
    bench.sync()
    assert state(bench, who) == ("opportunity", "OPEN_DEAL", "opportunity")


def test_every_step_is_audited_with_the_rule_that_asked_for_it(bench: Bench) -> None:
    who = begin(bench)
    rules = []
    for step in STEPS:
        bench.portal.clock.advance(_DAY)
        step.happens(bench, who)
        before = len(bench.audited())
        bench.sync()
        lines = bench.audited()[before:]
        assert {one.outcome for one in lines} <= {"applied"}
        rules.append([one.rule for one in lines if one.record.id == who.contact])
    assert rules == [
        [],
        ["handover", "status-new"],
        [],
        ["open-deal", "status-open-deal"],
        ["won", "status-after-won"],
        ["reopened", "status-open-deal"],
        ["lost", "status-after-loss"],
    ]
