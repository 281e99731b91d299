"""Check a policy before it is used, and run its cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector.config import presets
from connector.core.binding.bind import bind
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.lint.cases import CaseResult, case_results, cases_portal
from connector.core.lint.deal_blockers import find_deal_blockers
from connector.core.lint.default_portal import default_portal
from connector.core.lint.loops import find_loops
from connector.core.lint.unguarded_rules import UnguardedRule, find_unguarded_rules
from connector.core.model import Portal
from connector.core.policy.load import Policy
from connector.core.policy.shadows import find_shadowed_rules
from connector.core.problem import PolicyError
from connector.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The text of a cases file, and what it is called."""

    source: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesResult:
    """How a policy's cases ended, and which of its own rules no case guards."""

    results: tuple[CaseResult, ...]
    unguarded: tuple[UnguardedRule, ...]

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """Return the cases that did not end as expected."""
        return tuple(result for result in self.results if result.differences)


def find_cases(policy: str, cases_file: str | None = None) -> Cases | None:
    """Return the cases of a preset or file (`my.yaml`: `my.cases.yaml`), None without any."""
    if cases_file is None and policy in presets.names():
        return Cases(source=f"{policy}.cases.yaml", text=presets.cases_text(policy))
    path = Path(cases_file) if cases_file else cases_path(Path(policy))
    if cases_file is None and not path.is_file():
        return None
    try:
        return Cases(source=str(path), text=path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The cases file {path} cannot be read: {error}.") from error


def cases_path(policy: Path) -> Path:
    """Return where the cases of a policy file lie.

    >>> cases_path(Path("my.yaml")).name
    'my.cases.yaml'
    """
    return policy.with_name(f"{policy.stem}.cases{policy.suffix or '.yaml'}")


def run_cases(policy: Policy, cases: Cases) -> CasesResult:
    """Run the cases, and again without each of the policy's own rules to see which are guarded."""

    def run(candidate: Policy) -> Iterator[CaseResult]:
        return case_results(cases.text, source=cases.source, policy=candidate)

    results = tuple(run(policy))
    failed = any(result.differences for result in results)
    unguarded_rules = () if failed else tuple(find_unguarded_rules(policy, results, run))
    return CasesResult(results=results, unguarded=unguarded_rules)


def offline_portal(cases: Cases | None) -> Portal:
    """Return the portal that the cases describe, or a new one."""
    return cases_portal(cases.text, source=cases.source) if cases else default_portal()


def check_policy(policy: Policy, portal: Portal, now: datetime) -> BoundPolicy:
    """Bind a policy to a portal; raise PolicyError where it cannot be, or does not settle."""
    bound = bind(policy, portal)
    loops = tuple(find_loops(bound, now))
    if loops:
        raise PolicyError(loops)
    return bound


def names_to_confirm(policy: Policy) -> tuple[str, ...]:
    """Return the names of a policy that a new portal lacks, so that only the real one can tell."""
    try:
        bind(policy, default_portal())
    except PolicyError as error:
        return tuple(f"{problem} (only a portal can confirm it)" for problem in error.problems)
    return ()


def rules_blocking_deals(bound: BoundPolicy, now: datetime) -> Iterator[str]:
    """Yield which own rules hold records back from where their deals would lead them."""
    return iter(dict.fromkeys(str(blocker) for blocker in find_deal_blockers(bound, now)))


def shadowed_preset_rules(policy: Policy) -> Iterator[str]:
    """Yield the preset rules that can never win; that is mostly on purpose, so it is no error."""
    for shadow in find_shadowed_rules(policy.rules, policy.rows, policy.settings):
        if not shadow.entry.own:
            yield str(shadow)
