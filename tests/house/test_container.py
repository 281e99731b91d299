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

from connector.config import settings
from connector.config.setting_sources import DEFAULTS, SECRETS
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.portal import Portal
from connector.web.probe import probe

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SYSTEMD_UNIT = (ROOT / "deploy" / "connector.service").read_text()
KUBERNETES = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes.yaml").read_text()))


def _load_build_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_image", ROOT / "deploy" / "build_image.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_image"] = module
    spec.loader.exec_module(module)
    return module


def _last_stage() -> dict[str, str]:
    """Return the instructions of the last stage, the last one of each name."""
    steps = list(_load_build_script().instructions((ROOT / "Dockerfile").read_text()))
    start = max(index for index, instruction in enumerate(steps) if instruction.name == "FROM")
    return {instruction.name: instruction.arguments for instruction in steps[start:]}


def test_the_image_runs_as_nobody_special_with_one_volume_and_a_health_check() -> None:
    instructions = _last_stage()
    assert instructions["USER"].isdigit()
    assert int(instructions["USER"]) >= 10_000
    assert instructions["VOLUME"] == "/var/lib/connector"
    assert "connector.web.probe" in instructions["HEALTHCHECK"]
    assert ":" in instructions["FROM"]
    assert "latest" not in instructions["FROM"]
    assert "pip" not in instructions["RUN"]


