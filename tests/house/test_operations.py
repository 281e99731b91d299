"""What the operator's papers name is there: metrics, alerts, commands."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from connector.alerts.alert import _NAMES
from connector.core.audit import AuditLine
from connector.core.binding import _FIXED, bind, needed_properties
from connector.core.default_portal import default_portal, definition
from connector.core.model import STAGE, ObjectType, Outcome, Portal, Ref
from connector.core.policy import load
from connector.meters import Figures, Meters
from connector.presets import preset
from state import audit
from state.store import Store

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
PERSONAL = (ROOT / "docs" / "personal-data.md").read_text()


def _told() -> set[str]:
    """Return the name of every sample that a daemon may tell."""
    meters = Meters()
    meters.watch(lambda: Figures(lag=1.0, requests_left=1, left_alone={"held": 1}))
    meters.answered("search", 200, 0.1)
    meters.delivered("accepted", 1)
    meters.ended("applied", "won")
    meters.ran("poll", 0.1, ok=True)
    text = meters.exposition().decode()
    return {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }


def _named(text: str) -> set[str]:
    return set(re.findall(r"\bconnector_[a-z_]+", text))


def test_every_metric_of_the_dashboard_and_of_the_rules_is_told() -> None:
    told = _told()
    for name in ("grafana.json", "alerts.yaml"):
        named = _named((ROOT / "deploy" / name).read_text())
        assert named
        assert named <= told


def test_every_metric_that_is_told_is_on_the_operations_page() -> None:
    ends = ("_bucket", "_sum", "_count")
    told = {one.removeprefix("connector_") for one in _told() if not one.endswith(ends)}
    assert {one for one in told if f"`{one}" not in PAGE} <= {"left_alone", "steps_total", "holds"}


def test_every_alert_is_on_the_operations_page() -> None:
    titles = [title.partition(":")[0].partition(",")[0] for _, (_, title) in _NAMES]
    assert [one for one in titles if one not in PAGE] == []


def _statements() -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
    return [one.strip() for block in blocks for one in block.split(";") if one.strip()]


@pytest.mark.parametrize("statement", _statements())
def test_every_sql_statement_of_the_operations_page_tells_something(
    audited: sqlite3.Connection, statement: str
) -> None:
    assert audited.execute(statement).fetchall()


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
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
    with Store.open(f"sqlite:///{path}") as store, store.begin() as session:
        audit.append(session, "4711", [line] * 3)
        audit.cut(session, "4711", 2, at=line.at, file="audit.jsonl")
    with closing(sqlite3.connect(path)) as connection:
        yield connection


def test_the_statements_of_the_page_are_found() -> None:
    assert len(_statements()) >= 6


def test_the_personal_data_page_names_just_what_the_standard_policy_mirrors() -> None:
    told = {str(kind): set[str]() for kind in ObjectType}
    rows = re.findall(r"^\| (`.*?) \| ([a-z, ]+) \|", PERSONAL, flags=re.MULTILINE)
    for names, kinds in rows:
        for kind in kinds.split(", "):
            told[kind] |= set(re.findall(r"`(\w+)`", names))
    portal = _with_everything(default_portal())
    bound = bind(load("extends: standard", source="test.yaml", preset=preset), portal)
    wanted = needed_properties(bound, portal)
    assert told == {str(kind): set(names) for kind, names in wanted.items()}
    assert "`hs_lead_status`" in PERSONAL


def _with_everything(portal: Portal) -> Portal:
    """Define whatever the connector would ask for; it asks for nothing that is not defined."""
    more = {
        kind: [definition(name) for name in names if name not in portal.definitions[kind]]
        for kind, names in _FIXED.items()
    }
    return default_portal(more=more)


def test_dashboard_and_rules_are_well_formed() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    (group,) = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    assert all(one["expr"] and one["annotations"]["summary"] for one in group["rules"])
