"""The README, word by word: each console block is typed in an empty folder, against the sandbox."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import orjson
import pytest

from connector.cli import main
from connector.config.run_clock import RunClock
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import fill
from tests.house.printed_commands import commands_in_output, problems
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import NOW, TOKEN, new_portal

README = Path(__file__).resolve().parents[2] / "README.md"
SUCCESS, ACTION_NEEDED = 0, 1
PORTAL_ID = "147893286"
PIPE_WORDS = re.compile(r"[^\W\d_]{3,}")
# What this machine or this test cannot do: containers, and the tests themselves.
NOT_TYPED = {
    "make test",
    "cp .env.example .env",
    "docker compose up --detach",
    "docker compose exec connector connector plan",
    "docker compose logs --follow",
    "curl http://127.0.0.1:8080/readyz",
}
# The portal that the README's policy is written for.
PORTAL_OF_THE_POLICY = """portal:
  contacts: {fit_and_engagement_score: number}
  pipelines: {default: Sales Pipeline, recruiting: Recruiting}
  stages: {subscriber: Subscriber, lead: Lead, marketingqualifiedlead: Marketing Qualified Lead,
    salesqualifiedlead: Sales Qualified Lead, opportunity: Opportunity, customer: Customer,
    churned: Churned Customer, evangelist: Evangelist, other: Other}
"""
# A new portal's rules wait for a first review, which the README says below.
WAITS_FOR_A_REVIEW = {"connector sync"}


@dataclass
class Reader:
    """Who types what the README says, in a folder of his own, and keeps what was shown."""

    read_output: Callable[[], tuple[str, str]]
    set_variable: Callable[[str, str], None]
    outputs: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)

    def type(self, line: str) -> None:
        """Type one line; fail where the README does not promise what comes."""
        if line in NOT_TYPED:
            self.skipped.add(line)
            return
        if line.startswith("export "):
            self._export(*line.removeprefix("export ").split("=", 1))
            return
        words, _, target = line.partition(" > ")
        arguments = shlex.split(words)
        if "RUN" in arguments:
            arguments[arguments.index("RUN")] = self._latest_run()
        if arguments == ["make", "demo"]:
            arguments = ["connector", "demo", "--contacts", "300"]
        assert arguments.pop(0) == "connector", line
        self.read_output()
        code = main.run_command(arguments)
        out, error_output = self.read_output()
        self.outputs[line] = out
        if target:
            Path(target).write_text(out, encoding="utf-8")
        self._check(line, code, out, error_output)

    def _check(self, line: str, code: int, out: str, error_output: str) -> None:
        if code == ACTION_NEEDED and line in WAITS_FOR_A_REVIEW:
            assert "first review" in error_output + out
        else:
            assert code == SUCCESS, f"{line}: {error_output}"
        unusable = [
            f"{command.text}: {text}"
            for command in commands_in_output(out + error_output)
            for text in problems(command)
        ]
        assert unusable == [], line

    def _export(self, name: str, value: str) -> None:
        """Set a variable, with the sandbox's values in place of the reader's own."""
        own = {"HUBSPOT_ACCESS_TOKEN": TOKEN, "HUBSPOT_PORTAL_ID": PORTAL_ID}
        assert name in own, f"the README exports {name}={value}"
        self.set_variable(name, own[name])

    def _latest_run(self) -> str:
        self.read_output()
        main.run_command(["runs", "--json"])
        return next(
            str(run["run"])
            for run in orjson.loads(self.read_output()[0])
            if run["kind"] == "apply plan"
        )


def console_blocks() -> list[list[str]]:
    """Return the lines that the README has typed, block by block, without their comments."""
    blocks = re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return [
        [
            re.split(r"\s+#\s", line.removeprefix("$ "))[0].strip()
            for line in block.splitlines()
            if line.startswith("$ ")
        ]
        for block in blocks
    ]


@pytest.fixture
def portal() -> Portal:
    """Return a portal with the records that the README names."""
    portal = new_portal()
    fill(portal, contacts=120)
    properties = {"email": "kari@fjord.example", "lifecyclestage": "customer"}
    portal.create("contacts", properties, id=123, at=NOW)
    return portal


@pytest.fixture
def reader(
    portal: Portal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Reader]:
    monkeypatch.chdir(tmp_path)
    readings = count(1000, 100)
    clock = RunClock(wait=lambda _: None, monotonic=lambda: float(next(readings)))
    for module in ("setup", "policy"):
        monkeypatch.setattr(f"connector.cli.{module}.REAL_CLOCK", clock)

    def read_output() -> tuple[str, str]:
        output = capsys.readouterr()
        return output.out, output.err

    with Sandbox(portal, token=TOKEN) as sandbox:
        monkeypatch.setenv("HUBSPOT_API_URL", sandbox.url)
        yield Reader(read_output=read_output, set_variable=monkeypatch.setenv)


def test_whoever_types_the_readme_gets_what_it_says(reader: Reader, portal: Portal) -> None:
    for block in console_blocks():
        for line in block:
            if "changed.yaml" in line:
                _change_policy()
            if line == "connector plan --out plan.json":
                _let_work_go_on(portal)
                reader.type("connector pull")
            reader.type(line)
            if line.startswith("connector pause"):
                reader.type("connector resume")  # as the comment beside it says
    assert reader.skipped == NOT_TYPED
    assert _words(_sample_of("make demo")) <= _words(reader.outputs["make demo"])
    assert Path("my.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "contacts/123" in reader.outputs["connector hold list"]
    assert _sections(reader) >= {"connector report hygiene", "connector plan"}


def test_the_policy_and_the_case_of_the_readme_hold(reader: Reader) -> None:
    policy, cases = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    Path("own.yaml").write_text(policy, encoding="utf-8")
    Path("own.cases.yaml").write_text(PORTAL_OF_THE_POLICY + cases, encoding="utf-8")
    reader.type("connector policy test own.yaml")
    assert "1 passed, 0 failed" in reader.outputs["connector policy test own.yaml"]


def _sections(reader: Reader) -> set[str]:
    return {line for line, output in reader.outputs.items() if output.strip()}


def _sample_of(line: str) -> str:
    """Return the output that the README shows below the block of a line."""
    text = README.read_text(encoding="utf-8")
    _, _, behind = text.partition(f"$ {line}")
    return behind.split("```\n", 3)[2]


def _words(text: str) -> set[str]:
    """Return the words of a screen: its figures, and the ids of its examples, are another day's."""
    return {word.lower() for word in PIPE_WORDS.findall(text)}


def _let_work_go_on(portal: Portal) -> None:
    """Let deals be won and records come without a stage, so that there is something to correct."""
    portal.clock.advance(7 * 86_400)
    for number in range(3):
        contact_id = create_contact(portal, f"won{number}", "lead", days=5)
        create_deal(portal, [OPEN, WON], contacts=[contact_id])
        create_contact(portal, f"blank{number}", days=5)


def _change_policy() -> None:
    changed = Path("my.yaml").read_text(encoding="utf-8") + "\n# changed\n"
    Path("changed.yaml").write_text(changed, encoding="utf-8")