def test_everything_that_the_image_copies_is_there_and_not_ignored() -> None:
    ignore_lines = (ROOT / ".dockerignore").read_text().split()
    for instruction in _load_build_script().instructions((ROOT / "Dockerfile").read_text()):
        if instruction.name == "COPY" and not instruction.arguments.startswith("--from"):
            for name in instruction.arguments.split()[:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in ignore_lines


def test_compose_leaves_the_container_nothing_but_its_volume() -> None:
    service = COMPOSE_FILE["services"]["connector"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["volumes"] == ["connector:/var/lib/connector"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize(
    "name",
    [
        ".env.example",
        "compose.yaml",
        "deploy/kubernetes.yaml",
        "deploy/kubernetes-postgresql.yaml",
        "deploy/kubernetes-workers.yaml",
        "deploy/connector.env",
    ],
)
def test_every_setting_that_a_deployment_names_exists(name: str) -> None:
    known_names = {*DEFAULTS, *(f"{secret}_FILE" for secret in SECRETS)}
    words = (ROOT / name).read_text().replace("=", " ").replace("#", " ").replace(",", " ").split()
    used_names = {word.strip("`") for word in words if word.startswith(("HUBSPOT_", "CONNECTOR_"))}
    assert used_names
    assert used_names <= known_names


def test_the_example_of_the_environment_is_a_sound_one(tmp_path: Path) -> None:
    lines = [line for line in (ROOT / ".env.example").read_text().splitlines() if "=" in line]
    variables = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert settings.read(variables, folder=tmp_path).writes == "review"


def test_kubernetes_and_systemd_give_it_the_time_to_stop_and_no_rights() -> None:
    deployment = next(document for document in KUBERNETES if document["kind"] == "Deployment")[
        "spec"
    ]
    pod = deployment["template"]["spec"]
    container: dict[str, Any] = pod["containers"][0]
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")
    assert pod["terminationGracePeriodSeconds"] > 10
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for directive in ("ProtectSystem=strict", "NoNewPrivileges=yes", "TimeoutStopSec=15"):
        assert directive in SYSTEMD_UNIT


def test_under_systemd_a_command_has_the_daemon_s_user_settings_and_database(
    tmp_path: Path,
) -> None:
    wrapper = (ROOT / "deploy" / "connector").read_text()
    for name in ("/etc/connector.env", "/opt/connector/bin/connector", "/var/lib/connector"):
        assert name in wrapper
        assert name in SYSTEMD_UNIT
    assert "User=connector\n" in SYSTEMD_UNIT
    assert "Environment=" not in SYSTEMD_UNIT
    # The same file, followed: other paths, and a `runuser` that stays the same user.
    (tmp_path / "runuser").write_text('#!/bin/sh\necho "$2" >user\nshift 3\nexec "$@"\n')
    (tmp_path / "runuser").chmod(0o755)
    settings_file = (ROOT / "deploy" / "connector.env").read_text()
    (tmp_path / "settings").write_text(settings_file.replace("/var/lib/connector", str(tmp_path)))
    for name, path in {
        "/etc/connector.env": tmp_path / "settings",
        "/opt/connector/bin/connector": f"{sys.executable} -m connector",
        "/var/lib/connector": tmp_path,
    }.items():
        wrapper = wrapper.replace(name, str(path))
    result = subprocess.run(
        ["sh", "-c", wrapper, "connector", "runs"],
        env={
            "PATH": f"{tmp_path}:/usr/bin:/bin",
            "CONNECTOR_DATABASE_URL": "sqlite:////elsewhere/connector.db",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert f"The database {tmp_path}/connector.db does not exist" in result.stderr
    assert (tmp_path / "user").read_text() == "connector\n"


def test_in_the_container_a_command_has_the_daemon_s_settings() -> None:
    service = COMPOSE_FILE["services"]["connector"]
    # `docker compose exec` gives a command what the container has; nothing is set for one alone.
    assert service["env_file"] == ".env"
    assert "environment" not in service
    assert "command" not in service
    assert (
        "CONNECTOR_DATABASE_URL=sqlite:////var/lib/connector/connector.db" in (_last_stage()["ENV"])
    )


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-postgresql.yaml"])
def test_kubernetes_pins_the_portal_and_mounts_the_policy_so_that_an_edit_arrives(
    name: str,
) -> None:
    documents = yaml.safe_load_all((ROOT / "deploy" / name).read_text())
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    variables = {entry["name"]: entry for entry in container["env"]}
    assert variables["HUBSPOT_PORTAL_ID"]["value"].isdigit()
    mount = next(entry for entry in container["volumeMounts"] if entry["name"] == "policy")
    assert variables["CONNECTOR_POLICY"]["value"].startswith(mount["mountPath"])
    assert "subPath" not in mount
    assert {"name": "policy", "configMap": {"name": "connector-policy"}} in pod["volumes"]
    assert ("CONNECTOR_DATABASE_URL" in variables) == ("postgresql" in name)


def test_workers_in_kubernetes_have_the_portals_and_begin_in_review() -> None:
    deployment = yaml.safe_load((ROOT / "deploy" / "kubernetes-workers.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    mounts = {entry["mountPath"]: entry for entry in container["volumeMounts"]}
    assert deployment["spec"]["replicas"] > 1
    assert container["args"][0] == "worker"
    assert mounts[variables["CONNECTOR_PORTALS"]]["readOnly"]
    assert "subPath" not in mounts[variables["CONNECTOR_PORTALS"]]
    assert variables["CONNECTOR_WRITES"] == "review"


def test_the_health_check_tells_a_daemon_that_is_gone() -> None:
    assert probe("127.0.0.1:1") == 1


@pytest.mark.long
@pytest.mark.network
def test_the_steps_of_the_dockerfile_lead_to_a_daemon_that_works(tmp_path: Path) -> None:
    """As a stranger would: build, fill in the token, start, look, and stop."""
    script = _load_build_script()
    image = script.build(tmp_path / "image")
    data_folder = image.path("/var/lib/connector")
    with Sandbox(Portal()) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        env = {
            **script.environment(image),
            "CONNECTOR_LISTEN": "127.0.0.1:18080",
            "HUBSPOT_API_URL": f"http://127.0.0.1:{port}",
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        }
        with subprocess.Popen(
            script.command(image, image.entry + image.command), cwd=data_folder, env=env
        ) as process:
            try:
                deadline = time.monotonic() + 60
                health_command = script.command(image, image.health)
                while subprocess.run(
                    health_command, cwd=data_folder, env=env, check=False
                ).returncode:
                    assert time.monotonic() < deadline
                    time.sleep(0.5)
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
    assert (data_folder / "connector.db").exists()


def test_a_release_is_built_for_two_platforms_with_its_contents_and_its_origin() -> None:
    workflow = yaml.safe_load((ROOT / "deploy" / "ci" / "release.yml").read_text())
    steps = {
        step["uses"].partition("@")[0]: step.get("with", {})
        for step in workflow["jobs"]["image"]["steps"]
        if "uses" in step
    }
    build = steps["docker/build-push-action"]
    assert build["platforms"].split(",") == ["linux/amd64", "linux/arm64"]
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")
    assert "actions/attest-build-provenance" in steps
    permissions = workflow["jobs"]["image"]["permissions"]
    assert (permissions["id-token"], permissions["attestations"]) == ("write", "write")
    assert workflow["jobs"]["image"]["needs"] == "wheel"
