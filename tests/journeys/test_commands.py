"""The commands as an operator types them: what they say, what they write, how they end."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector import cli
from connector.opening import Clockwork
from connector.sandbox.call import Request
from connector.sandbox.faults import Fault
from state.store import Store
from tests.journeys import killing
from tests.journeys.bench import TOKEN, Bench, new_portal
from tests.journeys.cast import OPEN, contact, deal, mixed, reopened

DONE, ACT, CORRECTIONS, BUG, LATER, INTERRUPTED = 0, 1, 2, 3, 4, 130
CORRECTION = {
    *("record", "property_name", "before", "after", "direction", "rule", "reason", "evidence"),
}
PLAN = ["portal_id", "policy", "created_at", "digest", "summary"]
AUDIT_LINE = [
    *("at", "run", "record", "property_name", "before", "after", "rule", "policy", "outcome"),
    *("correlation_id", "hash"),
]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [orjson.loads(line) for line in self.out.splitlines()]


Connector = Callable[..., Ran]


@pytest.fixture
def connector(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Connector]:
    """Run commands in this process; waiting takes no time."""
    monkeypatch.chdir(bench.folder)
    waited = count(1000, 100)
    for module in ("frame", "looking"):
        monkeypatch.setattr(
            f"connector.commands.{module}.REAL",
            Clockwork(wait=lambda _: None, monotonic=lambda: float(next(waited))),
        )

    def run(*arguments: str, **environment: str) -> Ran:
        for name, value in (bench.environment | environment).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = cli.run(list(arguments))
        return Ran(code, *capsys.readouterr())

    return run


# What is wrong with the settings


def test_without_a_token_it_says_which_setting_and_how_to_try_without(connector: Connector) -> None:
    ran = connector("sync", HUBSPOT_ACCESS_TOKEN="")
    assert ran.code == ACT
    assert "HUBSPOT_ACCESS_TOKEN" in ran.err
    assert "connector demo" in ran.err


def test_a_token_that_hubspot_does_not_know_is_named_and_not_shown(connector: Connector) -> None:
    ran = connector("pull", HUBSPOT_ACCESS_TOKEN="pat-eu1-of-somebody-else")
    assert ran.code == ACT
    assert "HUBSPOT_ACCESS_TOKEN" in ran.err
    assert "somebody" not in ran.out + ran.err


@pytest.mark.parametrize("command", ["pull", "plan", "apply", "sync", "explain contacts/1"])
def test_a_token_of_another_portal_writes_nothing_and_reads_no_record(
    bench: Bench, connector: Connector, command: str
) -> None:
    mixed(bench.portal)
    before = (bench.folder / "connector.db").read_bytes()
    ran = connector(*command.split(), HUBSPOT_PORTAL_ID="4711")
    assert ran.code == ACT
    assert "4711" in ran.err
    assert str(bench.portal.portal_id) in ran.err
    assert {one.route for one in bench.box.requests} <= {"account", "properties", "pipelines"}
    assert (bench.folder / "connector.db").read_bytes() == before


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HUBSPOT_PORTAL_ID", "12a"),
        ("HUBSPOT_API_VERSION", "v4"),
        ("CONNECTOR_DATABASE_URL", "mysql://root@localhost/x"),
        ("CONNECTOR_RECHECK_SECONDS", "soon"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(
    connector: Connector, setting: str, value: str
) -> None:
    ran = connector("sync", **{setting: value})
    assert ran.code == ACT
    assert setting in ran.err
    assert value in ran.err


def test_a_misspelt_setting_in_the_file_is_answered_with_the_nearest_one(
    bench: Bench, connector: Connector
) -> None:
    (bench.folder / "connector.toml").write_text('hubspot_portal_di = "1"\n', encoding="utf-8")
    ran = connector("sync")
    assert ran.code == ACT
    assert "did you mean HUBSPOT_PORTAL_ID?" in ran.err


def test_a_token_may_lie_in_a_file(
    bench: Bench, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    ran = connector("pull", HUBSPOT_ACCESS_TOKEN="", HUBSPOT_ACCESS_TOKEN_FILE="token")
    assert (ran.code, ran.err.count("Error")) == (DONE, 0)


def test_an_unknown_policy_is_answered_with_the_presets(connector: Connector) -> None:
    ran = connector("plan", "--policy", "standart")
    assert ran.code == ACT
    assert "standart" in ran.err
    assert "standard" in ran.err


def test_a_broken_policy_is_named_by_file_line_and_column(
    bench: Bench, connector: Connector
) -> None:
    written = "extends: standard\nsettings:\n  default_stag: lead\n"
    (bench.folder / "ours.yaml").write_text(written, encoding="utf-8")
    ran = connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert ran.code == ACT
    assert "ours.yaml:3:3: " in ran.err
    assert "default_stage" in ran.err
    assert bench.box.requests == []


def test_a_policy_that_names_a_stage_which_the_portal_lacks_lists_those_it_has(
    bench: Bench, connector: Connector
) -> None:
    written = "extends: standard\nsettings:\n  default_stage: Kunde\n"
    (bench.folder / "ours.yaml").write_text(written, encoding="utf-8")
    ran = connector("sync", CONNECTOR_POLICY="ours.yaml")
    assert ran.code == ACT
    assert "ours.yaml:3:18: " in ran.err
    assert "Customer" in ran.err
    assert bench.box.writes() == []


# What HubSpot says


@pytest.mark.parametrize("command", ["pull", "sync"])
def test_a_missing_read_scope_is_named(bench: Bench, connector: Connector, command: str) -> None:
    bench.portal.switches.scopes.discard("crm.objects.deals.read")
    ran = connector(command)
    assert ran.code == ACT
    assert "crm.objects.deals.read" in ran.err


def test_a_missing_write_scope_is_named_and_nothing_is_blank(
    bench: Bench, connector: Connector
) -> None:
    mixed(bench.portal)
    bench.portal.switches.scopes.discard("crm.objects.contacts.write")
    ran = connector("sync")
    assert ran.code == ACT
    assert "crm.objects.contacts.write" in ran.err
    assert bench.blanks() == []


@pytest.mark.parametrize("kind", ["500", "502", "503", "reset", "429-daily", "477"])
def test_where_hubspot_stays_away_it_ends_with_4_and_the_next_one_goes_on(
    bench: Bench, connector: Connector, kind: str
) -> None:
    anna = reopened(bench.portal)
    bench.box.faults.add(Fault(route="search", kind=kind, times=0))
    ran = connector("sync")
    assert ran.code == LATER
    assert ran.err.splitlines()[-1].startswith("Not now: ")
    bench.box.faults.clear()
    assert connector("sync").code == DONE
    assert bench.value(f"contacts/{anna}.lifecyclestage") == "opportunity"


def test_where_nothing_listens_it_ends_with_4(connector: Connector) -> None:
    ran = connector("pull", HUBSPOT_API_URL="http://127.0.0.1:9")
    assert ran.code == LATER
    assert "HUBSPOT_API_URL" in ran.err


def test_what_is_no_hubspot_ends_with_1(bench: Bench, connector: Connector) -> None:
    ran = connector("pull", HUBSPOT_API_URL=f"{bench.box.url}/nothing/here")
    assert ran.code == ACT
    assert "HUBSPOT_API_URL" in ran.err


# How a command may end


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("sync --faster", "--faster"),
        ("synch", "No such command 'synch'"),
        ("plan --policy", "'--policy' requires an argument"),
        ("explain", "Name a record, such as `contact 123`"),
        ("audit proof", "'proof' is not"),
        ("sandbox --port 99999", "--port"),
        ("", "Commands:"),
    ],
)
def test_wrong_usage_ends_with_1_and_says_what_is_wrong(
    bench: Bench, connector: Connector, line: str, said: str
) -> None:
    ran = connector(*line.split())
    assert ran.code == ACT
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert bench.box.requests == []


def test_a_bug_of_ours_ends_with_3_and_a_traceback(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("connector.commands.cycle.sync_all", crash)
    ran = connector("sync")
    assert ran.code == BUG
    assert "ZeroDivisionError" in ran.err


def test_interrupted_in_the_gap_it_ends_with_130_and_the_next_start_finishes(
    set_up: Callable[..., Bench],
) -> None:
    bench = set_up(new_portal(running=True))
    anna = reopened(bench.portal)

    def interrupt(request: Request) -> None:
        if request.route == "batch_update":
            child.signal(signal.SIGINT)

    bench.box.after = interrupt
    child = killing.start(bench, "sync")
    assert child.wait() == INTERRUPTED
    bench.box.after = None
    assert "Interrupted" in (bench.folder / "err").read_text(encoding="utf-8")
    assert killing.run(bench, "sync") == DONE
    assert bench.value(f"contacts/{anna}.lifecyclestage") == "opportunity"
    assert bench.open_moves() == ()


def test_who_comes_while_another_one_writes_is_told_who_and_waits(
    bench: Bench, connector: Connector
) -> None:
    mixed(bench.portal)
    with bench.store() as store, store.writer_lock(str(bench.portal.portal_id), who="the daemon"):
        ran = connector("sync")
    assert ran.code == LATER
    assert "the daemon" in ran.err
    assert bench.box.writes() == []


def test_the_module_is_the_same_program() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "connector", "--version"], capture_output=True, check=False
    )
    assert ran.returncode == DONE
    assert ran.stdout.startswith(b"connector, version ")


@pytest.mark.parametrize("name", ["", *cli.COMMANDS])
def test_every_command_has_a_help(connector: Connector, name: str) -> None:
    ran = connector(*filter(None, [name, "--help"]))
    assert ran.code == DONE
    assert f"Usage: connector {name}".rstrip() in ran.out


# The cycle in steps


def test_a_plan_needs_a_mirror_and_names_the_command(connector: Connector) -> None:
    ran = connector("plan")
    assert ran.code == ACT
    assert "connector pull" in ran.err


def test_pull_tells_what_it_read(bench: Bench, connector: Connector) -> None:
    mixed(bench.portal)
    first, second = connector("pull", "--json").json, connector("pull", "--json").json
    assert list(first) == ["portal_id", "run", "read", "changed", "whole"]
    assert first["read"] == {"deals": 4, "companies": 2, "contacts": 5}
    assert first["whole"] == ["companies", "contacts", "deals"]
    assert (second["changed"], second["whole"]) == ({"deals": 0, "companies": 0, "contacts": 0}, [])
    assert connector("pull", "--full", "--json").json["whole"] == first["whole"]


def test_a_plan_is_the_document_of_the_contract_and_writes_nothing(
    bench: Bench, connector: Connector
) -> None:
    anna = reopened(bench.portal)
    connector("pull")
    ran = connector("plan", "--json")
    plan = ran.json
    assert list(plan) == [*PLAN, "workflows", "corrections", "aside"]
    assert plan["portal_id"] == str(bench.portal.portal_id)
    assert set(plan["policy"]) == {"name", "digest"}
    stage, status = plan["corrections"]
    assert set(stage) == set(status) == CORRECTION
    assert stage["record"] == status["record"] == f"contacts/{anna}"
    assert [stage[name] for name in ("property_name", "before", "after", "direction", "rule")] == [
        *("lifecyclestage", "customer", "opportunity", "backward", "reopened"),
    ]
    assert [status[name] for name in ("property_name", "before", "after", "direction")] == [
        *("hs_lead_status", "", "OPEN_DEAL", "set"),
    ]
    assert "was won 2026-10-29, open since 2026-10-31" in stage["evidence"][0]
    assert bench.box.writes() == []
    assert bench.value(f"contacts/{anna}.lifecyclestage") == "customer"


def test_the_same_plan_has_the_same_digest(bench: Bench, connector: Connector) -> None:
    mixed(bench.portal)
    connector("pull")
    first, second = connector("plan", "--json").json, connector("plan", "--json").json
    assert first["digest"] == second["digest"]
    assert first["corrections"] == second["corrections"]


def test_a_plan_with_corrections_ends_with_2_where_a_script_asks_for_it(
    bench: Bench, connector: Connector
) -> None:
    mixed(bench.portal)
    connector("pull")
    assert connector("plan").code == DONE
    assert connector("plan", "--exit-code").code == CORRECTIONS
    connector("apply")
    assert connector("plan", "--exit-code").code == DONE


def test_a_plan_by_another_policy_is_shown_and_changes_nothing(
    bench: Bench, connector: Connector
) -> None:
    contact(bench.portal, "anna")
    connector("pull")
    written = "extends: standard\nname: ours\nsettings:\n  default_stage: subscriber\n"
    (bench.folder / "ours.yaml").write_text(written, encoding="utf-8")
    ours = connector("plan", "--policy", "ours.yaml", "--json").json
    assert [one["after"] for one in ours["corrections"]] == ["subscriber"]
    assert ours["policy"]["name"] == "ours"
    assert [one["after"] for one in connector("plan", "--json").json["corrections"]] == ["lead"]


def test_apply_corrects_what_the_mirror_says_and_asks_for_no_news(
    bench: Bench, connector: Connector
) -> None:
    wanted = mixed(bench.portal)
    connector("pull")
    bench.box.forget()
    ran = connector("apply", "--json")
    assert ran.code == DONE
    assert bench.values(*wanted) == wanted
    assert {one.route for one in bench.box.requests}.isdisjoint({"search", "list"})
    assert ran.json["pulled"] is None


def test_sync_tells_the_run_the_plan_and_the_outcomes(bench: Bench, connector: Connector) -> None:
    wanted = mixed(bench.portal)
    ran = connector("sync", "--no-limits", "--json")
    assert list(ran.json) == ["run", "recovered", "pulled", "plan", "outcomes"]
    assert list(ran.json["plan"]) == PLAN
    assert ran.json["outcomes"] == {"applied": 9}
    assert bench.values(*wanted) == wanted
    assert {one["run"] for one in connector("audit", "--json").lines} == {ran.json["run"]}


def test_a_correction_that_changed_between_plan_and_apply_is_not_applied(
    bench: Bench, connector: Connector
) -> None:
    anna = reopened(bench.portal)
    connector("pull")
    connector("plan")
    bench.portal.edit("contacts", anna, {"lifecyclestage": "evangelist"})
    ran = connector("apply", "--json")
    assert ran.code == DONE
    assert ran.json["outcomes"] == {}
    assert bench.value(f"contacts/{anna}.lifecyclestage") == "evangelist"


def test_what_people_read_names_figures_reasons_and_the_next_command(
    bench: Bench, connector: Connector
) -> None:
    anna = reopened(bench.portal)
    ran = connector("sync")
    assert f"contacts/{anna}" in ran.out
    assert "Customer → Opportunity" in ran.out
    assert "connector audit --run" in ran.out
    assert "everything is as it should be" in connector("sync").out


# Looking


@pytest.mark.parametrize("name", ["contact {0}", "contacts/{0}", "contact/{0}"])
def test_explain_tells_what_is_what_should_be_and_why(
    bench: Bench, connector: Connector, name: str
) -> None:
    anna = reopened(bench.portal)
    connector("pull")
    told = connector("explain", *name.format(anna).split(), "--json").json
    assert told["record"] == f"contacts/{anna}"
    assert told["is"] == {"lifecyclestage": "customer", "hs_lead_status": ""}
    assert told["should_be"] == {"lifecyclestage": "opportunity", "hs_lead_status": "OPEN_DEAL"}
    assert told["rule"] == "reopened"
    assert set(told["corrections"][0]) == CORRECTION
    verdicts = {one["rule"]: one["verdict"] for one in told["stage_rules"]}
    assert (verdicts["won"], verdicts["reopened"]) == ("failed", "won")
    assert bench.box.writes() == []


def test_explain_tells_a_company_for_people(bench: Bench, connector: Connector) -> None:
    firm = bench.portal.create("companies", {"name": "Fjord AS", "lifecyclestage": "lead"})
    made = deal(bench.portal, [OPEN], companies=[firm])
    connector("pull")
    ran = connector("explain", "company", firm)
    assert ran.code == DONE
    assert "is Lead, should be Opportunity" in ran.out
    assert f"deals/{made} open since 2026-10-31" in ran.out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("contact 999", "connector pull"),
        ("deals/1", "no lifecycle stage"),
        ("anna@fjord.example", "contacts/123"),
        ("lorry 5", "contacts/123"),
    ],
)
def test_explain_says_what_it_cannot_explain_and_what_to_type(
    bench: Bench, connector: Connector, name: str, said: str
) -> None:
    connector("pull")
    ran = connector("explain", *name.split())
    assert ran.code == ACT
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_the_audit_is_json_lines_as_in_the_contract(bench: Bench, connector: Connector) -> None:
    anna = reopened(bench.portal)
    connector("sync")
    lines = connector("audit", "--json").lines
    assert [list(one) for one in lines] == [AUDIT_LINE, AUDIT_LINE]
    assert [one["record"] for one in lines] == [f"contacts/{anna}"] * 2
    assert {one["outcome"] for one in lines} == {"applied"}
    assert {one["policy"] for one in lines} == {"standard"}
    assert all(one["correlation_id"] and len(one["hash"]) == 64 for one in lines)


def test_the_audit_is_found_by_record_run_and_time(bench: Bench, connector: Connector) -> None:
    mixed(bench.portal)
    first = connector("sync", "--json").json["run"]
    anna = connector("audit", "--json").lines[-1]["record"]
    bench.portal.clock.advance(86_400)
    record_id = anna.removeprefix("contacts/")
    values = {"hs_lead_status": "CONNECTED", "lifecyclestage": ""}
    bench.portal.edit("contacts", record_id, values, source="IMPORT", source_id="", user_id=None)
    second = connector("sync", "--json").json["run"]
    everything = connector("audit", "--json").lines
    assert connector("audit", "--run", first, "--json").lines == everything[:9]
    later = everything[9:]
    assert later
    assert connector("audit", "--run", second, "--json").lines == later
    assert connector("audit", "--since", "2026-11-03", "--json").lines == later
    of_anna = [one for one in everything if one["record"] == anna]
    assert connector("audit", "--record", anna, "--json").lines == of_anna
    assert connector("audit", "--record", "contact 999", "--json").lines == []


@pytest.mark.parametrize("line", ["--record contacts/x", "--record 5", "--since yesterday"])
def test_the_audit_refuses_what_it_cannot_read(connector: Connector, line: str) -> None:
    ran = connector("audit", *line.split())
    assert ran.code == ACT
    assert line.split()[1] in ran.err
    assert "Traceback" not in ran.err


def test_audit_verify_ends_with_1_at_the_first_changed_row(
    bench: Bench, connector: Connector
) -> None:
    mixed(bench.portal)
    connector("sync")
    intact = connector("audit", "verify", "--json")
    assert (intact.code, intact.json["intact"], intact.json["lines"]) == (DONE, True, 9)
    _forge(bench.folder / "connector.db", row=4)
    broken = connector("audit", "verify", "--json")
    assert (broken.code, broken.json["intact"], broken.json["row"]) == (ACT, False, 4)
    assert "row 4" in connector("audit", "verify").out


def _forge(database: Path, *, row: int) -> None:
    """Change one value behind the connector's back, past the triggers that refuse it."""
    forging = sqlite3.connect(database)
    triggers = forging.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        forging.execute(f"DROP TRIGGER {name}")
    forging.execute("UPDATE audit SET after = 'lead' WHERE place = ?", (row,))
    forging.commit()
    forging.close()


