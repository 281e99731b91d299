"""Check-up, explanation, audit and outcomes on the screen say what their JSON says."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from io import StringIO

import orjson
import pytest

from connector.cli.render import check_up, explanation, outcomes
from connector.cli.render.console import console, write_json, write_json_line
from connector.cli.render.progress import show_progress
from connector.config.presets import policy_text
from connector.core.binding.bind import bind
from connector.core.corrections.audit import AuditLine, BrokenChain, IntactChain
from connector.core.decide.facts import read_policy_deal, record_facts
from connector.core.explain.explanation import explain
from connector.core.lint.default_portal import STAGES, default_portal
from connector.core.model import STAGE, STATUS, ObjectType, Outcome, Record, Ref
from connector.core.policy.load import load_policy
from connector.operations.explain import RecordExplanation
from connector.operations.finding import CheckResult, Finding
from connector.operations.sync import SyncResult
from connector.pull.poll import PullResult
from state.plans import PlanHead
from tests.cli.render.terminal import NARROW, WIDE, collapse_whitespace, rendered_text

NOW = datetime(2026, 3, 12, 12, tzinfo=UTC)
ANNA = Ref(ObjectType.CONTACTS, "123")
LABELS = {**STAGES, "customer": "Kunde [DE]", "OPEN_DEAL": "Open [deal]"}


# The check-up


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_check_up_shows_every_finding_with_its_result(width: int) -> None:
    check_results = [
        Finding(
            name="token", result=CheckResult.OK, message="portal 147893286 (STANDARD, Europe/Oslo)"
        ),
        Finding(name="pipelines", result=CheckResult.WARNING, message="Sales [old] (7 stages)"),
        Finding(
            name="read deals",
            result=CheckResult.FAIL,
            message="add one of [crm.objects.deals.read]",
        ),
    ]
    text = collapse_whitespace(rendered_text(check_up.renderable(check_results), width=width))
    for check_result in check_results:
        assert f"{check_result.result} {check_result.name}" in text
    assert "Sales [old] (7 stages)" in text
    assert "[crm.objects.deals.read]" in text


# The explanation


def explained_record(stage: str = "customer", status: str = "NEW") -> RecordExplanation:
    policy = bind(
        load_policy("extends: standard", source="x.yaml", preset_text=policy_text), default_portal()
    )
    properties = {STAGE: stage, STATUS: status, "email": "anna@fjord.example"}
    record = Record(ref=ANNA, properties=properties, modified_at=NOW, created_at=NOW)
    open_deal = Record(
        ref=Ref(ObjectType.DEALS, "9"),
        properties={"dealstage": "contractsent", "pipeline": "default"},
        modified_at=NOW,
        created_at=NOW,
    )
    known_facts = record_facts(
        policy, record, [read_policy_deal(policy, open_deal, now=NOW)], now=NOW
    )
    return RecordExplanation(
        record=record, explanation=explain(policy, known_facts), possible_changes=()
    )


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_an_explanation_shows_what_is_what_should_be_and_why(width: int) -> None:
    record_explanation = explained_record(stage="lead", status="")
    text = collapse_whitespace(
        rendered_text(
            explanation.renderable(record_explanation, LABELS, is_whole=True), width=width
        )
    )
    document = explanation.document(record_explanation)
    assert document["should_be"] == {STAGE: "opportunity", STATUS: "OPEN_DEAL"}
    assert "stage is Lead, should be Opportunity" in text
    assert "lead status is blank, should be Open [deal]" in text
    assert f"why {document['rule']}: {document['reason']}" in text
    assert "(evidence deals/9 open since 2026-03-12)" in text
    for step in document["stage_rules"]:
        assert f"{step['rule']} {step['verdict']}" in text


def test_an_explanation_shows_conditions_with_brackets_as_they_are() -> None:
    text = rendered_text(explanation.renderable(explained_record(), LABELS, is_whole=True))
    assert "is Kunde [DE], as it should" in text
    assert "exclude.domains" in text


def test_the_json_of_an_explanation_tells_every_comparison_with_what_was_found() -> None:
    record_explanation = explained_record(stage="lead", status="")
    document = orjson.loads(orjson.dumps(explanation.document(record_explanation), default=str))
    won_steps = [step for step in document["stage_rules"] if step["verdict"] == "won"]
    assert [step["rule"] for step in won_steps] == ["open-deal"]
    assert won_steps[0]["comparisons"] == [{"text": "deals.open > 0", "found": "1", "held": True}]
    assert document["record"] == "contacts/123"
    assert [correction["after"] for correction in document["corrections"]] == [
        "opportunity",
        "OPEN_DEAL",
    ]


def test_a_company_has_no_lead_status_on_the_screen() -> None:
    policy = bind(
        load_policy("extends: standard", source="x.yaml", preset_text=policy_text), default_portal()
    )
    record = Record(
        ref=Ref(ObjectType.COMPANIES, "45"),
        properties={STAGE: "lead", "domain": "fjord.example"},
        modified_at=NOW,
        created_at=NOW,
    )
    policy_explanation = explain(policy, record_facts(policy, record, [], now=NOW))
    text = rendered_text(
        explanation.renderable(
            RecordExplanation(record=record, explanation=policy_explanation, possible_changes=()),
            LABELS,
        )
    )
    assert "companies/45" in text
    assert "lead status" not in text


def test_an_explanation_says_when_time_alone_may_change_it() -> None:
    policy = bind(
        load_policy("extends: standard", source="x.yaml", preset_text=policy_text), default_portal()
    )
    record = Record(
        ref=ANNA, properties={STAGE: "lead", STATUS: ""}, modified_at=NOW, created_at=NOW
    )
    lost_deal = Record(
        ref=Ref(ObjectType.DEALS, "9"),
        properties={
            "dealstage": "closedlost",
            "pipeline": "default",
            "closedate": "2026-03-01T12:00:00Z",
        },
        modified_at=NOW,
        created_at=NOW,
    )
    policy_explanation = explain(
        policy,
        record_facts(policy, record, [read_policy_deal(policy, lost_deal, now=NOW)], now=NOW),
    )
    record_explanation = RecordExplanation(
        record=record, explanation=policy_explanation, possible_changes=()
    )
    assert "looked at again on 2026-05-30" in rendered_text(
        explanation.renderable(record_explanation, LABELS)
    )


# What was written


AUDIT_LINE = AuditLine(
    at=NOW,
    run="20260312T120000-ab12",
    record=ANNA,
    property_name=STATUS,
    before="",
    after="OPEN_DEAL",
    rule="own [rule]",
    policy="standard",
    outcome=Outcome.APPLIED,
)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_an_audit_line_shows_everything_blank_by_its_name(width: int) -> None:
    text = (
        rendered_text(outcomes.audit_table([AUDIT_LINE]), width=width)
        .replace("\n", "")
        .replace(" ", "")
    )
    assert "blank" in text
    if width == WIDE:
        for part in (str(ANNA), STATUS, "OPEN_DEAL", "own[rule]", "applied", AUDIT_LINE.run):
            assert part in text
        assert "2026-03-1212:00:00" in text


def test_the_chain_is_told_in_words_and_for_scripts() -> None:
    intact, broken = (
        IntactChain(line_count=1234, last_hash="abc"),
        BrokenChain(row=7, line=AUDIT_LINE),
    )
    assert "1,234 audit lines, chain intact, head abc" in outcomes.verification_text("1", intact)
    assert "broken at row 7 (contacts/123" in outcomes.verification_text("1", broken)
    assert outcomes.verification_document("1", intact) == {
        "portal_id": "1",
        "intact": True,
        "lines": 1234,
        "head": "abc",
        "cut": None,
    }
    assert outcomes.verification_document("1", broken) == {
        "portal_id": "1",
        "intact": False,
        "row": 7,
    }


def sync_result(recovered: int = 0, **counts: int) -> SyncResult:
    plan_head = PlanHead(
        plan_id="r.1", run="r", policy_name="standard", policy_digest="x", created_at=NOW
    )
    return SyncResult(
        run="20260312T120000-ab12",
        recovered=recovered,
        pulled=None,
        plan=plan_head,
        outcomes=Counter({Outcome(name): count for name, count in counts.items()}),
    )


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_outcome_is_shown_with_its_count_and_meaning(width: int) -> None:
    counts = {str(outcome): number for number, outcome in enumerate(Outcome, start=1001)}
    text = collapse_whitespace(
        rendered_text(outcomes.sync_summary(sync_result(**counts)), width=width)
    )
    for outcome, number in counts.items():
        assert f"{number:,} {outcome}" in text
    assert "connector audit --run 20260312T120000-ab12" in text


def test_a_run_without_corrections_shows_no_table_and_what_it_recovered() -> None:
    text = rendered_text(outcomes.sync_summary(sync_result(recovered=3)))
    assert "Finished 3 moves" in text
    assert "applied" not in text


def test_a_pull_shows_what_was_read_of_each_type_and_how() -> None:
    pull_result = PullResult(
        read={ObjectType.DEALS: 12, ObjectType.CONTACTS: 3456},
        changed={ObjectType.DEALS: 12, ObjectType.CONTACTS: 7},
        scanned=frozenset({ObjectType.DEALS}),
    )
    text = collapse_whitespace(rendered_text(outcomes.pull_table(pull_result)))
    assert "deals 12 12 whole portal" in text
    assert "contacts 3,456 7 changes" in text


# How it is written


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    write_json({"at": NOW, "name": "Blåbær", "way": CheckResult.OK})
    assert orjson.loads(capsys.readouterr().out) == {
        "at": "2026-03-12T12:00:00+00:00",
        "name": "Blåbær",
        "way": "ok",
    }


def test_json_lines_are_one_each(capsys: pytest.CaptureFixture[str]) -> None:
    write_json_line({"at": NOW})
    write_json_line({"rule": "won\nlost"})
    first, second = capsys.readouterr().out.splitlines()
    assert orjson.loads(first) == {"at": "2026-03-12T12:00:00+00:00"}
    assert orjson.loads(second) == {"rule": "won\nlost"}


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert console().width > 10_000
    console().print("x" * 119)
    assert capsys.readouterr().out == "x" * 119 + "\n"


def test_no_progress_is_shown_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as report_progress:
        report_progress("pull contacts", 1, 2)
    assert capsys.readouterr().err == ""


class Terminal(StringIO):
    """A terminal, as far as anybody asks."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_the_work_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with show_progress() as report_progress:
        report_progress("pull contacts", 1, 2)
        report_progress("pull contacts", 2, 2)
        report_progress("decide", 3, None)
    assert "pull contacts" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
