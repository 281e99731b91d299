"""Reports for people, for scripts, and for spreadsheets."""

from __future__ import annotations

from io import StringIO

from connector.cli.render.reports import document, renderable, write_csv
from connector.reports.table import Report
from tests.cli.render.terminal import rendered_text

REPORT = Report(
    name="customers",
    title="Customers by last won deal",
    columns=("record", "stage", "amount", "former_customer"),
    rows=[("contacts/1", "customer", "=1+1", True), ("contacts/2", None, None, False)],
)


def test_people_read_the_portals_labels() -> None:
    text = rendered_text(renderable(REPORT, {"customer": "Kunde"}))
    assert "Customers by last won deal: 2" in text
    assert "Kunde" in text
    assert "yes" in text


def test_a_long_report_says_how_many_more_there_are_and_how_to_get_them() -> None:
    rows = [("contacts/1", "customer", "", None)] * 60
    text = rendered_text(
        renderable(Report(name="x", title="X", columns=REPORT.columns, rows=rows), {})
    )
    assert "… and 10 more: `connector report x --csv` has them all." in text


def test_scripts_get_one_document_with_a_key_for_each_column() -> None:
    report_document = document(REPORT, "7")
    assert (report_document["report"], report_document["portal_id"]) == ("customers", "7")
    assert report_document["rows"][1] == {
        "record": "contacts/2",
        "stage": None,
        "amount": None,
        "former_customer": False,
    }


def test_no_cell_of_a_spreadsheet_is_a_formula() -> None:
    buffer = StringIO()
    write_csv(buffer, REPORT, "7")
    address = "https://app.hubspot.com/contacts/7/record/0-1"
    assert buffer.getvalue().splitlines() == [
        "record,stage,amount,former_customer,url",
        f"contacts/1,customer,'=1+1,yes,{address}/1",
        f"contacts/2,,,no,{address}/2",
    ]


def test_a_table_of_no_records_has_no_column_of_addresses() -> None:
    buffer = StringIO()
    write_csv(buffer, SECTIONS, "7")
    assert buffer.getvalue().splitlines()[0] == "stage,records,note"


SECTIONS = Report(
    name="funnel",
    title="Funnel",
    columns=("stage", "records", "note"),
    rows=[("lead", 10, None), ("customer", 5, None)],
    bar_column="records",
    sections=(
        Report(name="months", title="Months", columns=("month", "entered"), rows=[("2026-03", 2)]),
    ),
)


def test_numbers_are_shown_as_bars_and_empty_columns_not_at_all() -> None:
    text = rendered_text(renderable(SECTIONS, {}))
    lead, customer = (line for line in text.splitlines() if "█" in line)
    assert (lead.count("█"), customer.count("█")) == (24, 12)
    assert "note" not in text
    assert "2026-03" in text


def test_sections_stand_by_their_names_in_the_document() -> None:
    assert document(SECTIONS, "7")["months"] == [{"month": "2026-03", "entered": 2}]
