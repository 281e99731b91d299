"""A reviewed plan is applied as it was reviewed, or not at all; what no longer holds is named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.commands.cycle import each_aside, each_correction, plan_document
from connector.core.default_portal import default_portal, definition
from connector.core.model import STAGE, PropertyDefinition, Ref
from connector.desk import Desk
from connector.errors import UserError
from connector.planfile import read_plan
from connector.pull import pull
from connector.reviewed import Reviewed, apply_plan
from connector.screens.formats import write_csv_plan, write_json_plan, write_markdown_plan
from tests.usecases.office import COMPANIES, CONTACTS, DAY, DEALS, LOST, OPEN, SQL, WON, Office


def written(office: Office, path: Path, desk: Desk | None = None) -> Path:
    """Pull, plan, and write the plan to a file as `plan --out` does."""
    office.door.advance(3600)
    desk = desk or office.desk()
    pull(desk)
    head = office.propose(desk)
    with path.open("w", encoding="utf-8") as file:
        document = plan_document(desk, head)
        write_json_plan(file, document, each_correction(desk, head), each_aside(desk, head))
    return path


def applied(office: Office, path: Path, policy: str = "extends: standard") -> Reviewed:
    office.door.advance(600)
    desk = office.desk(policy)
    return apply_plan(desk, read_plan(desk, path))


def won(office: Office) -> Ref:
    person = office.contact("lead")
    office.deal(WON, person)
    return person


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_a_reviewed_plan_passes_where_a_limit_would_stop_it(office: Office, path: Path) -> None:
    people = [won(office) for _ in range(120)]
    done = applied(office, written(office, path))
    assert done.outcomes.total() == 120
    assert done.skipped == ()
    assert {office.stage(one) for one in people} == {"customer"}


def test_what_changed_since_is_skipped_and_named(office: Office, path: Path) -> None:
    kept, moved, held, gone = won(office), won(office), won(office), won(office)
    written(office, path)
    office.edit(moved, lifecyclestage=SQL)
    office.person_sets(held, lifecyclestage="subscriber")
    office.door.archive(gone)
    done = applied(office, path)
    assert office.stage(kept) == "customer"
    assert office.stage(moved) == SQL
    assert {str(one.correction.record): one.why.split(":")[0] for one in done.skipped} == {
        str(moved): "changed since it was planned",
        str(held): "held",
        str(gone): "archived, deleted or merged since",
    }


def test_evidence_that_changed_since_counts(office: Office, path: Path) -> None:
    person = office.contact("lead")
    deal = office.deal(OPEN, person)
    written(office, path)
    office.edit(deal, dealstage=LOST)
    done = applied(office, path)
    assert office.door.sent == []
    assert len(done.skipped) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"after":"customer"', '"after":"evangelist"'),
        ('"reason":"', '"reason":"because '),
        ('"before":"lead"', '"before":"subscriber"'),
    ],
)
def test_an_edited_file_is_refused(office: Office, path: Path, old: str, new: str) -> None:
    won(office)
    text = written(office, path).read_text(encoding="utf-8")
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match="was edited"):
        applied(office, path)
    assert office.door.sent == []


def test_a_file_with_a_line_taken_out_is_refused(office: Office, path: Path) -> None:
    won(office), won(office)
    told = json.loads(written(office, path).read_text(encoding="utf-8"))
    del told["corrections"][0]
    path.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(UserError, match="was edited"):
        applied(office, path)


def test_a_plan_of_another_portal_is_refused(office: Office, path: Path) -> None:
    won(office)
    text = written(office, path).read_text(encoding="utf-8")
    path.write_text(text.replace('"portal_id":"1"', '"portal_id":"2"'), encoding="utf-8")
    with pytest.raises(UserError, match="portal 2"):
        applied(office, path)


def test_a_plan_of_another_policy_is_refused(office: Office, path: Path) -> None:
    won(office)
    written(office, path)
    with pytest.raises(UserError, match="changed"):
        applied(office, path, "extends: standard\nsettings:\n  hold_days: 3\n")


@pytest.mark.parametrize("text", ["", "[]", '{"corrections": [{}]}', "{"])
def test_what_is_no_plan_is_refused(office: Office, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not a plan"):
        read_plan(office.desk(), path)


def test_a_file_that_is_not_there_is_named(office: Office, path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(office.desk(), path)


def test_a_plan_reads_as_markdown_and_csv(office: Office) -> None:
    person, held = won(office), won(office)
    office.door.advance(DAY)
    office.person_sets(held, lifecyclestage="subscriber")
    office.door.advance(60)
    desk = office.desk()
    pull(desk)
    head = office.propose(desk)
    text = io.StringIO()
    document, asides = plan_document(desk, head), each_aside(desk, head)
    write_markdown_plan(text, document, each_correction(desk, head), asides, {"lead": "Lead|er"})
    assert f"| {person} | {STAGE} | Lead\\|er → customer | won |" in text.getvalue()
    assert f"| {held} | subscriber → customer | held: a person" in text.getvalue()
    table = io.StringIO()
    write_csv_plan(table, each_correction(desk, head))
    lines = table.getvalue().splitlines()
    assert lines[0].startswith("record,property_name,before,after,direction,rule,reason")
    assert lines[1].startswith(f"{person},{STAGE},lead,customer,forward,won,")


def test_a_backward_plan_names_the_dates_that_it_changes(
    open_office: Callable[..., Office],
) -> None:
    names = ("hs_lifecyclestage_customer_date", "hs_v2_date_entered_opportunity_8812")
    dates = [definition(one, "datetime") for one in names]
    none: list[PropertyDefinition] = []
    office = open_office(default_portal(more={CONTACTS: dates, COMPANIES: none, DEALS: none}))
    person = office.contact("customer")
    deal = office.deal(WON, person)
    office.door.advance(60)
    office.edit(deal, dealstage=OPEN)
    office.door.advance(3600)
    pull(office.desk())
    effects = office.propose().summary["side_effects"]
    assert effects["stage_dates_changed"] == dict.fromkeys(names, 1)
