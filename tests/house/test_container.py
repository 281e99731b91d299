"""What the image promises: as little as it needs, nothing as root, and its steps lead somewhere."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from connector import settings
from connector.sandbox.portal import Portal
from connector.sandbox.server import Sandbox
from connector.web.probe import probe

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNIT = (ROOT / "deploy" / "connector.service").read_text()
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))


def _rehearsal() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rehearse", ROOT / "deploy" / "rehearse.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["rehearse"] = module
    spec.loader.exec_module(module)
    return module


def _last_stage() -> dict[str, str]:
    """Return the instructions of the last stage, the last one of each name."""
    steps = list(_rehearsal().instructions((ROOT / "Dockerfile").read_text()))
    start = max(place for place, one in enumerate(steps) if one.name == "FROM")
    return {one.name: one.rest for one in steps[start:]}


def test_the_image_runs_as_nobody_special_with_one_volume_and_a_health_check() -> None:
    last = _last_stage()
    assert last["USER"].isdigit()
    assert int(last["USER"]) >= 10_000
    assert last["VOLUME"] == "/var/lib/connector"
    assert "connector.web.probe" in last["HEALTHCHECK"]
    assert ":" in last["FROM"]
    assert "latest" not in last["FROM"]
    assert "pip" not in last["RUN"]


def test_everything_that_the_image_copies_is_there_and_not_ignored() -> None:
    kept = (ROOT / ".dockerignore").read_text().split()
    for one in _rehearsal().instructions((ROOT / "Dockerfile").read_text()):
        if one.name == "COPY" and not one.rest.startswith("--from"):
            for name in one.rest.split()[:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in kept


def test_compose_leaves_the_container_nothing_but_its_volume() -> None:
    service = COMPOSE["services"]["connector"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["connector:/var/lib/connector"]
    assert all(one.startswith("127.0.0.1:") for one in service["ports"])


@pytest.mark.parametrize("name", [".env.example", "compose.yaml", "deploy/kubernetes.yaml"])
def test_every_setting_that_a_deployment_names_exists(name: str) -> None:
    known = {*settings.DEFAULTS, *(f"{one}_FILE" for one in settings.SECRETS)}
    words = (ROOT / name).read_text().replace("=", " ").replace("#", " ").replace(",", " ").split()
    named = {one.strip("`") for one in words if one.startswith(("HUBSPOT_", "CONNECTOR_"))}
    assert named
    assert named <= known


def test_the_example_of_the_environment_is_a_sound_one(tmp_path: Path) -> None:
    lines = [one for one in (ROOT / ".env.example").read_text().splitlines() if "=" in one]
    given = dict(one.split("=", 1) for one in lines if not one.startswith("#"))
    assert settings.read(given, folder=tmp_path).writes == "review"


def test_kubernetes_and_systemd_give_it_the_time_to_stop_and_no_rights() -> None:
    deployment = next(one for one in KUBERNETES if one["kind"] == "Deployment")["spec"]
    pod = deployment["template"]["spec"]
    container: dict[str, Any] = pod["containers"][0]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    assert pod["terminationGracePeriodSeconds"] > 10
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for wanted in ("ProtectSystem=strict", "NoNewPrivileges=yes", "TimeoutStopSec=15"):
        assert wanted in UNIT


def test_the_health_check_tells_a_daemon_that_is_gone() -> None:
    assert probe("127.0.0.1:1") == 1


@pytest.mark.long
@pytest.mark.network
def test_the_steps_of_the_dockerfile_lead_to_a_daemon_that_works(tmp_path: Path) -> None:
    """As a stranger would: build, fill in the token, start, look, and stop."""
    steps = _rehearsal()
    image = steps.rehearse(tmp_path / "image")
    home = image.path("/var/lib/connector")
    with Sandbox(Portal()) as box:
        port = box.url.rpartition(":")[2]
        env = {
            **steps.environment(image),
            "CONNECTOR_LISTEN": "127.0.0.1:18080",
            "HUBSPOT_API_URL": f"http://127.0.0.1:{port}",
            "HUBSPOT_ACCESS_TOKEN": box.token,
        }
        with subprocess.Popen(
            steps.command(image, image.entry + image.command), cwd=home, env=env
        ) as one:
            try:
                end = time.monotonic() + 60
                health = steps.command(image, image.health)
                while subprocess.run(health, cwd=home, env=env, check=False).returncode:
                    assert time.monotonic() < end
                    time.sleep(0.5)
            finally:
                one.send_signal(signal.SIGTERM)
            assert one.wait(15) == 0
    assert (home / "connector.db").exists()
