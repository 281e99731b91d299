"""Every record of a large, untidy portal ends as a second, independent opinion says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connector import cli
from connector.sandbox.clock import Clock
from connector.sandbox.names import OWN_DOMAIN
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.sandbox.setting import PARTNERS, RECRUITING, SCORE
from connector.sandbox.world import break_some, fill
from tests.oracle.oracle import STATUS, Choices, Oracle

pytestmark = pytest.mark.network

POLICY = f"""\
extends: standard
settings:
  hold_days: 0
  score: {{property: {SCORE}}}
  exclude: {{domains: [{OWN_DOMAIN.upper()}]}}
  deals: {{pipelines: {{exclude: [{RECRUITING.label}, {PARTNERS.label}]}}}}
"""
CHOICES = Choices(
    score=SCORE,
    excluded_domains=(OWN_DOMAIN,),
    excluded_pipelines=(RECRUITING.pipeline, PARTNERS.pipeline),
)
DAY = 86_400.0


@pytest.fixture
def box(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sandbox]:
    """Serve a portal of 5,000 contacts to `connector`, which finds everything in its settings."""
    seed, contacts = request.param
    portal = Portal(portal_id=147893286, time_zone="Europe/Oslo", clock=Clock())
    fill(portal, contacts=contacts, seed=seed)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    with Sandbox(portal) as served:
        for name, value in {
            "HUBSPOT_API_URL": served.url,
            "HUBSPOT_ACCESS_TOKEN": served.token,
            "CONNECTOR_DATABASE_URL": f"sqlite:///{tmp_path / 'connector.db'}",
            "CONNECTOR_POLICY": str(policy),
            "CONNECTOR_RECHECK_SECONDS": "0.01",
        }.items():
            monkeypatch.setenv(name, value)
        yield served


def found(portal: Portal) -> dict[tuple[str, str], tuple[str, str]]:
    """Return stage and lead status of every record, as they are."""
    return {
        (kind, str(one.id)): (one.values.get("lifecyclestage", ""), one.values.get(STATUS, ""))
        for kind in ("contacts", "companies")
        for one in portal.records(kind)
    }


def sync(box: Sandbox, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    box.forget()
    capsys.readouterr()
    assert cli.run(["sync", "--no-limits", "--json"]) == 0
    document: dict[str, object] = orjson.loads(capsys.readouterr().out)
    return document


def different(portal: Portal, wanted: dict[tuple[str, str], tuple[str, str]]) -> list[object]:
    """Return what is not as the oracle says: record, what it is, what it should be."""
    there = found(portal)
    return [(key, there.get(key), each) for key, each in wanted.items() if there.get(key) != each]


SEEDS = [
    pytest.param((1, 5000), id="seed 1"),
    pytest.param((2, 5000), id="seed 2", marks=pytest.mark.long),
    pytest.param((3, 5000), id="seed 3", marks=pytest.mark.long),
]


@pytest.mark.parametrize("box", SEEDS, indirect=True)
def test_sync_agrees_with_the_oracle(box: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    portal = box.portal
    wanted, before = Oracle(portal, CHOICES).everything(), found(portal)
    assert sum(before[key] != each for key, each in wanted.items()) > 500

    done = sync(box, capsys)

    assert different(portal, wanted) == []
    assert set(done["outcomes"]) == {"applied"}  # type: ignore[call-overload]  # a mapping
    assert Oracle(portal, CHOICES).everything() == wanted

    # A second one reads what we wrote ourselves, and writes nothing.
    portal.clock.advance(3600)
    assert sync(box, capsys)["outcomes"] == {}
    assert box.writes() == []

    # From then on nothing has changed for longer than the overlap: three searches, and no more.
    sync(box, capsys)
    assert box.count("search") == 3
    assert box.writes() == []

    # People, imports and workflows break some of it again.
    portal.clock.advance(DAY)
    break_some(portal, seed=7)
    wanted = Oracle(portal, CHOICES).everything()
    sync(box, capsys)
    assert different(portal, wanted) == []
    sync(box, capsys)
    assert box.writes() == []
