"""Checking a policy in CI: JSON, GitHub annotations, SARIF, and a pre-commit hook."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from connector.cli import main, policy_hook
from connector.cli.render.policy_findings import github_lines, json_document, sarif_document
from connector.core.problem import Place, Problem

ROOT = Path(__file__).resolve().parents[2]
BROKEN = "extends: standard\nsettings:\n  handovr: {days: 3}\n"
SOUND = "extends: standard\nname: ours\n"
PROBLEM = Problem(Place("a,b.yaml", 3, 5), "100% wrong:\nsay it")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run in an empty folder with a broken policy and a sound one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    (tmp_path / "sound.yaml").write_text(SOUND, encoding="utf-8")
    return tmp_path


def check(name: str, form: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main.run_command(["policy", "check", name, "--offline", "--format", form])
    return code, capsys.readouterr().out


def test_a_mistake_is_an_annotation_of_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = check("broken.yaml", "github", capsys)
    assert code == 1
    assert out.startswith("::error file=broken.yaml,line=3,col=3,title=policy::there is no setting")


def test_a_broken_policy_is_told_as_json_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = check("broken.yaml", "json", capsys)
    (problem,) = json.loads(out)["problems"]
    assert code == 1
    assert (problem["file"], problem["line"], problem["column"]) == ("broken.yaml", 3, 3)
    assert "handover" in problem["message"]


def test_a_sound_policy_has_no_problems_in_any_form(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out = check("sound.yaml", "json", capsys)
    assert (code, json.loads(out)["problems"], json.loads(out)["policy"]) == (0, [], "ours")
    code, out = check("sound.yaml", "sarif", capsys)
    errors = [row for row in json.loads(out)["runs"][0]["results"] if row["level"] == "error"]
    assert (code, errors) == (0, [])


def test_sarif_names_file_line_and_column(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = check("broken.yaml", "sarif", capsys)
    log = json.loads(out)
    (result,) = log["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert code == 1
    assert log["version"] == "2.1.0"
    assert location["artifactLocation"] == {"uri": "broken.yaml"}
    assert location["region"] == {"startLine": 3, "startColumn": 3}
    rules = {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert result["ruleId"] in rules


def test_annotations_escape_what_github_would_take_for_its_own() -> None:
    (line,) = github_lines("p.yaml", [PROBLEM], [])
    assert line == ("::error file=a%2Cb.yaml,line=3,col=5,title=policy::100%25 wrong:%0Asay it")


def test_warnings_stand_beside_problems() -> None:
    assert json_document("p", "no portal", [PROBLEM], ["w"])["warnings"] == ["w"]
    levels = [row["level"] for row in sarif_document("p", [PROBLEM], ["w"])["runs"][0]["results"]]
    assert levels == ["error", "warning"]


def test_the_hook_checks_every_file_and_fails_for_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["connector-policy-hook", "broken.yaml", "sound.yaml"])
    with pytest.raises(SystemExit) as ended:
        policy_hook.main()
    output = capsys.readouterr()
    assert ended.value.code == 1
    assert "broken.yaml:3:3" in output.err
    assert "sound.yaml: no mistakes" in output.out


def test_the_files_for_pipelines_call_commands_and_options_that_exist() -> None:
    paths = sorted((ROOT / "deploy" / "ci").rglob("*.yml"))
    ci_files = [path for path in paths if path.name != "release.yml"]
    assert len(ci_files) == 3
    for path in ci_files:
        text = path.read_text(encoding="utf-8")
        assert yaml.safe_load(text)
        assert "policy check" in text
        assert "policy test" in text
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert hook["entry"] in scripts["scripts"]
