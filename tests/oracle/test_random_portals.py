"""Small portals made at random: whatever stands in them, one sync puts it right."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector import settings as operator
from connector.core.model import Outcome
from connector.opening import Clockwork, open_desk
from connector.sandbox.clock import Clock
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sync import Synced, sync
from state.store import Store
from tests.oracle.oracle import KINDS, NAMED, STATUS, Choices, Oracle

pytestmark = pytest.mark.network

NOW = datetime(2026, 3, 12, 12, 0, 0, tzinfo=UTC)
PILOT = "148203377"
RENEWAL = ("open-1", "won-1", "lost-1", "half-1")
STAGES = (*NAMED[:5], PILOT, *NAMED[5:])
# Lost ones more often than life has them: most rules ask how long ago that was.
DEAL_STAGES = ("contractsent", "closedwon", *("closedlost",) * 4, *RENEWAL)
STATUSES = ("NEW", "OPEN", "OPEN_DEAL", "UNQUALIFIED", "CONNECTED", "BAD_TIMING")
CHOICES = Choices(
    score="score", excluded_domains=("own.example",), excluded_pipelines=("recruiting",)
)
POLICY = """\
extends: standard
settings:
  hold_days: 0
  score: {property: score}
  exclude: {domains: [own.example]}
  deals: {pipelines: {exclude: [Recruiting]}}
"""

# How long ago something happened: mostly near the end of the quiet time, where rules part.
days = st.sampled_from((1.0, 30.0, 61.0, 75.0, 89.9, 90.1, 120.0)) | st.floats(0.01, 400).map(
    lambda each: round(each, 2)
)
stages = st.sampled_from(("", *STAGES))
statuses = st.sampled_from(("", *STATUSES))


@dataclass
class Contact:
    stage: str
    status: str
    domain: str
    score: str
    form: tuple[str, float] | None


@dataclass
class Company:
    stage: str
    domain: str


@dataclass
class Deal:
    history: list[tuple[float, str]]
    contacts: list[int]
    companies: list[int]
    has_primary: bool
    archived: bool


@dataclass
class World:
    contacts: list[Contact]
    companies: list[Company]
    deals: list[Deal]
    later: list[tuple[str, int, str]] = field(default_factory=list)


contacts = st.builds(
    Contact,
    stage=stages,
    status=statuses,
    domain=st.sampled_from(("", "fjord.example", "own.example", "De.OWN.example", "known.example")),
    score=st.sampled_from(("", "0", "14.9", "15", "30", "79", "80", "140", "-3")),
    form=st.none()
    | st.tuples(st.sampled_from(("E-book", "Book a DEMO", "Contact sales: Form")), days),
)
companies = st.builds(Company, stage=stages, domain=st.sampled_from(("", "own.example", "a.b")))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a portal, and what happens in it afterwards."""
    people = draw(st.lists(contacts, min_size=1, max_size=12))
    firms = draw(st.lists(companies, max_size=3))
    deals = st.builds(
        Deal,
        history=st.lists(st.tuples(days, st.sampled_from(DEAL_STAGES)), min_size=1, max_size=3),
        contacts=st.lists(st.integers(0, len(people) - 1), unique=True, min_size=1, max_size=2),
        companies=st.lists(st.integers(0, len(firms) - 1), unique=True, max_size=2)
        if firms
        else st.just([]),
        has_primary=st.booleans(),
        archived=st.sampled_from((False, False, False, True)),
    )
    held = draw(st.lists(deals, max_size=10))
    events = (
        st.tuples(st.just("deal"), st.integers(0, 11), st.sampled_from(DEAL_STAGES))
        | st.tuples(st.just("stage"), st.integers(0, 11), stages)
        | st.tuples(st.just("status"), st.integers(0, 11), statuses)
        | st.tuples(st.just("form"), st.integers(0, 11), st.sampled_from(("E-book", "Demo")))
        | st.tuples(st.just("company"), st.integers(0, 11), stages)
    )
    return World(people, firms, held, draw(st.lists(events, max_size=4)))


