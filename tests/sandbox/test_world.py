"""What the seeded world holds, found from the portal's own data."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.setting import SCORE
from connector.sandbox.world import break_some, fill

TODAY = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SQL = "salesqualifiedlead"
KINDS = ("contacts", "companies", "deals")
DEFAULT_STAGES = frozenset(
    f"subscriber lead marketingqualifiedlead {SQL} opportunity customer evangelist other".split()
)


def world(contacts: int = 2000, seed: int = 1) -> Portal:
    portal = Portal(clock=Clock(TODAY, running=False))
    fill(portal, contacts=contacts, seed=seed)
    return portal


shared = cache(world)


@dataclass(frozen=True)
class View:
    """A contact with its deals as the portal tells them."""

    id: str
    values: dict[str, str]
    deals: tuple[str, ...]
    ends: frozenset[str]
    once_won: bool
    lost_on: datetime | None
    stage_by: str
    stage_on: datetime | None

    @property
    def stage(self) -> str:
        return self.values.get("lifecyclestage", "")

    @property
    def status(self) -> str:
        return self.values.get("hs_lead_status", "")

    @property
    def form(self) -> str:
        return self.values.get("recent_conversion_event_name", "").lower()

    @property
    def form_on(self) -> datetime | None:
        text = self.values.get("recent_conversion_date", "")
        return datetime.fromisoformat(text) if text else None

    @property
    def domain(self) -> str:
        return self.values.get("email", "").rpartition("@")[2]


def end_of(portal: Portal, deal: str) -> str:
    if portal.value("deals", deal, "hs_is_closed") == "false":
        return "open"
    if portal.value("deals", deal, "hs_is_closed_won") == "true":
        return "won"
    return "lost" if portal.value("deals", deal, "hs_is_closed_lost") == "true" else "between"


def at(version: Any) -> datetime:
    return datetime.fromtimestamp(version.at / 1000, UTC)


def view(portal: Portal, contact: str) -> View:
    record = portal.record("contacts", contact)
    deals = tuple(map(str, portal.links.of("contacts", record.id, "deals")))
    flags = [portal.history("deals", one, "hs_is_closed_won") for one in deals]
    lost = [at(portal.history("deals", one, "dealstage")[-1]) for one in deals]
    ends = [end_of(portal, one) for one in deals]
    stages = portal.history("contacts", contact, "lifecyclestage")
    return View(
        id=contact,
        values=record.values,
        deals=deals,
        ends=frozenset(ends),
        once_won=any(one.value == "true" for flag in flags for one in flag),
        lost_on=max(
            (day for day, end in zip(lost, ends, strict=True) if end == "lost"), default=None
        ),
        stage_by=stages[-1].source.type if stages else "",
        stage_on=at(stages[-1]) if stages else None,
    )


@cache
def views() -> tuple[View, ...]:
    portal = shared()
    return tuple(view(portal, str(one.id)) for one in portal.records("contacts"))


def ago(days: float) -> datetime:
    return TODAY - timedelta(days=days)


def only(one: View, *ends: str) -> bool:
    return one.ends == frozenset(ends)


def lately_lost(one: View) -> bool:
    return one.lost_on is not None and one.lost_on > ago(85)


SITUATIONS: dict[str, tuple[int, Callable[[View], bool]]] = {
    "a won deal was reopened, still customer": (
        8,
        lambda one: one.stage == "customer" and only(one, "open") and one.once_won,
    ),
    "a won deal was reopened and lost, still customer": (
        4,
        lambda one: one.stage == "customer" and only(one, "lost") and one.once_won,
    ),
    "a deal was lost, still opportunity": (
        15,
        lambda one: one.stage == "opportunity" and only(one, "lost"),
    ),
    "lead status New with a running deal": (
        12,
        lambda one: one.status == "NEW" and "open" in one.ends,
    ),
    "ready for sales without a status": (25, lambda one: one.stage == SQL and not one.status),
    "no stage": (12, lambda one: not one.stage and not one.form),
    "no stage although converted": (8, lambda one: not one.stage and bool(one.form)),
    "parked with an open deal": (5, lambda one: one.stage == "other" and only(one, "open")),
    "parked with a won deal": (4, lambda one: one.stage == "other" and only(one, "won")),
    "customer by import without any deal": (
        15,
        lambda one: one.stage == "customer" and not one.deals and one.stage_by == "IMPORT",
    ),
    "customer by import with an upsell deal": (
        6,
        lambda one: one.stage == "customer" and only(one, "open") and not one.once_won,
    ),
    "evangelist": (8, lambda one: one.stage == "evangelist"),
    "in a stage that the standard policy does not name": (
        15,
        lambda one: bool(one.stage) and one.stage not in DEFAULT_STAGES,
    ),
    "own staff among the leads": (
        5,
        lambda one: one.domain == "fjordkraftwerk.example" and one.stage == SQL,
    ),
    "own staff parked": (
        5,
        lambda one: one.domain == "fjordkraftwerk.example" and one.stage == "other",
    ),
    "won, still opportunity": (10, lambda one: one.stage == "opportunity" and only(one, "won")),
    "open deal, still lead": (12, lambda one: one.stage == "lead" and "open" in one.ends),
    "customer with a status of a deal": (
        8,
        lambda one: one.stage == "customer" and one.status == "OPEN_DEAL",
    ),
    "lead with a status": (12, lambda one: one.stage == "lead" and one.status == "NEW"),
    "subscriber although converted": (
        20,
        lambda one: one.stage == "subscriber" and bool(one.form),
    ),
    "demo asked for, still lead": (
        15,
        lambda one: one.stage == "lead" and "demo" in one.form and not one.deals,
    ),
    "sales contacted, still marketing's": (
        6,
        lambda one: one.stage == "marketingqualifiedlead" and "contact sales" in one.form,
    ),
    "came back after a loss": (
        6,
        lambda one: (
            only(one, "lost")
            and one.form_on is not None
            and one.lost_on is not None
            and one.form_on > one.lost_on
        ),
    ),
    "lost lately": (8, lambda one: only(one, "lost") and lately_lost(one)),
    "lost long ago": (15, lambda one: only(one, "lost") and not lately_lost(one)),
    "closed with a probability between": (6, lambda one: only(one, "between")),
    "status of a deal that is not there": (
        8,
        lambda one: one.status == "OPEN_DEAL" and not one.deals,
    ),
    "opportunity without any deal": (
        10,
        lambda one: one.stage == "opportunity" and not one.deals,
    ),
    "set back by hand within a month": (
        5,
        lambda one: (
            one.stage == "opportunity"
            and only(one, "won")
            and one.stage_by == "CRM_UI"
            and one.stage_on is not None
            and one.stage_on > ago(30)
        ),
    ),
    "set back by a workflow": (
        5,
        lambda one: (
            one.stage == "lead" and only(one, "won") and one.stage_by == "AUTOMATION_PLATFORM"
        ),
    ),
    "won and open": (6, lambda one: one.ends >= {"won", "open"}),
    "lost and open": (5, lambda one: one.ends == {"lost", "open"}),
    "no name at all": (10, lambda one: not {"firstname", "lastname"} & one.values.keys()),
    "no e-mail": (15, lambda one: "email" not in one.values),
    "a score that is not a whole number": (
        50,
        lambda one: "." in one.values.get(SCORE, ""),
    ),
    "no score": (200, lambda one: SCORE not in one.values),
    "a seller's own word": (
        30,
        lambda one: one.stage == SQL and one.status not in ("", "NEW", "OPEN_DEAL", "BAD_TIMING"),
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_telling_situation_occurs_often_enough(name: str) -> None:
    least, fits = SITUATIONS[name]
    assert sum(map(fits, views())) >= least


def test_the_world_has_as_many_contacts_as_asked_for_and_a_plausible_rest() -> None:
    portal = shared()
    contacts, companies, deals = (
        len(portal.records(kind)) for kind in ("contacts", "companies", "deals")
    )
    assert contacts == 2000
    assert 0.25 <= companies / contacts <= 0.45
    assert 0.2 <= deals / contacts <= 0.35


def test_one_company_has_300_contacts_and_a_deal_with_two_of_them() -> None:
    portal = shared()
    staff = {
        one.id: len(portal.links.of("companies", one.id, "contacts"))
        for one in portal.records("companies")
    }
    giant = max(staff, key=staff.__getitem__)
    deals = portal.links.of("companies", giant, "deals").items()
    own = [deal for deal, link in deals if link.primary]
    assert staff[giant] >= 300
    assert [len(portal.links.of("deals", deal, "contacts")) for deal in own] == [2]


def primaries(portal: Portal, deal: int) -> list[bool]:
    return sorted(link.primary for link in portal.links.of("deals", deal, "companies").values())


def test_deals_have_no_contact_or_two_companies_or_no_primary_one() -> None:
    portal = shared()
    deals = [one.id for one in portal.records("deals")]
    shapes = Counter(
        (len(portal.links.of("deals", deal, "contacts")), *primaries(portal, deal))
        for deal in deals
    )
    assert sum(count for (people, *_), count in shapes.items() if not people) >= 10
    assert shapes[(0,)] >= 5
    assert shapes[(1, False, True)] >= 5
    assert shapes[(1, False)] >= 3
    assert sum(count for (people, *_), count in shapes.items() if people > 1) >= 10


def test_deals_run_in_several_pipelines_with_text_numbers_and_uuids_as_stage_ids() -> None:
    portal = shared()
    used = Counter(one.values["pipeline"] for one in portal.records("deals"))
    stages = {one.values["dealstage"] for one in portal.records("deals")}
    assert len(used) == 4 and min(used.values()) >= 5
    assert any(one.isalpha() for one in stages)
    assert any(one.isdigit() for one in stages)
    assert any(one.count("-") == 4 for one in stages)


def test_changes_spread_over_three_years_and_many_writers() -> None:
    portal = shared()
    versions = [
        version
        for one in portal.records("contacts")
        for version in portal.history("contacts", str(one.id), "lifecyclestage")
    ]
    days = sorted(at(version) for version in versions)
    writers = Counter(version.source.type for version in versions)
    assert days[0] < ago(900) and days[-1] < TODAY
    assert {
        "CRM_UI",
        "INTEGRATION",
        "AUTOMATION_PLATFORM",
        "IMPORT",
        "FORM",
        "PIPELINE_SETTINGS",
    } <= {writer for writer, count in writers.items() if count >= 20}


def test_little_is_dated_today() -> None:
    portal = shared()
    midnight = TODAY.replace(hour=0, minute=0).timestamp() * 1000
    for kind in KINDS:
        late = [one for one in portal.records(kind) if one.modified >= midnight]
        assert len(late) <= len(portal.records(kind)) / 50


def test_some_contacts_are_archived_and_some_were_merged() -> None:
    portal = shared()
    archived = list(portal.tables["contacts"].walk(0, archived=True))
    assert len(archived) >= 5
    assert sum(bool(one.merged) for one in portal.records("contacts")) >= 3


def test_custom_stages_stand_inside_the_order_and_have_numeric_ids() -> None:
    order = shared().schema.order(shared().record("contacts", views()[0].id).kind)
    custom = [stage for stage in order if stage.isdigit()]
    assert order["opportunity"] < order[custom[0]] < order["customer"] < order[custom[1]]
    assert order[custom[1]] < order["evangelist"] < order["other"]


def test_every_address_is_under_a_name_that_is_reserved() -> None:
    portal = shared()
    addresses = [one.values.get("email", "") for one in portal.records("contacts")]
    domains = [one.values.get("domain", "") for one in portal.records("companies")]
    named = [*filter(None, addresses), *filter(None, domains)]
    assert all(one.endswith((".example", ".test")) for one in named)
    assert all(one.isascii() for one in named)


def test_the_same_person_occurs_twice_under_two_addresses() -> None:
    names = Counter(
        (one.values.get("firstname"), one.values.get("lastname"), one.values.get("company"))
        for one in views()
        if one.values.get("company")
    )
    assert sum(count > 1 for (first, last, _), count in names.items() if first and last) >= 10


def contents(portal: Portal) -> Iterator[object]:
    for kind in ("contacts", "companies", "deals"):
        for one in portal.records(kind):
            yield one.id, one.created, one.modified, sorted(one.values.items()), one.versions
            yield sorted(portal.links.neighbours(kind, one.id))


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    first, again, other = world(300, 7), world(300, 7), world(300, 8)
    assert list(contents(first)) == list(contents(again))
    assert list(contents(first)) != list(contents(other))


@pytest.mark.parametrize("contacts", [1, 10, 99, 1234])
def test_a_world_of_any_size_has_exactly_its_contacts(contacts: int) -> None:
    assert len(world(contacts).records("contacts")) == contacts


def test_filling_5000_contacts_takes_little_time() -> None:
    started = time.process_time()
    world(5000)
    assert time.process_time() - started < 3


def test_breaking_some_changes_what_it_counts_and_nothing_twice() -> None:
    portal = world(2000)
    before = {kind: {one.id: one.modified for one in portal.records(kind)} for kind in KINDS}
    portal.clock.advance(3600)
    counts = break_some(portal, seed=3)
    changed = {
        kind: [one for one in portal.records(kind) if before[kind].get(one.id) != one.modified]
        for kind in KINDS
    }
    written = [one for kind in KINDS for one in changed[kind]]
    assert min(counts.values()) >= 3
    assert all(one.modified >= portal.clock.ms() - 1000 for one in written)
    assert sum(counts.values()) <= len(written) <= 4 * sum(counts.values())


def test_breaking_is_the_same_for_the_same_seed() -> None:
    first, again = world(300), world(300)
    assert break_some(first, seed=5) == break_some(again, seed=5)
    assert list(contents(first)) == list(contents(again))


def test_a_workflow_sets_customers_back_by_clearing_first() -> None:
    portal = world(2000)
    portal.clock.advance(60)
    begun = portal.clock.ms()
    count = break_some(portal, seed=3)["stages set back by a workflow (clear, then set)"]
    trails = [
        [
            version.value
            for version in portal.history("contacts", str(one.id), "lifecyclestage")[-3:]
            if version.source.type == "AUTOMATION_PLATFORM" and version.at >= begun
        ]
        for one in portal.records("contacts")
    ]
    assert trails.count(["", "lead"]) == count
