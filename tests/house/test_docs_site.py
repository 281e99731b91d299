"""The documentation as a site: its reference is made from the code, and it needs no internet."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from connector.cli.main import COMMANDS
from connector.config.setting_sources import DEFAULTS
from connector.operations.trial.assumptions import ASSUMPTIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """Load the hook as MkDocs does: by its path."""
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_is_in_the_reference_with_its_help(reference: ModuleType) -> None:
    page = reference.commands_page()
    assert [name for name in COMMANDS if f"\n## connector {name}\n" not in page] == []
    assert "Usage: connector policy check" in page


def test_every_setting_is_in_the_reference_with_its_meaning(reference: ModuleType) -> None:
    rows = [line for line in reference.settings_page().splitlines() if line.startswith("| `")]
    meanings = {row.split("`")[1]: row.split("|")[4].strip() for row in rows}
    assert meanings.keys() == DEFAULTS.keys()
    assert [name for name, meaning in meanings.items() if len(meaning) < 10] == []


def test_metrics_log_events_and_exit_codes_are_in_the_reference(reference: ModuleType) -> None:
    assert "| `connector_requests_total` | counter |" in reference.metrics_page()
    assert "| `connector_lag_seconds` | gauge |" in reference.metrics_page()
    assert len(reference.log_events()) > 20
    assert [
        event for event, _, _ in reference.log_events() if not re.fullmatch(r"[a-z_.]+", event)
    ] == []
    assert "| 130 | interrupted" in reference.exit_codes_page()


def test_every_assumption_is_in_the_reference_with_what_each_answer_means(
    reference: ModuleType,
) -> None:
    page = reference.assumptions_page()
    for name, assumption in ASSUMPTIONS.items():
        assert f"## {name}\n" in page
        assert all(f"| {item.seen} | {item.product} |" in page for item in assumption.reactions)


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(site)],
        cwd=ROOT,
        check=True,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )
    pages = sorted(site.rglob("*.html"))
    assert site / "reference" / "commands.html" in pages
    loaded = re.compile(r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+href="https?:')
    assert [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []
