"""After a sync, every record of a large portal is as an independent implementation decides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connector.cli import main
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.world.fill import disturb_records, fill
from connector.sandbox.world.names import OWN_DOMAIN
from connector.sandbox.world.setup import PARTNERS, RECRUITING, SCORE_PROPERTY
from tests.oracle.oracle import LEAD_STATUS, Oracle, OracleSettings

pytestmark = pytest.mark.network

POLICY = f"""\
extends: standard
settings:
  hold_days: 0
  score: {{property: {SCORE_PROPERTY}}}
  exclude: {{domains: [{OWN_DOMAIN.upper()}]}}
  deals: {{pipelines: {{exclude: [{RECRUITING.label}, {PARTNERS.label}]}}}}
"""
CHOICES = OracleSettings(
    score=SCORE_PROPERTY,
    excluded_domains=(OWN_DOMAIN,),
    excluded_pipelines=(RECRUITING.pipeline_id, PARTNERS.pipeline_id),
)
DAY = 86_400.0


@pytest.fixture
def sandbox(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Serve a portal of 5,000 contacts to `connector`, which finds everything in its settings."""
    seed, contacts = request.param
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo", clock=Clock())
    fill(portal, contacts=contacts, seed=seed)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with Sandbox(portal) as server:
        for name, value in {
            "HUBSPOT_API_URL": server.url,
            "HUBSPOT_ACCESS_TOKEN": server.token,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path / 'connector.db'}",
            "CONNECTOR_POLICY": str(policy),
            "CONNECTOR_RECHECK_SECONDS": "0.01",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


def current_values(portal: Portal) -> dict[tuple[str, str], tuple[str, str]]:
    """Return stage and lead status of every record, as they are."""
    return {
        (object_type, str(record.id)): (
            record.values.get("lifecyclestage", ""),
            record.values.get(LEAD_STATUS, ""),
        )
        for object_type in ("contacts", "companies")
        for record in portal.records(object_type)
    }


def run_sync(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    sandbox.clear_requests()
    capsys.readouterr()
    assert main.run_command(["sync", "--no-limits", "--json"]) == 0
    document: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return document


def differences(portal: Portal, expected: dict[tuple[str, str], tuple[str, str]]) -> list[object]:
    """Return what is not as the oracle says: record, what it is, what it should be."""
    current = current_values(portal)
    return [
        (key, current.get(key), value)
        for key, value in expected.items()
        if current.get(key) != value
    ]


SEEDS = [
    pytest.param((1, 5000), id="seed 1"),
    pytest.param((2, 5000), id="seed 2", marks=pytest.mark.long),
    pytest.param((3, 5000), id="seed 3", marks=pytest.mark.long),
]


@pytest.mark.parametrize("sandbox", SEEDS, indirect=True)
def test_sync_agrees_with_the_oracle(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    portal = sandbox.portal
    expected, before_sync = Oracle(portal, CHOICES).expected_values(), current_values(portal)
    assert sum(before_sync[key] != value for key, value in expected.items()) > 500

    document = run_sync(sandbox, capsys)

    assert differences(portal, expected) == []
    assert set(document["outcomes"]) == {"applied"}  # type: ignore[call-overload]  # a mapping
    assert Oracle(portal, CHOICES).expected_values() == expected

    # A second one reads what we wrote ourselves, and writes nothing.
    portal.clock.advance(3600)
    assert run_sync(sandbox, capsys)["outcomes"] == {}
    assert sandbox.write_requests() == []

    # From then on nothing has changed for longer than the overlap: three searches, and no more.
    run_sync(sandbox, capsys)
    assert sandbox.request_count("search") == 3
    assert sandbox.write_requests() == []

    # People, imports and workflows break some of it again.
    portal.clock.advance(DAY)
    disturb_records(portal, seed=7)
    expected = Oracle(portal, CHOICES).expected_values()
    run_sync(sandbox, capsys)
    assert differences(portal, expected) == []
    run_sync(sandbox, capsys)
    assert sandbox.write_requests() == []
