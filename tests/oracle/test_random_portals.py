"""Random small portals: one sync makes every record right."""

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

from connector.config import settings as connector_settings
from connector.config.open_run import open_context
from connector.config.run_clock import RunClock
from connector.core.model import Outcome
from connector.operations.sync import SyncResult, sync
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from state.db.store import Store
from tests.oracle.oracle import KNOWN_STAGES, LEAD_STATUS, OBJECT_TYPES, Oracle, OracleSettings

pytestmark = pytest.mark.network

NOW = datetime(2026, 3, 12, 12, 0, 0, tzinfo=UTC)
PILOT_STAGE = "148203377"
RENEWAL_STAGES = ("open-1", "won-1", "lost-1", "half-1")
STAGES = (*KNOWN_STAGES[:5], PILOT_STAGE, *KNOWN_STAGES[5:])
# Lost ones more often than life has them: most rules ask how long ago that was.
DEAL_STAGES = ("contractsent", "closedwon", *("closedlost",) * 4, *RENEWAL_STAGES)
STATUSES = ("NEW", "OPEN", "OPEN_DEAL", "UNQUALIFIED", "CONNECTED", "BAD_TIMING")
CHOICES = OracleSettings(
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

FORMS = (
    "E-book",
    "Book_a_DÉMO",
    "Contact sales: Form",
    "Webinar: Demographics",
    "Newsletter (footer)",
    "Blog: nyhetsbrev",
)

# How long ago something happened: mostly near the end of the quiet time, where rules part.
day_counts = st.sampled_from((1.0, 30.0, 61.0, 75.0, 89.9, 90.1, 120.0)) | st.floats(0.01, 400).map(
    lambda number: round(number, 2)
)
stages = st.sampled_from(("", *STAGES))
statuses = st.sampled_from(("", *STATUSES))


@dataclass
class Contact:
    stage: str
    status: str
    status_by: tuple[str, float]
    domain: str
    score: str
    form: tuple[str, float] | None
    first_form: str
    form_count: str


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
class PortalContents:
    contacts: list[Contact]
    companies: list[Company]
    deals: list[Deal]
    later_events: list[tuple[str, int, str]] = field(default_factory=list)


contacts = st.builds(
    Contact,
    stage=stages,
    status=statuses,
    domain=st.sampled_from(("", "fjord.example", "own.example", "De.OWN.example", "known.example")),
    score=st.sampled_from(("", "0", "14.9", "15", "30", "79", "80", "140", "-3")),
    status_by=st.tuples(
        st.sampled_from(("CRM_UI", "MOBILE_IOS", "AUTOMATION_PLATFORM", "IMPORT")), day_counts
    ),
    form=st.none() | st.tuples(st.sampled_from(FORMS), day_counts),
    first_form=st.sampled_from(("", *FORMS)),
    form_count=st.sampled_from(("", "1", "2", "3")),
)
companies = st.builds(Company, stage=stages, domain=st.sampled_from(("", "own.example", "a.b")))


@st.composite
def portal_contents(draw: st.DrawFn) -> PortalContents:
    """Draw a portal, and what happens in it afterwards."""
    drawn_contacts = draw(st.lists(contacts, min_size=1, max_size=12))
    drawn_companies = draw(st.lists(companies, max_size=3))
    deals = st.builds(
        Deal,
        history=st.lists(
            st.tuples(day_counts, st.sampled_from(DEAL_STAGES)), min_size=1, max_size=3
        ),
        contacts=st.lists(
            st.integers(0, len(drawn_contacts) - 1), unique=True, min_size=1, max_size=2
        ),
        companies=st.lists(st.integers(0, len(drawn_companies) - 1), unique=True, max_size=2)
        if drawn_companies
        else st.just([]),
        has_primary=st.booleans(),
        archived=st.sampled_from((False, False, False, True)),
    )
    drawn_deals = draw(st.lists(deals, max_size=10))
    drawn_events = (
        st.tuples(st.just("deal"), st.integers(0, 11), st.sampled_from(DEAL_STAGES))
        | st.tuples(st.just("stage"), st.integers(0, 11), stages)
        | st.tuples(st.just("status"), st.integers(0, 11), statuses)
        | st.tuples(st.just("form"), st.integers(0, 11), st.sampled_from(("E-book", "Demo")))
        | st.tuples(st.just("company"), st.integers(0, 11), stages)
    )
    return PortalContents(
        drawn_contacts, drawn_companies, drawn_deals, draw(st.lists(drawn_events, max_size=4))
    )


class GeneratedPortal:
    """A portal that a world is written into, and that refuses backward moves with an error."""

    def __init__(self, contents: PortalContents) -> None:
        self.portal = Portal(portal_id=1, time_zone="UTC", clock=Clock(NOW, running=False))
        self.portal.switches.backward_write = "error"
        self.portal.set_stages([(stage, stage.title()) for stage in STAGES])
        pipelines = (("renewals", "Renewals", RENEWAL_STAGES), ("recruiting", "Recruiting", None))
        for pipeline_id, label, stage_ids in pipelines:
            stages_of_pipeline = stage_ids or ("open-2", "won-2", "lost-2", "half-2")
            closed_states = ((False, 1.0), (True, 1.0), (True, 0.0), (True, 0.5))
            rows = [
                (stage, stage, *closed_state)
                for stage, closed_state in zip(stages_of_pipeline, closed_states, strict=True)
            ]
            self.portal.add_pipeline(pipeline_id, label, rows)
        self.portal.define_property(
            "contacts", "score", label="Score", type="number", field_type="number"
        )
        self.companies = [self._create_company(company) for company in contents.companies]
        self.contacts = [
            self._create_contact(number, contact)
            for number, contact in enumerate(contents.contacts)
        ]
        self.deals = [self._create_deal(deal) for deal in contents.deals]

    def _create_company(self, company: Company) -> str:
        values = {"name": "Fjord", "domain": company.domain, "lifecyclestage": company.stage}
        return self.portal.create("companies", _non_blank(values), at=NOW - timedelta(days=500))

    def _create_contact(self, number: int, contact: Contact) -> str:
        values = {
            "lifecyclestage": contact.stage,
            "email": f"p{number}@{contact.domain}" if contact.domain else "",
            "score": contact.score,
        }
        if contact.form:
            values |= _form_properties(contact.form[0], NOW - timedelta(days=contact.form[1]))
            values["first_conversion_event_name"] = contact.first_form
            values["num_conversion_events"] = contact.form_count
        record_id = self.portal.create("contacts", _non_blank(values), at=NOW - timedelta(days=500))
        if contact.status:
            source, age = contact.status_by
            status_at = NOW - timedelta(days=age)
            self.portal.edit(
                "contacts", record_id, {LEAD_STATUS: contact.status}, at=status_at, source=source
            )
        return record_id

    def _create_deal(self, deal: Deal) -> str:
        (oldest_age, first_stage), *later_stages = sorted(deal.history, reverse=True)
        at = NOW - timedelta(days=oldest_age)
        deal_id = self.portal.create("deals", {"dealname": "D", "dealstage": first_stage}, at=at)
        for number in deal.contacts:
            self.portal.associate("deals", deal_id, "contacts", self.contacts[number], at=at)
        for position, number in enumerate(deal.companies):
            primary = deal.has_primary and position == 0
            company_id = self.companies[number]
            self.portal.associate("deals", deal_id, "companies", company_id, primary=primary, at=at)
        for age, stage in later_stages:
            self.portal.edit("deals", deal_id, {"dealstage": stage}, at=NOW - timedelta(days=age))
        if deal.archived:
            self.portal.archive("deals", deal_id)
        return deal_id

    def apply_later_events(self, contents: PortalContents) -> None:
        """Let happen what happens afterwards."""
        live_ids = {str(deal.id) for deal in self.portal.records("deals")}
        deals = [deal_id for deal_id in self.deals if deal_id in live_ids]
        for event, number, value in contents.later_events:
            object_type, record_ids = {
                "deal": ("deals", deals),
                "company": ("companies", self.companies),
            }.get(event, ("contacts", self.contacts))
            if record_ids:
                values = _changed_property(event, value, self.portal.clock.now())
                self.portal.edit(object_type, record_ids[number % len(record_ids)], values)
                self.portal.clock.advance(1)

    def current_values(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {
            (object_type, str(record.id)): (
                record.values.get("lifecyclestage", ""),
                record.values.get(LEAD_STATUS, ""),
            )
            for object_type in OBJECT_TYPES
            for record in self.portal.records(object_type)
        }


def _non_blank(values: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _form_properties(name: str, at: datetime) -> dict[str, str]:
    return {
        "recent_conversion_event_name": name,
        "recent_conversion_date": at.isoformat(),
        "num_conversion_events": "1",
    }


def _changed_property(event: str, value: str, now: datetime) -> dict[str, str]:
    if event == "form":
        return _form_properties(value, now)
    name = {"deal": "dealstage", "status": LEAD_STATUS}.get(event, "lifecyclestage")
    return {name: value}


@contextmanager
def serve_portal(
    generated_portal: GeneratedPortal, empty_database: Path
) -> Iterator[tuple[Sandbox, connector_settings.Settings]]:
    """Serve the portal, with a database and a policy for the sync."""
    with tempfile.TemporaryDirectory() as name, Sandbox(generated_portal.portal) as sandbox:
        folder = Path(name)
        (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
        shutil.copy(empty_database, folder / "connector.db")
        yield (
            sandbox,
            connector_settings.read(
                {
                    "HUBSPOT_API_URL": sandbox.url,
                    "HUBSPOT_ACCESS_TOKEN": sandbox.token,
                    "CONNECTOR_DATABASE_URL": f"sqlite:///{folder / 'connector.db'}",
                    "CONNECTOR_POLICY": str(folder / "policy.yaml"),
                },
                folder=folder,
            ),
        )


def run_sync(generated_portal: GeneratedPortal, options: connector_settings.Settings) -> SyncResult:
    clock = RunClock(wait=generated_portal.portal.clock.advance, monotonic=time.monotonic)
    with open_context(options, clock) as context:
        return sync(context)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "connector.db"
    Store.open(f"sqlite:///{path}").close()
    return path


def assert_oracle_agrees(contents: PortalContents, empty_database: Path) -> None:
    """Sync, let life go on, and sync again: the oracle agrees, and nothing is written twice."""
    generated_portal = GeneratedPortal(contents)
    with serve_portal(generated_portal, empty_database) as (sandbox, options):
        for _ in range(2):
            expected = Oracle(generated_portal.portal, CHOICES).expected_values()
            first_result = run_sync(generated_portal, options)
            assert generated_portal.current_values() == expected
            assert set(first_result.outcomes) <= {Outcome.APPLIED}
            sandbox.clear_requests()
            second_result = run_sync(generated_portal, options)
            assert second_result.plan.summary.corrections == 0
            assert sandbox.write_requests() == []
            generated_portal.portal.clock.advance(3600)
            generated_portal.apply_later_events(contents)


BASE_SETTINGS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@given(contents=portal_contents())
@settings(BASE_SETTINGS, max_examples=25)
def test_a_random_portal_ends_as_the_oracle_says(
    contents: PortalContents, empty_database: Path
) -> None:
    assert_oracle_agrees(contents, empty_database)


@pytest.mark.long
@given(contents=portal_contents())
@settings(BASE_SETTINGS, max_examples=600, derandomize=False)
def test_many_random_portals_end_as_the_oracle_says(
    contents: PortalContents, empty_database: Path
) -> None:
    assert_oracle_agrees(contents, empty_database)