def test_a_check_of_a_good_portal_is_green_and_changes_nothing(
    bench: Bench, connector: Connector
) -> None:
    wanted = mixed(bench.portal)
    before = bench.values(*wanted)
    ran = connector("check", "--json")
    assert ran.code == DONE
    assert {one["light"] for one in ran.json} == {"ok"}
    assert all(list(one) == ["name", "light", "message"] for one in ran.json)
    assert bench.values(*wanted) == before


@pytest.mark.parametrize(
    "scope",
    [
        *("crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read"),
        *("crm.objects.contacts.write", "crm.objects.companies.write"),
    ],
)
def test_a_check_names_a_missing_scope(bench: Bench, connector: Connector, scope: str) -> None:
    bench.portal.switches.scopes.discard(scope)
    ran = connector("check", "--json")
    assert ran.code == ACT
    said = [one["message"] for one in ran.json if one["light"] == "fail"]
    assert any(scope in message for message in said)


def test_a_check_names_the_portal_that_a_token_belongs_to(connector: Connector) -> None:
    wrong = connector("check", "--json", HUBSPOT_PORTAL_ID="4711")
    assert wrong.code == ACT
    assert [one["name"] for one in wrong.json if one["light"] == "fail"] == ["portal id"]
    unpinned = connector("check", "--json", HUBSPOT_PORTAL_ID="")
    assert unpinned.code == DONE
    assert [one["name"] for one in unpinned.json if one["light"] == "warning"] == ["portal id"]


