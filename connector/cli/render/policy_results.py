"""Show how a policy's checks and cases ended, with a diff where one failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from connector.core.lint.cases import CaseResult
from connector.core.policy.load import Policy
from connector.operations.policy_test import CasesResult


def check_result(policy: Policy, against: str, warnings: Sequence[str]) -> RenderableType:
    """Return that a policy is sound, and what it lacks."""
    parts = [Text(f"{policy.source}: no mistakes ({against}; {len(policy.rules)} rules).")]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in warnings]
    return Group(*parts)


def init_result(path: Path) -> RenderableType:
    """Return what was written, and what to do next."""
    return Text(
        f"Wrote {path} and its cases. Read both, change what is different with you, then:\n\n"
        f"  connector policy check {path}\n"
        f"  connector policy test {path}\n"
        f"  connector policy use {path}\n"
        f"  connector pull\n"
        f"  connector plan"
    )


def document(test_run: CasesResult) -> dict[str, Any]:
    """Return how the cases ended as one JSON document."""
    return {
        "cases": len(test_run.results),
        "failed": [
            {
                "name": result.name,
                "at": str(result.place),
                "rule": result.decision.rule,
                "reason": result.decision.reason,
                "differences": [
                    {
                        "what": difference.key,
                        "expected": difference.expected,
                        "found": difference.actual,
                    }
                    for difference in result.differences
                ],
            }
            for result in test_run.failures
        ],
        "unguarded": [
            {"rule": rule.rule, "at": str(rule.place), "why": rule.reason}
            for rule in test_run.unguarded
        ],
    }


def renderable(test_run: CasesResult) -> RenderableType:
    """Return how the cases ended: each failure as a diff, then what no case guards."""
    parts: list[RenderableType] = []
    for result in test_run.failures:
        parts.extend(_failure_lines(result))
    parts += [
        Text(f"{rule.place}: the rule {rule.rule} is not guarded: {rule.reason}", style="yellow")
        for rule in test_run.unguarded
    ]
    passed = len(test_run.results) - len(test_run.failures)
    style = "bold red" if test_run.failures else "bold green"
    parts.append(Text(f"{passed} passed, {len(test_run.failures)} failed", style=style))
    return Group(*parts)


def _failure_lines(result: CaseResult) -> Iterator[Text]:
    yield Text(f"{result.place}: {result.name}", style="bold")
    for difference in result.differences:
        yield Text(f"  - {difference.key}: {difference.expected or 'blank'}", style="red")
        yield Text(f"  + {difference.key}: {difference.actual or 'blank'}", style="green")
    yield Text(f"    decided by {result.decision.rule}: {result.decision.reason}\n")
