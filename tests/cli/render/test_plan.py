"""The plan on the screen says what its JSON says, whatever the labels look like."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from connector.cli.render.plan import change_text, held_back_table, labels_by_value, renderable
from connector.cli.render.plan_formats import write_markdown_plan
from connector.cli.render.plan_page import write_html_plan
from connector.core.corrections.holds import HeldBack, HeldBackCause
from connector.core.corrections.plan import PlanCounter, correction_json
from connector.core.model import STAGE, STATUS, Correction, Direction, ObjectType, Option, Ref
from tests.cli.render.terminal import NARROW, WIDE, collapse_whitespace, rendered_text

OSLO = ZoneInfo("Europe/Oslo")
LABELS = labels_by_value(
    [
        Option(value="customer", label="Kunde [bold red]", order=5),
        Option(value="opportunity", label="Mulighet :fire: [/]", order=4),
        Option(value="OPEN_DEAL", label="Åpen avtale", order=3),
    ]
)


def correction(
    number: int, property_name: str, before: str, after: str, direction: Direction, rule: str
) -> Correction:
    return Correction(
        record=Ref(ObjectType.CONTACTS, str(number)),
        property_name=property_name,
        before=before,
        after=after,
        direction=direction,
        rule=rule,
        reason=f"deals/9 is open since 2026-04-02 [{number}]",
    )


BACKWARD_CORRECTION = correction(
    1, STAGE, "customer", "opportunity", Direction.BACKWARD, "reopened"
)
STATUS_CORRECTION = correction(1, STATUS, "", "OPEN_DEAL", Direction.SET, "status-open-deal")
FORWARD_CORRECTION = correction(2, STAGE, "", "customer", Direction.FORWARD, "won")


def plan_document(*moves: tuple[Correction, ...], examined_count: int = 0) -> dict[str, object]:
    summary = PlanCounter()
    for number in range(examined_count):
        summary.count_decided(Ref(ObjectType.CONTACTS, str(number)))
    for corrections in moves:
        summary.add(corrections)
    summary.count_left_alone("unknown-stage")
    return {
        "portal_id": "147893286",
        "policy": {"name": "standard", "digest": "abc"},
        "created_at": "2026-03-12T12:00:00+00:00",
        "digest": summary.digest,
        "summary": summary.summary().document(),
    }


PLAN = plan_document(
    (BACKWARD_CORRECTION, STATUS_CORRECTION), (FORWARD_CORRECTION,), examined_count=1234
)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_plan_shows_every_figure_of_its_json(width: int) -> None:
    text = collapse_whitespace(
        rendered_text(renderable(PLAN, [BACKWARD_CORRECTION], LABELS), width=width)
    )
    assert "Plan for portal 147893286 by policy standard" in text
    assert "Decided now: 1,234 contacts; 2 records need 3 corrections." in text
    assert "reopened · 1 · ·" in text
    assert "status-open-deal · · 1 ·" in text
    assert "all 1 1 1 0" in text
    assert "Left alone: 1 by unknown-stage." in text


def test_an_example_shows_record_change_rule_and_reason_in_the_portals_words() -> None:
    text = collapse_whitespace(
        rendered_text(
            renderable(PLAN, [BACKWARD_CORRECTION, STATUS_CORRECTION, FORWARD_CORRECTION], LABELS)
        )
    )
    for example in (BACKWARD_CORRECTION, STATUS_CORRECTION, FORWARD_CORRECTION):
        fields = correction_json(example)
        assert f"{fields['record']}" in text
        assert str(fields["reason"]) in text
    assert "Kunde [bold red] → Mulighet :fire: [/]" in text
    assert "blank → Åpen avtale" in text
    assert "blank → Kunde [bold red]" in text


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_brackets_and_colons_in_labels_are_shown_as_they_are(width: int) -> None:
    text = (
        rendered_text(renderable(PLAN, [BACKWARD_CORRECTION], LABELS), width=width)
        .replace(" ", "")
        .replace("\n", "")
    )
    assert "[bold" in text
    assert ":fire:" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_is_cut_off_on_a_narrow_terminal(width: int) -> None:
    text = rendered_text(
        renderable(PLAN, [BACKWARD_CORRECTION, STATUS_CORRECTION], LABELS), width=width
    )
    assert "…" not in text.replace("… and more", "")
    assert max(map(len, text.splitlines())) <= width


def held_back_until(*times: datetime | None) -> list[HeldBack]:
    return [
        HeldBack(
            correction=BACKWARD_CORRECTION,
            cause=HeldBackCause.HELD,
            reason="a person set it",
            until=at,
        )
        for at in times
    ]


def test_the_end_of_a_hold_is_a_time_of_the_portals_zone_which_is_named() -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    entries = held_back_until(late, None)
    screen = collapse_whitespace(rendered_text(held_back_table(entries, LABELS, OSLO, "7")))
    assert "until (Europe/Oslo)" in screen
    assert "2026-07-01 00:30" in screen
    document = plan_document((BACKWARD_CORRECTION,))
    for write, heading in (
        (write_markdown_plan, "| until (Europe/Oslo) |"),
        (write_html_plan, "<th>until (Europe/Oslo)</th>"),
    ):
        out = StringIO()
        write(out, document, [], entries, LABELS, OSLO)
        assert heading in out.getvalue()
        assert "2026-07-01 00:30" in out.getvalue()


def test_a_plan_with_more_than_its_examples_says_where_the_rest_is() -> None:
    assert "connector plan --json" in rendered_text(renderable(PLAN, [BACKWARD_CORRECTION], LABELS))
    assert "and more" not in rendered_text(
        renderable(PLAN, [BACKWARD_CORRECTION, STATUS_CORRECTION, FORWARD_CORRECTION], LABELS)
    )


def test_an_empty_plan_says_so_in_one_sentence() -> None:
    assert "7 contacts: everything is as it should be." in rendered_text(
        renderable(plan_document(examined_count=7), [], LABELS)
    )
    assert "Nothing was due: everything is as it should be." in rendered_text(
        renderable(plan_document(), [], LABELS)
    )


def test_a_value_without_a_label_is_shown_itself() -> None:
    assert change_text(BACKWARD_CORRECTION, {}) == "customer → opportunity"


def plan_with_tasks(plan: dict[str, object], count: int) -> dict[str, object]:
    tasks = [{"record": f"contacts/{number}", "owner_id": "7"} for number in range(1, count + 1)]
    return {**plan, "tasks": tasks}


@pytest.mark.parametrize("plan", [PLAN, plan_document(examined_count=3)])
def test_a_plan_names_the_tasks_that_owners_would_get(plan: dict[str, object]) -> None:
    text = rendered_text(renderable(plan_with_tasks(plan, 7), [], LABELS))
    assert "7 owners' tasks for overlooked contacts: contacts/1 (owner 7)" in text
    assert "and 2 more." in text
    assert (
        "more."
        not in rendered_text(renderable(plan_with_tasks(plan, 5), [], LABELS)).split(
            "owners' tasks"
        )[1]
    )
    assert "tasks" not in rendered_text(renderable(plan_with_tasks(plan, 0), [], LABELS))


def test_a_large_plan_in_markdown_fits_a_comment_and_says_what_is_left_out() -> None:
    out = StringIO()
    corrections = (
        correction(number, STAGE, "", "customer", Direction.FORWARD, "won")
        for number in range(1, 5001)
    )
    document = {**PLAN, "digest": "d" * 64}
    write_markdown_plan(out, document, corrections, [], LABELS, OSLO)
    rows = [line for line in out.getvalue().splitlines() if line.startswith("| [contacts/")]
    assert len(out.getvalue()) < 65_000
    assert f"… and {5000 - len(rows):,} more" in out.getvalue()
    for rule, counts in PLAN["summary"]["by_rule"].items():
        assert f"| {rule} | {sum(counts.values())} |" in out.getvalue()
