"""The report of hygiene: every contradiction has its kind, and the score counts records."""

from __future__ import annotations

from connector.reports.hygiene import hygiene_report
from tests.fakes.connected_portal import DAY, OPEN, SQL, WON, ConnectedPortal
from tests.reports.report_portal import make_report, rows_of


def test_contradictions_are_counted_by_kind_with_examples(portal: ConnectedPortal) -> None:
    leads = [portal.contact("lead") for _ in range(4)]
    for lead in leads:
        portal.deal(WON, lead)
    portal.contact(SQL, "CONNECTED")
    report = make_report(portal, hygiene_report)
    row = rows_of(report)[0]
    assert row == {
        "kind": "won",
        "property_name": "lifecyclestage",
        "before": "lead",
        "after": "customer",
        "records": 4,
        "examples": " ".join(str(lead) for lead in leads[:3]),
    }
    assert (report.json_only["score"], report.json_only["records"]) == (0.2, 5)
    assert report.notes == ("Score: 20.0% (1 of 5 records agree).",)


def test_a_portal_without_contradictions_has_the_full_score(portal: ConnectedPortal) -> None:
    contact = portal.contact("opportunity", "OPEN_DEAL")
    portal.deal(OPEN, contact)
    portal.contact(SQL, "NEW")
    report = make_report(portal, hygiene_report)
    assert (rows_of(report), report.json_only["score"]) == ([], 1.0)


def test_the_matrix_counts_contacts_by_stage_status_and_deals(portal: ConnectedPortal) -> None:
    for _ in range(2):
        portal.deal(OPEN, portal.contact("opportunity", "OPEN_DEAL"))
    portal.contact(SQL, "NEW")
    portal.company("lead")
    matrix = rows_of(make_report(portal, hygiene_report), "matrix")
    assert matrix == [
        {
            "stage": "opportunity",
            "lead_status": "OPEN_DEAL",
            "deals": "open",
            "records": 2,
            "contradictory": 0,
        },
        {"stage": SQL, "lead_status": "NEW", "deals": "none", "records": 1, "contradictory": 0},
    ]


def test_a_stage_that_the_policy_does_not_name_is_a_kind_of_its_own(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("evangelist")
    stages = "lead, marketingqualifiedlead, salesqualifiedlead, opportunity, customer, other"
    settings_text = f"settings: {{stages: [{stages}]}}"
    report = make_report(portal, hygiene_report, settings_text=settings_text)
    assert [(row["kind"], row["examples"]) for row in rows_of(report)] == [
        ("unknown-stage", str(contact))
    ]


def test_what_a_person_holds_is_an_obstacle_and_still_a_contradiction(
    portal: ConnectedPortal,
) -> None:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    portal.api.advance(DAY)
    portal.edit_as_person(contact, lifecyclestage=SQL)
    portal.read_all()
    portal.make_due([contact])
    portal.propose()
    report = make_report(portal, hygiene_report)
    assert report.json_only["obstacles"]["held in the newest plan"] == 1
    assert rows_of(report)[0]["kind"] == "won"


def test_records_outside_of_the_scope_are_not_counted(portal: ConnectedPortal) -> None:
    portal.deal(WON, portal.contact("lead"))
    report = make_report(
        portal, hygiene_report, settings_text="settings: {scope: stage == 'customer'}"
    )
    assert (rows_of(report), report.json_only["records"]) == ([], 0)
