"""Count the steps of the daemon for the metrics."""

from __future__ import annotations

from dataclasses import dataclass

from connector.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class StepCounter:
    """Counts the steps for the metrics."""

    metrics: Metrics

    def on_run(self, step: str, seconds: float, *, ok: bool) -> None:
        """Count a step that ran."""
        self.metrics.count_step(step, seconds, ok=ok)

    def on_failure(self, failing_step: object) -> None:
        """Do nothing: `on_run` has counted the step."""

    def on_recovery(self, failing_step: object, seconds: float) -> None:
        """Do nothing: `on_run` has counted the step."""
