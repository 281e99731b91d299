"""What the operator's papers name is there: metrics, alerts, commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from connector.alerts.alert import _NAMES
from connector.meters import Figures, Meters

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()


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


def test_dashboard_and_rules_are_well_formed() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana.json").read_text())["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    (group,) = yaml.safe_load((ROOT / "deploy" / "alerts.yaml").read_text())["groups"]
    assert all(one["expr"] and one["annotations"]["summary"] for one in group["rules"])
