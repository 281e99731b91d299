"""Run commands in the test's own process, as an operator types them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson
import pytest

from connector.cli import main
from connector.config.run_clock import RunClock
from tests.journeys.workspace import Workspace


@dataclass(frozen=True)
class CommandResult:
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


RunConnector = Callable[..., CommandResult]


@pytest.fixture
def run_connector(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[RunConnector]:
    """Run commands in this process; waiting takes no time."""
    monkeypatch.chdir(workspace.folder)
    clock_readings = count(1000, 100)
    for module in ("setup", "check_explain"):
        monkeypatch.setattr(
            f"connector.cli.{module}.REAL_CLOCK",
            RunClock(wait=lambda _: None, monotonic=lambda: float(next(clock_readings))),
        )

    def run(*arguments: str, **environment: str) -> CommandResult:
        for name, value in (workspace.environment | environment).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = main.run_command(list(arguments))
        return CommandResult(code, *capsys.readouterr())

    return run
