"""Show how a policy's checks and cases ended, with a diff where one failed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from connector.core.cases import Result
from connector.core.policy import Policy
from connector.policies import Tried


def checked(policy: Policy, against: str, warnings: Sequence[str]) -> RenderableType:
    """Return that a policy is sound, and what it lacks."""
    parts = [Text(f"{policy.source}: no mistakes ({against}; {len(policy.rules)} rules).")]
    parts += [Text(f"warning: {one}", style="yellow") for one in warnings]
    return Group(*parts)


def begun(path: Path) -> RenderableType:
    """Return what was written, and what to do next."""
    return Text(
        f"Wrote {path} and its cases. Read both, change what is different with you, then:\n\n"
        f"  connector policy check {path}\n"
        f"  connector policy test {path}\n"
        f"  connector pull --policy {path}\n"
        f"  connector plan --policy {path}"
    )


def document(tried: Tried) -> dict[str, Any]:
    """Return how the cases ended as one JSON document."""
    return {
        "cases": len(tried.results),
        "failed": [
            {
                "name": one.name,
                "at": str(one.mark),
                "rule": one.decision.rule,
                "reason": one.decision.reason,
                "differences": [
                    {"what": each.what, "expected": each.expected, "found": each.found}
                    for each in one.differences
                ],
            }
            for one in tried.failed
        ],
        "unguarded": [
            {"rule": one.rule, "at": str(one.mark), "why": one.why} for one in tried.unguarded
        ],
    }


def screen(tried: Tried) -> RenderableType:
    """Return how the cases ended: each failure as a diff, then what no case guards."""
    parts: list[RenderableType] = []
    for one in tried.failed:
        parts.extend(_failure(one))
    parts += [
        Text(f"{one.mark}: the rule {one.rule} is not guarded: {one.why}", style="yellow")
        for one in tried.unguarded
    ]
    passed = len(tried.results) - len(tried.failed)
    style = "bold red" if tried.failed else "bold green"
    parts.append(Text(f"{passed} passed, {len(tried.failed)} failed", style=style))
    return Group(*parts)


def _failure(result: Result) -> Iterator[Text]:
    yield Text(f"{result.mark}: {result.name}", style="bold")
    for one in result.differences:
        yield Text(f"  - {one.what}: {one.expected or 'blank'}", style="red")
        yield Text(f"  + {one.what}: {one.found or 'blank'}", style="green")
    yield Text(f"    decided by {result.decision.rule}: {result.decision.reason}\n")
