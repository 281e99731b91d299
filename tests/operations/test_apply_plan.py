"""A reviewed plan is applied as it was reviewed, or not at all; what no longer holds is named."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connector.cli.plan_output import corrections_of_plan, held_back_of_plan, plan_document
from connector.cli.render.plan_formats import write_csv_plan, write_json_plan, write_markdown_plan
from connector.context import RunContext
from connector.core.corrections.plan import PlanCounter, digest_prefix, parse_correction
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import STAGE, PropertyDefinition, Ref
from connector.core.record_address import record_address
from connector.errors import UserError
from connector.operations.apply_plan import AppliedPlan, Selection, apply_plan
from connector.plan.plan_file import read_plan
from connector.pull.poll import pull
from state import introduced_rules
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DAY,
    DEALS,
    LOST,
    OPEN,
    SQL,
    WON,
    ConnectedPortal,
)


def write_plan(portal: ConnectedPortal, path: Path, context: RunContext | None = None) -> Path:
    """Pull, plan, and write the plan to a file as `plan --out` does."""
    portal.api.advance(3600)
    context = context or portal.context()
    pull(context)
    plan_head = portal.propose(context)
    with path.open("w", encoding="utf-8") as file:
        document = plan_document(context, plan_head)
        write_json_plan(
            file,
            document,
            corrections_of_plan(context, plan_head),
            held_back_of_plan(context, plan_head),
        )
    return path


def apply_reviewed(
    portal: ConnectedPortal, path: Path, policy: str = "extends: standard", **selected: Any
) -> AppliedPlan:
    portal.api.advance(600)
    context = portal.context(policy, new_rules=True)
    return apply_plan(context, read_plan(context, path), Selection(**selected))


def introduced(portal: ConnectedPortal) -> frozenset[str]:
    with portal.store.reading("1") as session:
        return introduced_rules.read(session)


def write_plan_of_two_rules(portal: ConnectedPortal, path: Path) -> tuple[list[Ref], list[Ref]]:
    """Plan three won leads and three blank contacts in a portal without introduced rules."""
    won = [create_won_lead(portal) for _ in range(3)]
    blank = [portal.contact("") for _ in range(3)]
    write_plan(portal, path, portal.context(new_rules=True))
    return won, blank


def stages(portal: ConnectedPortal, contacts: list[Ref]) -> list[str]:
    return [portal.stage(contact) for contact in contacts]


def create_won_lead(portal: ConnectedPortal) -> Ref:
    contact = portal.contact("lead")
    portal.deal(WON, contact)
    return contact


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def test_a_reviewed_plan_passes_where_a_limit_would_stop_it(
    portal: ConnectedPortal, path: Path
) -> None:
    contacts = [create_won_lead(portal) for _ in range(120)]
    result = apply_reviewed(portal, write_plan(portal, path))
    assert result.outcomes.total() == 120
    assert result.skipped == ()
    assert {portal.stage(contact) for contact in contacts} == {"customer"}


def test_what_changed_since_is_skipped_and_named(portal: ConnectedPortal, path: Path) -> None:
    unchanged_contact, moved_contact, held_contact, archived_contact = (
        create_won_lead(portal),
        create_won_lead(portal),
        create_won_lead(portal),
        create_won_lead(portal),
    )
    write_plan(portal, path)
    portal.edit(moved_contact, lifecyclestage=SQL)
    portal.edit_as_person(held_contact, lifecyclestage="subscriber")
    portal.api.archive(archived_contact)
    result = apply_reviewed(portal, path)
    assert portal.stage(unchanged_contact) == "customer"
    assert portal.stage(moved_contact) == SQL
    assert {
        str(skipped.correction.record): skipped.reason.split(":")[0] for skipped in result.skipped
    } == {
        str(moved_contact): "changed since it was planned",
        str(held_contact): "held",
        str(archived_contact): "archived, deleted or merged since",
    }


def test_evidence_that_changed_since_counts(portal: ConnectedPortal, path: Path) -> None:
    contact = portal.contact("lead")
    deal = portal.deal(OPEN, contact)
    write_plan(portal, path)
    portal.edit(deal, dealstage=LOST)
    result = apply_reviewed(portal, path)
    assert portal.api.sent_updates == []
    assert len(result.skipped) == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"after":"customer"', '"after":"evangelist"'),
        ('"reason":"', '"reason":"because '),
        ('"before":"lead"', '"before":"subscriber"'),
    ],
)
def test_an_edited_file_is_refused(portal: ConnectedPortal, path: Path, old: str, new: str) -> None:
    create_won_lead(portal)
    text = write_plan(portal, path).read_text(encoding="utf-8")
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match="was edited"):
        apply_reviewed(portal, path)
    assert portal.api.sent_updates == []


def test_a_file_with_a_line_taken_out_is_refused(portal: ConnectedPortal, path: Path) -> None:
    create_won_lead(portal), create_won_lead(portal)
    document = json.loads(write_plan(portal, path).read_text(encoding="utf-8"))
    del document["corrections"][0]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match="was edited"):
        apply_reviewed(portal, path)


def test_a_plan_of_another_portal_is_refused(portal: ConnectedPortal, path: Path) -> None:
    create_won_lead(portal)
    text = write_plan(portal, path).read_text(encoding="utf-8")
    path.write_text(text.replace('"portal_id":"1"', '"portal_id":"2"'), encoding="utf-8")
    with pytest.raises(UserError, match="portal 2"):
        apply_reviewed(portal, path)


def test_a_plan_of_another_policy_is_refused(portal: ConnectedPortal, path: Path) -> None:
    create_won_lead(portal)
    write_plan(portal, path)
    with pytest.raises(UserError, match="changed"):
        apply_reviewed(portal, path, "extends: standard\nsettings:\n  hold_days: 3\n")


@pytest.mark.parametrize("text", ["", "[]", '{"corrections": [{}]}', "{"])
def test_what_is_no_plan_is_refused(portal: ConnectedPortal, path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is not a plan"):
        read_plan(portal.context(), path)


def test_a_file_that_is_not_there_is_named(portal: ConnectedPortal, path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(portal.context(), path)


def test_a_plan_reads_as_markdown_and_csv(portal: ConnectedPortal) -> None:
    contact, held_contact = create_won_lead(portal), create_won_lead(portal)
    portal.api.advance(DAY)
    portal.edit_as_person(held_contact, lifecyclestage="subscriber")
    portal.api.advance(60)
    context = portal.context()
    pull(context)
    plan_head = portal.propose(context)
    text = io.StringIO()
    document, held_back = plan_document(context, plan_head), held_back_of_plan(context, plan_head)
    write_markdown_plan(
        text,
        document,
        corrections_of_plan(context, plan_head),
        held_back,
        {"lead": "Lead|er"},
        ZoneInfo("Europe/Oslo"),
    )
    url, held_url = (
        record_address(context.portal_id, record) for record in (contact, held_contact)
    )
    assert f"| [{contact}]({url}) | {STAGE} | Lead\\|er → customer | won |" in text.getvalue()
    held_row = f"| [{held_contact}]({held_url}) | subscriber → customer | held: a person"
    assert held_row in text.getvalue()
    assert "| until (Europe/Oslo) |" in text.getvalue()
    table = io.StringIO()
    write_csv_plan(table, corrections_of_plan(context, plan_head), context.portal_id)
    lines = table.getvalue().splitlines()
    assert lines[0].startswith("record,property_name,before,after,direction,rule,reason")
    assert lines[0].endswith(",evidence,url")
    assert lines[1].startswith(f"{contact},{STAGE},lead,customer,forward,won,")
    assert lines[1].endswith(f",{url}")


def test_a_backward_plan_names_the_dates_that_it_changes(
    open_portal: Callable[..., ConnectedPortal],
) -> None:
    names = ("hs_lifecyclestage_customer_date", "hs_v2_date_entered_opportunity_8812")
    dates = [definition(name, "datetime") for name in names]
    no_properties: list[PropertyDefinition] = []
    portal = open_portal(
        default_portal(
            extra_properties={CONTACTS: dates, COMPANIES: no_properties, DEALS: no_properties}
        )
    )
    contact = portal.contact("customer")
    deal = portal.deal(WON, contact)
    portal.api.advance(60)
    portal.edit(deal, dealstage=OPEN)
    portal.api.advance(3600)
    pull(portal.context())
    effects = portal.propose().summary.document()["side_effects"]
    assert effects["stage_dates_changed"] == dict.fromkeys(names, 1)


def test_a_part_by_rule_takes_that_rule_and_introduces_it_alone(
    portal: ConnectedPortal, path: Path
) -> None:
    won, blank = write_plan_of_two_rules(portal, path)
    result = apply_reviewed(portal, path, rules=("won",))
    assert stages(portal, won) == ["customer"] * 3
    assert stages(portal, blank) == [""] * 3
    assert (result.left_out, result.skipped) == (3, ())
    assert introduced(portal) == {"won"}


def test_a_part_without_a_rule_takes_all_others(portal: ConnectedPortal, path: Path) -> None:
    won, blank = write_plan_of_two_rules(portal, path)
    apply_reviewed(portal, path, except_rules=("won",))
    assert stages(portal, won) == ["lead"] * 3
    assert stages(portal, blank) == ["lead"] * 3
    assert introduced(portal) == {"blank"}


def test_a_record_is_taken_whole_or_not_at_all(portal: ConnectedPortal, path: Path) -> None:
    contact = portal.contact(SQL, "NEW")
    portal.deal(WON, contact)
    write_plan(portal, path)
    assert apply_reviewed(portal, path, except_rules=("won",)).outcomes.total() == 0
    assert portal.status(contact) == "NEW"
    assert apply_reviewed(portal, path, rules=("won",)).outcomes.total() == 2


def test_a_limited_part_goes_on_where_the_last_one_ended(
    portal: ConnectedPortal, path: Path
) -> None:
    won, _ = write_plan_of_two_rules(portal, path)
    first = apply_reviewed(portal, path, rules=("won",), limit=2)
    assert stages(portal, won) == ["customer", "customer", "lead"]
    assert first.left_out == 4
    assert introduced(portal) == frozenset()  # the rule has records that were left out
    apply_reviewed(portal, path, rules=("won",), limit=2)
    assert stages(portal, won) == ["customer"] * 3
    assert introduced(portal) == {"won"}


def test_a_rule_that_the_plan_lacks_is_an_error_that_names_its_rules(
    portal: ConnectedPortal, path: Path
) -> None:
    write_plan_of_two_rules(portal, path)
    with pytest.raises(
        UserError, match=r"no correction by a rule 'wonn': its rules are blank, won"
    ):
        apply_reviewed(portal, path, rules=("wonn",))
    assert portal.api.sent_updates == []


def test_rule_direction_and_reason_are_decided_afresh_whatever_the_file_says(
    portal: ConnectedPortal, path: Path
) -> None:
    contact = create_won_lead(portal)
    document = json.loads(write_plan(portal, path, portal.context(new_rules=True)).read_text())
    forged = [
        {**row, "rule": "blank", "direction": "backward", "reason": "trust me"}
        for row in document["corrections"]
    ]
    corrections = [parse_correction(row) for row in forged]
    tally = PlanCounter(digest_prefix=digest_prefix("1", document["policy"]["digest"]))
    tally.add(corrections)
    path.write_text(json.dumps({**document, "corrections": forged, "digest": tally.digest}))
    apply_reviewed(portal, path)
    assert portal.stage(contact) == "customer"
    assert [line.rule for line in portal.audit_lines()] == ["won"]
    assert introduced(portal) == {"won"}
    assert [list(batch.values()) for batch in portal.api.sent_updates] == [[{STAGE: "customer"}]]