class Town:
    """A portal in a box that a world is written into, forward-only and saying so aloud."""

    def __init__(self, world: World) -> None:
        self.portal = Portal(portal_id=1, time_zone="UTC", clock=Clock(NOW, running=False))
        self.portal.switches.backward_write = "error"
        self.portal.set_stages([(one, one.title()) for one in STAGES])
        lines = (("renewals", "Renewals", RENEWAL), ("recruiting", "Recruiting", None))
        for line, label, ids in lines:
            names = ids or ("open-2", "won-2", "lost-2", "half-2")
            ends = ((False, 1.0), (True, 1.0), (True, 0.0), (True, 0.5))
            rows = [(one, one, *end) for one, end in zip(names, ends, strict=True)]
            self.portal.add_pipeline(line, label, rows)
        self.portal.define_property(
            "contacts", "score", label="Score", type="number", field_type="number"
        )
        self.companies = [self._company(one) for one in world.companies]
        self.contacts = [self._contact(number, one) for number, one in enumerate(world.contacts)]
        self.deals = [self._deal(one) for one in world.deals]

    def _company(self, one: Company) -> str:
        values = {"name": "Fjord", "domain": one.domain, "lifecyclestage": one.stage}
        return self.portal.create("companies", _set(values), at=NOW - timedelta(days=500))

    def _contact(self, number: int, one: Contact) -> str:
        values = {
            "lifecyclestage": one.stage,
            STATUS: one.status,
            "email": f"p{number}@{one.domain}" if one.domain else "",
            "score": one.score,
        }
        if one.form:
            values |= _form(one.form[0], NOW - timedelta(days=one.form[1]))
        return self.portal.create("contacts", _set(values), at=NOW - timedelta(days=500))

    def _deal(self, one: Deal) -> str:
        (first, begun), *rest = sorted(one.history, reverse=True)
        at = NOW - timedelta(days=first)
        deal = self.portal.create("deals", {"dealname": "D", "dealstage": begun}, at=at)
        for number in one.contacts:
            self.portal.associate("deals", deal, "contacts", self.contacts[number], at=at)
        for place, number in enumerate(one.companies):
            primary = one.has_primary and place == 0
            company = self.companies[number]
            self.portal.associate("deals", deal, "companies", company, primary=primary, at=at)
        for ago, stage in rest:
            self.portal.edit("deals", deal, {"dealstage": stage}, at=NOW - timedelta(days=ago))
        if one.archived:
            self.portal.archive("deals", deal)
        return deal

    def live_on(self, world: World) -> None:
        """Let happen what happens afterwards."""
        alive = {str(one.id) for one in self.portal.records("deals")}
        deals = [one for one in self.deals if one in alive]
        for what, number, value in world.later:
            kind, of = {"deal": ("deals", deals), "company": ("companies", self.companies)}.get(
                what, ("contacts", self.contacts)
            )
            if of:
                values = _change(what, value, self.portal.clock.now())
                self.portal.edit(kind, of[number % len(of)], values)
                self.portal.clock.advance(1)

    def found(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {
            (kind, str(one.id)): (one.values.get("lifecyclestage", ""), one.values.get(STATUS, ""))
            for kind in KINDS
            for one in self.portal.records(kind)
        }


def _set(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _form(name: str, at: datetime) -> dict[str, str]:
    return {
        "recent_conversion_event_name": name,
        "recent_conversion_date": at.isoformat(),
        "num_conversion_events": "1",
    }


def _change(what: str, value: str, now: datetime) -> dict[str, str]:
    if what == "form":
        return _form(value, now)
    name = {"deal": "dealstage", "status": STATUS}.get(what, "lifecyclestage")
    return {name: value}


@contextmanager
def connected(town: Town, empty: Path) -> Iterator[tuple[Sandbox, operator.Settings]]:
    """Serve the town, with a database and a policy for whoever syncs it."""
    with tempfile.TemporaryDirectory() as name, Sandbox(town.portal) as box:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        shutil.copy(empty, folder / "connector.db")
        yield (
            box,
            operator.read(
                {
                    "HUBSPOT_API_URL": box.url,
                    "HUBSPOT_ACCESS_TOKEN": box.token,
                    "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'connector.db'}",
                    "CONNECTOR_POLICY": str(folder / "policy.yaml"),
                },
                folder=folder,
            ),
        )


def synced(town: Town, found: operator.Settings) -> Synced:
    clockwork = Clockwork(wait=town.portal.clock.advance, monotonic=time.monotonic)
    with open_desk(found, clockwork) as desk:
        return sync(desk)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


def agrees(world: World, empty: Path) -> None:
    """Sync, let life go on, and sync again: the oracle agrees, and nothing is written twice."""
    town = Town(world)
    with connected(town, empty) as (box, found):
        for _ in range(2):
            wanted = Oracle(town.portal, CHOICES).everything()
            done = synced(town, found)
            assert town.found() == wanted
            assert set(done.outcomes) <= {Outcome.APPLIED}
            box.forget()
            again = synced(town, found)
            assert again.plan.summary["corrections"] == 0
            assert box.writes() == []
            town.portal.clock.advance(3600)
            town.live_on(world)


CALM = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@given(world=worlds())
@settings(CALM, max_examples=25)
def test_a_random_portal_ends_as_the_oracle_says(world: World, empty: Path) -> None:
    agrees(world, empty)


@pytest.mark.long
@given(world=worlds())
@settings(CALM, max_examples=600, derandomize=False)
def test_many_random_portals_end_as_the_oracle_says(world: World, empty: Path) -> None:
    agrees(world, empty)