# Secrets, and the box


def test_the_token_is_in_no_output_and_not_in_the_database(
    bench: Bench, connector: Connector
) -> None:
    mixed(bench.portal)
    commands = ("check", "pull", "plan", "sync", "audit", "audit verify", "explain contacts/1")
    told = [connector(*command.split()) for command in commands]
    bench.portal.switches.scopes.clear()
    told += [connector(*command.split()) for command in commands]
    bench.box.desk.tokens.clear()
    told += [connector(*command.split()) for command in commands]
    assert all(TOKEN not in ran.out + ran.err for ran in told)
    Store.open(bench.environment["CONNECTOR_DATABASE_URL"]).close()
    assert TOKEN.encode() not in (bench.folder / "connector.db").read_bytes()


def test_no_address_of_a_person_is_in_the_logs(bench: Bench, connector: Connector) -> None:
    mixed(bench.portal)
    bench.box.faults.random(rate=0.2, kinds=["500", "429-secondly", "207"], seed=3)
    logged = [connector("sync").err for _ in range(3)]
    assert any(logged)
    assert not any("@" in text or "anna" in text for text in logged)


def test_the_sandbox_serves_a_portal_and_ends_well_when_told_to(
    set_up: Callable[..., Bench],
) -> None:
    bench = set_up(new_portal(running=True))
    child = killing.start(bench, "sandbox", "--port", "0", "--contacts", "30")
    url = _url_in(bench.folder / "out")
    bench.more = {"HUBSPOT_API_URL": url, "HUBSPOT_ACCESS_TOKEN": "pat-eu1-sandbox"}
    with bench.desk() as desk:
        assert desk.portal_id == "147893286"
    child.signal(signal.SIGTERM)
    assert child.wait() == DONE


def _url_in(path: Path) -> str:
    for _ in range(2000):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if "HUBSPOT_API_URL=" in text:
            return text.split("HUBSPOT_API_URL=")[1].split()[0]
        time.sleep(0.01)
    raise AssertionError("the sandbox did not start")
