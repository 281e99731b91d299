"""What the operator's papers name is there: metrics, alerts, commands."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from connector.alerts.alert import _TITLES
from connector.config.presets import policy_text
from connector.core.binding.bind import _ALWAYS_NEEDED, bind, needed_properties
from connector.core.corrections.audit import AuditLine
from connector.core.lint.default_portal import default_portal, definition
from connector.core.model import ALWAYS_READ_TYPES, STAGE, Outcome, Portal, Ref
from connector.core.policy.load import load_policy
from connector.telemetry.metrics import Metrics, Status
from state import audit
from state.db.store import Store

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS_PAGE = (ROOT / "docs" / "operations.md").read_text()
PERSONAL_DATA_PAGE = (ROOT / "docs" / "personal-data.md").read_text()


def _sample_names() -> set[str]:
    """Return the name of every sample that a daemon may tell."""
    metrics = Metrics()
    metrics.collect_status(lambda: Status(lag=1.0, requests_left=1, left_alone={"held": 1}))
    metrics.count_request("search", 200, 0.1)
    metrics.count_deliveries("accepted", 1)
    metrics.count_correction("applied", "won")
    metrics.count_step("poll", 0.1, ok=True)
    text = metrics.exposition().decode()
    return {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }


def _metric_names(text: str) -> set[str]:
    return set(re.findall(r"\bconnector_[a-z_]+", text))


def test_every_metric_of_the_dashboard_and_of_the_rules_is_told() -> None:
    exposed = _sample_names()
    for name in ("grafana.json", "alerts.yaml"):
        used = _metric_names((ROOT / "deploy" / name).read_text())
        assert used
        assert used <= exposed


def test_every_metric_that_is_told_is_on_the_operations_page() -> None:
    suffixes = ("_bucket", "_sum", "_count")
    exposed = {
        name.removeprefix("connector_") for name in _sample_names() if not name.endswith(suffixes)
    }
    assert {name for name in exposed if f"`{name}" not in OPERATIONS_PAGE} <= {
        "left_alone",
        "steps_total",
        "holds",
    }


def test_every_alert_is_on_the_operations_page() -> None:
    titles = [title.partition(":")[0].partition(",")[0] for _, (_, title) in _TITLES]
    assert [title for title in titles if title not in OPERATIONS_PAGE] == []


def _sql_statements() -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", OPERATIONS_PAGE, flags=re.DOTALL)
    return [
        statement.strip() for block in blocks for statement in block.split(";") if statement.strip()
    ]


@pytest.mark.parametrize("statement", _sql_statements())
def test_every_sql_statement_of_the_operations_page_tells_something(
    audit_database: sqlite3.Connection, statement: str
) -> None:
    assert audit_database.execute(statement).fetchall()


@pytest.fixture(scope="module")
def audit_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Return a database whose audit holds what the page's statements ask for."""
    path = tmp_path_factory.mktemp("audited") / "connector.db"
    line = AuditLine(
        at=datetime.now(UTC),
        run="20261102T093000-1f2e",
        record=Ref.parse("contacts/123"),
        property_name=STAGE,
        before="customer",
        after="opportunity",
        rule="reopened",
        policy="standard",
        outcome=Outcome.REVERTED,
    )
    with Store.open(f"sqlite:///{path}") as store, store.begin("4711") as session:
        audit.append(session, [line] * 3)
        audit.cut(session, 2, at=line.at, file="audit.jsonl")
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def test_the_statements_of_the_page_are_found() -> None:
    assert len(_sql_statements()) >= 6


def test_the_personal_data_page_names_just_what_the_standard_policy_mirrors() -> None:
    documented = {str(object_type): set[str]() for object_type in ALWAYS_READ_TYPES}
    rows = re.findall(r"^\| (`.*?) \| ([a-z, ]+) \|", PERSONAL_DATA_PAGE, flags=re.MULTILINE)
    for names, object_types in rows:
        for object_type in object_types.split(", "):
            documented[object_type] |= set(re.findall(r"`(\w+)`", names))
    portal = _with_needed_properties(default_portal())
    policy = bind(
        load_policy("extends: standard", source="test.yaml", preset_text=policy_text), portal
    )
    needed = needed_properties(policy, portal)
    assert documented == {str(object_type): set(names) for object_type, names in needed.items()}
    assert "`hs_lead_status`" in PERSONAL_DATA_PAGE


def _with_needed_properties(portal: Portal) -> Portal:
    """Define whatever the connector would ask for; it asks for nothing that is not defined."""
    definitions = {
        object_type: [
            definition(name) for name in names if name not in portal.definitions[object_type]
        ]
        for object_type, names in _ALWAYS_NEEDED.items()
    }
    return default_portal(extra_properties=definitions)


# What Grafana asks of a dashboard (schema version 39), of which its own schema is no JSON Schema:
# https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
_NUMBER = {"type": "integer", "minimum": 0}
_PANEL = {
    "type": "object",
    "required": ["id", "title", "type", "datasource", "gridPos", "targets"],
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "title": {"type": "string", "minLength": 1},
        "type": {"enum": ["stat", "timeseries", "table", "gauge", "barchart"]},
        "datasource": {
            "type": "object",
            "required": ["type", "uid"],
            "properties": {"type": {"const": "prometheus"}, "uid": {"const": "${source}"}},
        },
        "gridPos": {
            "type": "object",
            "required": ["x", "y", "w", "h"],
            "properties": {
                "x": {"type": "integer", "minimum": 0, "maximum": 23},
                "y": _NUMBER,
                "w": {"type": "integer", "minimum": 1, "maximum": 24},
                "h": {"type": "integer", "minimum": 1},
            },
        },
        "targets": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["refId", "expr"],
                "properties": {"expr": {"type": "string", "minLength": 1}},
            },
        },
    },
}
_DASHBOARD = {
    "type": "object",
    "required": ["title", "uid", "schemaVersion", "time", "templating", "panels"],
    "properties": {
        "uid": {"type": "string", "maxLength": 40, "pattern": "^[a-zA-Z0-9_-]+$"},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "time": {"type": "object", "required": ["from", "to"]},
        "templating": {"type": "object", "required": ["list"]},
        "panels": {"type": "array", "minItems": 1, "items": _PANEL},
    },
}


def test_the_dashboard_has_the_form_that_grafana_imports() -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana.json").read_text())
    jsonschema.validate(dashboard, _DASHBOARD)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)


def _expressions() -> list[str]:
    rules = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"][0]["rules"]
    panels = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
    return [rule["expr"] for rule in rules] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def test_what_grows_is_rated_and_what_goes_up_and_down_is_compared() -> None:
    calls = [
        call
        for expression in _expressions()
        for call in re.findall(r"(rate|increase|delta)\((connector_\w+)", expression)
    ]
    assert {function for function, _ in calls} >= {"rate", "delta"}
    grows = ("_total", "_bucket", "_sum", "_count")
    wrong = [
        f"{function}({name})"
        for function, name in calls
        if name.endswith(grows) != (function != "delta")
    ]
    assert wrong == []


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not there")
def test_promtool_takes_the_rules() -> None:
    subprocess.run(["promtool", "check", "rules", str(ROOT / "deploy" / "alerts.yaml")], check=True)


def test_dashboard_and_rules_are_well_formed() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    (group,) = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    assert all(rule["expr"] and rule["annotations"]["summary"] for rule in group["rules"])
