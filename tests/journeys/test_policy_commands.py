"""The commands around policies, as whoever writes one types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from connector import cli, presets
from connector.opening import Clockwork
from tests.journeys.bench import Bench
from tests.journeys.cast import OPEN, WON, contact, deal

DONE, ACT = 0, 1
Run = Callable[..., tuple[int, str, str]]
OURS = """extends: standard
name: ours
settings:
  handover: {forms: ["*pilot*"]}
rules:
  - name: pilot
    when: contact.last_conversion matches "*pilot*" and deals.count == 0
    stage: opportunity
    reason: "a pilot: {contact.last_conversion}"
"""
CASES = """cases:
  - name: a pilot is an opportunity
    given: {stage: lead, last_conversion: Pilot 2026, conversions: 1}
    expect: {stage: EXPECTED, rule: pilot}
  - name: who asked for nothing stays
    given: {stage: lead}
    expect: {stage: lead, rule: keep}
"""


@pytest.fixture
def run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run commands in this process, in a folder of their own; waiting takes no time."""
    monkeypatch.chdir(bench.folder)
    clockwork = Clockwork(wait=lambda _: None, monotonic=lambda: 0.0)
    for module in ("frame", "policies"):
        monkeypatch.setattr(f"connector.commands.{module}.REAL", clockwork)
    for name, value in bench.environment.items():
        monkeypatch.setenv(name, value)

    def typed(line: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run(line.split())
        return (code, *capsys.readouterr())

    return typed


@pytest.fixture
def ours(bench: Bench) -> Path:
    """Write a policy of one's own, with cases that hold."""
    path = bench.folder / "ours.yaml"
    path.write_text(OURS, encoding="utf-8")
    cases = CASES.replace("EXPECTED", "opportunity")
    (bench.folder / "ours.cases.yaml").write_text(cases, encoding="utf-8")
    return path


def _asked(bench: Bench) -> list[str]:
    return [one.route for one in bench.box.requests]


# check


def test_a_sound_policy_is_checked_against_the_portal_behind_the_token(
    bench: Bench, run: Run, ours: Path
) -> None:
    code, out, _ = run("policy check ours.yaml")
    assert code == DONE
    assert out.startswith(f"ours.yaml: no mistakes (portal {bench.portal.portal_id}; ")
    assert "pipelines" in _asked(bench)


def test_offline_no_portal_is_asked(bench: Bench, run: Run, ours: Path) -> None:
    code, out, _ = run("policy check ours.yaml --offline")
    assert (code, "(no portal; " in out, _asked(bench)) == (DONE, True, [])


@pytest.mark.parametrize("line", ["policy check ours.yaml", "policy check ours.yaml --offline"])
def test_each_mistake_is_told_with_file_line_and_column(run: Run, ours: Path, line: str) -> None:
    broken = OURS.replace("contact.last_conversion matches", "contact.last_convertion matches")
    ours.write_text(broken.replace("handover:", "handovr:"), encoding="utf-8")
    code, _, err = run(line)
    assert code == ACT
    assert "ours.yaml:4:3: there is no setting 'handovr' (did you mean 'handover'?)" in err
    assert "Traceback" not in err


def test_a_stage_that_the_portal_lacks_is_answered_with_those_it_has(run: Run, ours: Path) -> None:
    ours.write_text(OURS.replace("stage: opportunity", "stage: Oportunity"), encoding="utf-8")
    code, _, err = run("policy check ours.yaml")
    assert code == ACT
    assert err.startswith("Error: ours.yaml:8:12: the portal has no 'Oportunity' (did you mean ")
    assert "customer" in err


def test_offline_a_stage_of_the_portals_own_is_known_from_the_cases_file(
    bench: Bench, run: Run, ours: Path
) -> None:
    ours.write_text(OURS.replace("stage: opportunity", "stage: Pilotkunde"), encoding="utf-8")
    assert run("policy check ours.yaml --offline")[0] == ACT
    stages = "portal:\n  stages: {lead: Lead, '77': Pilotkunde, customer: Kunde, other: Annet}\n"
    cases = bench.folder / "ours.cases.yaml"
    cases.write_text(stages + CASES.replace("EXPECTED", "Pilotkunde"), encoding="utf-8")
    assert run("policy check ours.yaml --offline")[0] == DONE


def test_offline_without_cases_what_only_a_portal_knows_is_no_mistake(
    bench: Bench, run: Run, ours: Path
) -> None:
    (bench.folder / "ours.cases.yaml").unlink()
    ours.write_text(OURS.replace("deals.count == 0", 'contact.region == "N"'), encoding="utf-8")
    code, out, _ = run("policy check ours.yaml --offline --json")
    (told,) = (one for one in json.loads(out)["warnings"] if "region" in one)
    assert code == DONE
    assert "contact has no property 'region'" in told
    assert told.endswith("(without a portal nobody knows)")
    assert run("policy check ours.yaml")[0] == ACT


def test_a_rule_that_keeps_won_deals_from_counting_is_warned_of(run: Run, ours: Path) -> None:
    ours.write_text(OURS.replace(" and deals.count == 0", ""), encoding="utf-8")
    code, out, _ = run("policy check ours.yaml --json")
    told = json.loads(out)
    assert (code, told["policy"]) == (DONE, "ours")
    assert any("the rule pilot comes before won" in one for one in told["warnings"])


# test


def test_cases_that_hold_are_green(run: Run, ours: Path) -> None:
    code, out, _ = run("policy test ours.yaml")
    assert (code, out) == (DONE, "2 passed, 0 failed\n")


def test_a_case_that_fails_is_shown_as_a_diff_with_the_rule_that_decided(
    bench: Bench, run: Run, ours: Path
) -> None:
    (bench.folder / "ours.cases.yaml").write_text(CASES.replace("EXPECTED", "lead"), "utf-8")
    code, out, _ = run("policy test ours.yaml")
    assert code == ACT
    assert out.splitlines() == [
        "ours.cases.yaml:2:5: a pilot is an opportunity",
        "  - stage: lead",
        "  + stage: opportunity",
        "    decided by pilot: a pilot: Pilot 2026",
        "",
        "1 passed, 1 failed",
    ]
    failed = json.loads(run("policy test ours.yaml --json")[1])["failed"]
    assert failed[0]["differences"] == [
        {"what": "stage", "expected": "lead", "found": "opportunity"}
    ]


def test_a_rule_that_no_case_guards_is_named(bench: Bench, run: Run, ours: Path) -> None:
    without = "cases: [{name: x, given: {stage: lead}, expect: {stage: lead}}]"
    (bench.folder / "ours.cases.yaml").write_text(without, encoding="utf-8")
    code, out, _ = run("policy test ours.yaml")
    assert code == DONE
    assert "ours.yaml:6:5: the rule pilot is not guarded: no case fails" in out


def test_a_policy_without_cases_is_told_how_to_get_some(bench: Bench, run: Run, ours: Path) -> None:
    (bench.folder / "ours.cases.yaml").unlink()
    code, _, err = run("policy test ours.yaml")
    assert code == ACT
    assert "write ours.cases.yaml beside it" in err


@pytest.mark.parametrize("name", presets.names())
def test_the_presets_pass_their_cases(run: Run, name: str) -> None:
    code, out, _ = run(f"policy test {name}")
    assert (code, out.endswith(" 0 failed\n"), "not guarded" in out) == (DONE, True, False)


# show and schema


def test_a_policy_is_shown_in_the_portals_own_labels(bench: Bench, run: Run, ours: Path) -> None:
    labels = {"lead": "Emne", "opportunity": "Mulighet", "customer": "Kunde", "other": "Annet"}
    bench.portal.set_stages(list(labels.items()))
    code, markdown, _ = run("policy show ours.yaml --format markdown")
    assert code == DONE
    assert markdown.startswith("# ")
    assert "Mulighet" in markdown
    assert r"the latest form matches “\*pilot\*” and there is no deal" in markdown
    page = run("policy show ours.yaml --format html")[1]
    assert page.startswith("<!doctype html>")
    assert "Mulighet" in page
    assert "Mulighet" in run("policy show ours.yaml")[1]


def test_nothing_in_a_policy_is_markup_of_the_page(run: Run, ours: Path) -> None:
    ours.write_text(OURS.replace("a pilot:", "<script>alert(1)</script>"), encoding="utf-8")
    page = run("policy show ours.yaml --format html --offline")[1]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_schema_fits_what_ships_and_what_is_written_here(
    bench: Bench, run: Run, ours: Path
) -> None:
    code, out, _ = run("policy schema")
    assert (code, _asked(bench)) == (DONE, [])
    for text in (OURS, *map(presets.preset, presets.names())):
        jsonschema.validate(yaml.safe_load(text), json.loads(out))


# init


def test_what_init_writes_passes_check_and_test_and_fits_the_schema(bench: Bench, run: Run) -> None:
    bench.portal.define_property("contacts", "fit_score", type="number", label="Fit: score #1")
    code, out, _ = run("policy init first.yaml")
    assert code == DONE
    assert "connector policy test first.yaml" in out
    assert run("policy check first.yaml")[0] == DONE
    assert run("policy check first.yaml --offline")[0] == DONE
    code, out, _ = run("policy test first.yaml")
    assert (code, "0 failed" in out) == (DONE, True)
    text = (bench.folder / "first.yaml").read_text(encoding="utf-8")
    assert "fit_score (Fit: score #1)" in text
    jsonschema.validate(yaml.safe_load(text), json.loads(run("policy schema")[1]))


def test_init_replaces_nothing_unless_told_to(bench: Bench, run: Run, ours: Path) -> None:
    code, _, err = run("policy init ours.yaml")
    assert code == ACT
    assert "ours.yaml and ours.cases.yaml exists" in err
    assert ours.read_text(encoding="utf-8") == OURS
    assert run("policy init ours.yaml --force")[0] == DONE


def test_init_needs_a_portal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    code, _, err = run("policy init first.yaml")
    assert code == ACT
    assert "No token is set" in err


# What a policy would do, without a request


def test_a_changed_policy_is_compared_on_the_mirror_for_a_pull_request(
    bench: Bench, run: Run, ours: Path
) -> None:
    anna = contact(bench.portal, "anna", "lead")
    bench.portal.edit("contacts", anna, {"recent_conversion_event_name": "Pilot 2026"})
    run("pull --policy ours.yaml")
    bench.box.forget()
    code, out, _ = run("plan --policy ours.yaml --against standard --format markdown")
    assert (code, _asked(bench)) == (DONE, [])
    assert "pilot" in out
    assert f"contacts/{anna}" in out


def test_made_up_facts_are_explained_without_a_portal(bench: Bench, run: Run, ours: Path) -> None:
    facts = "given: {stage: lead, last_conversion: Pilot 2026, conversions: 1}\n"
    (bench.folder / "facts.yaml").write_text(facts, encoding="utf-8")
    code, out, _ = run("explain --facts facts.yaml --policy ours.yaml")
    assert (code, _asked(bench)) == (DONE, [])
    assert "pilot" in out


def test_customers_are_reported_from_the_mirror(bench: Bench, run: Run) -> None:
    early, late = (contact(bench.portal, name, "customer") for name in ("early", "late"))
    deal(bench.portal, [OPEN, WON, WON], contacts=[early])
    won = deal(bench.portal, [OPEN, WON], contacts=[late])
    run("pull")
    bench.box.forget()
    code, out, _ = run("report customers --json")
    rows = json.loads(out)["rows"]
    assert (code, _asked(bench)) == (DONE, [])
    assert [row["record"] for row in rows] == [f"contacts/{late}", f"contacts/{early}"]
    assert rows[0]["last_won_deal"] == f"deals/{won}"
    assert run("report customers --csv")[1].count("\n") == 3
    assert "Customers by last won deal: 2" in run("report customers")[1]
    assert run("report customer")[0] == ACT
