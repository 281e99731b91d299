"""The pages show the figures of the reports, escape every text, and are never half a page."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from connector.core.model import Correction, Ref
from connector.operations.sync import sync
from connector.pull.poll import pull
from connector.reports.funnel import funnel_report
from connector.telemetry.metrics import Status
from connector.web.dashboard.pages import REPORTS
from connector.web.dashboard.source import DashboardSource
from state import audit, plans
from tests.fakes.connected_portal import OPEN, WON, ConnectedPortal
from tests.web.asgi_client import FakeDaemon, Response, send_request

SCRIPT = "<script>alert(1)</script>"
PATHS = (
    "/",
    "/corrections",
    "/audit",
    "/runs",
    "/policy",
    "/check-up",
    "/style.css",
    "/records/contacts/98",
    *(f"/reports/{name}" for name in REPORTS),
)


def source_of(portal: ConnectedPortal) -> DashboardSource:
    return DashboardSource(
        store=portal.store,
        portal=portal.api.portal_info,
        policy=portal.context().policy,
        now=portal.api.now(),
        status=Status(due=3, quarantined=1),
        writes="review",
    )


def get(
    source: DashboardSource | None, path: str, *, query: bytes = b"", host: str = "127.0.0.1:8080"
) -> Response:
    daemon = FakeDaemon(dashboard_source=source)
    return send_request(daemon.app(), "GET", path, headers={"Host": host}, query=query)


@pytest.fixture
def contact(portal: ConnectedPortal) -> Ref:
    """Return a lead with an open deal that is pulled and not corrected."""
    ref = portal.contact("lead")
    portal.deal(OPEN, ref)
    pull(portal.context())
    return ref


@pytest.mark.parametrize("path", PATHS)
def test_each_page_is_shown_with_strict_headers(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    answer = get(source_of(portal), path)
    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "style=" not in answer.body
    assert "<script" not in answer.body


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/style.css"])
def test_no_page_is_shown_by_another_name(portal: ConnectedPortal, contact: Ref, path: str) -> None:
    assert get(source_of(portal), path, host="evil.example").status == 403


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/style.css"])
def test_before_the_portal_is_open_each_page_says_not_now(path: str) -> None:
    answer = get(None, path)
    assert (answer.status, "Not now" in answer.body) == (503, True)


def test_a_waiting_plan_is_shown_with_the_portals_words_and_by_rule(
    portal: ConnectedPortal, contact: Ref
) -> None:
    portal.propose()
    body = get(source_of(portal), "/corrections").body
    assert f'href="/records/{contact}"' in body
    assert "Lead → <strong>Opportunity</strong>" in body
    by_rule = get(source_of(portal), "/corrections", query=b"rule=won").body
    assert f'href="/records/{contact}"' not in by_rule


def test_the_page_of_a_plan_reads_no_more_of_it_than_its_examples_need(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(9):
        portal.deal(OPEN, portal.contact("lead", "OPEN_DEAL"))
    pull(portal.context())
    portal.propose()
    monkeypatch.setattr("connector.operations.review_plan._PAGE", 1)
    pages_read = count()
    read_corrections = plans.read_corrections

    def read_page(*args: Any, **options: Any) -> list[tuple[int, tuple[Correction, ...]]]:
        next(pages_read)
        return read_corrections(*args, **options)

    monkeypatch.setattr(plans, "read_corrections", read_page)
    body = get(source_of(portal), "/corrections").body
    assert body.count("Lead → <strong>Opportunity</strong>") == 3
    assert next(pages_read) == 3


def test_today_counts_what_the_audit_holds(portal: ConnectedPortal, contact: Ref) -> None:
    sync(portal.context())
    with portal.store.reading("1") as session:
        applied = sum(1 for _ in audit.read(session))
    body = get(source_of(portal), "/").body
    assert applied > 0
    assert f"<dt>Corrected in 24 hours</dt><dd>{applied}</dd>" in body
    assert '<div class="attention"><dt>Quarantined</dt><dd>1</dd></div>' in body


def test_today_says_what_is_wrong_as_the_daemon_says_it(
    portal: ConnectedPortal, contact: Ref
) -> None:
    mistake = f"policy: mine.yaml:3:5: there is no stage {SCRIPT!r}"
    body = get(replace(source_of(portal), warnings=(mistake,)), "/").body
    assert "mine.yaml:3:5: there is no stage" in body
    assert "<script" not in body
    assert "What needs somebody" not in get(source_of(portal), "/").body


def test_a_record_shows_what_it_is_what_it_should_be_and_why(
    portal: ConnectedPortal, contact: Ref
) -> None:
    body = get(source_of(portal), f"/records/{contact}").body
    assert "<dt>Lifecycle stage</dt><dd>Lead</dd>" in body
    assert "<dt>It should be</dt><dd>Opportunity</dd>" in body
    assert "Rule <strong>open-deal</strong>" in body


def test_a_report_on_a_page_has_the_rows_of_the_command(
    portal: ConnectedPortal, contact: Ref
) -> None:
    source = source_of(portal)
    report = funnel_report(source.context())
    body = " ".join(get(source, "/reports/funnel").body.split())
    for stage, records, *_ in report.rows:
        label = source.labels().get(str(stage), "blank")
        assert f'<td>{label}</td> <td class="number">{records}</td>' in body


def test_what_comes_from_the_portal_is_shown_as_text(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead", recent_conversion_event_name=SCRIPT, num_conversion_events="1")
    portal.deal(WON, contact, dealname=SCRIPT)
    pull(portal.context())
    portal.propose()
    for path in ("/", "/corrections", f"/records/{contact}", "/reports/hygiene"):
        assert "<script" not in get(source_of(portal), path).body


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/corrections", b"rule=%3Cscript%3E"),
        ("/audit", b"record=%3Cscript%3E"),
        ("/record", b"id=%3Cscript%3E"),
        ("/records/contacts/<script>", b""),
        ("/reports/<script>", b""),
    ],
)
def test_what_somebody_types_is_shown_as_text(
    portal: ConnectedPortal, contact: Ref, path: str, query: bytes
) -> None:
    portal.propose()
    body = get(source_of(portal), path, query=query).body
    assert "&lt;script&gt;" in body
    assert "<script" not in body


@pytest.mark.parametrize(
    "path", ["/records/contacts/5000", "/records/deals/5", "/records/x/1", "/reports/none"]
)
def test_what_does_not_exist_is_said_with_what_to_do(
    portal: ConnectedPortal, contact: Ref, path: str
) -> None:
    answer = get(source_of(portal), path)
    assert (answer.status, "<h1>Not shown</h1>" in answer.body) == (404, True)


def test_the_search_leads_to_the_record(portal: ConnectedPortal, contact: Ref) -> None:
    answer = get(source_of(portal), "/record", query=b"id=contacts/98")
    assert (answer.status, answer.headers["location"]) == (303, "/records/contacts/98")


def test_a_portal_that_is_not_mirrored_yet_is_said(portal: ConnectedPortal) -> None:
    answer = get(source_of(portal), "/reports/funnel")
    assert (answer.status, "connector pull" in answer.body) == (404, True)
