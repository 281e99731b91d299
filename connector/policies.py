"""Work on a policy before it is used: find its file and cases, check it, try it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from connector import presets
from connector.core.binding import bind
from connector.core.bound import BoundPolicy
from connector.core.cases import Result, each_case, ground_portal
from connector.core.default_portal import default_portal
from connector.core.mark import PolicyError
from connector.core.model import Portal
from connector.core.mutations import Unguarded, unguarded
from connector.core.overtaken import overtaken
from connector.core.policy import Policy
from connector.core.rehearsal import to_and_fro
from connector.core.shadows import shadows
from connector.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The text of a cases file, and what it is called."""

    source: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """How a policy's cases ended, and which of its own rules no case guards."""

    results: tuple[Result, ...]
    unguarded: tuple[Unguarded, ...]

    @property
    def failed(self) -> tuple[Result, ...]:
        """Return the cases that did not end as expected."""
        return tuple(one for one in self.results if one.differences)


def cases_of(policy: str, named: str | None = None) -> Cases | None:
    """Return the cases of a preset or file (`my.yaml`: `my.cases.yaml`), None without any."""
    if named is None and policy in presets.names():
        return Cases(source=f"{policy}.cases.yaml", text=presets.cases(policy))
    path = Path(named) if named else cases_path(Path(policy))
    if named is None and not path.is_file():
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


def try_out(policy: Policy, cases: Cases) -> Tried:
    """Run the cases, and run them again without each of the policy's own rules."""

    def run(one: Policy) -> Iterator[Result]:
        return each_case(cases.text, source=cases.source, policy=one)

    results = tuple(run(policy))
    failed = any(one.differences for one in results)
    loose = () if failed else tuple(unguarded(policy, results, run))
    return Tried(results=results, unguarded=loose)


def offline_portal(cases: Cases | None) -> Portal:
    """Return the portal that the cases describe, or a new one."""
    return ground_portal(cases.text, source=cases.source) if cases else default_portal()


def check(policy: Policy, portal: Portal, now: datetime) -> BoundPolicy:
    """Bind a policy to a portal; raise PolicyError where it cannot be, or does not settle."""
    bound = bind(policy, portal)
    fights = tuple(to_and_fro(bound, now))
    if fights:
        raise PolicyError(fights)
    return bound


def unknown_offline(policy: Policy) -> tuple[str, ...]:
    """Return what of a sound policy only a portal could confirm, and a new one does not have."""
    try:
        bind(policy, default_portal())
    except PolicyError as error:
        return tuple(f"{one} (without a portal nobody knows)" for one in error.problems)
    return ()


def held_back(bound: BoundPolicy, now: datetime) -> Iterator[str]:
    """Yield which own rules hold records back from where their deals would lead them."""
    return iter(dict.fromkeys(str(one) for one in overtaken(bound, now)))


def shadowed(policy: Policy) -> Iterator[str]:
    """Yield which rules of the presets can never win: mostly on purpose, so it is no error."""
    for one in shadows(policy.rules, policy.rows, policy.settings):
        if not one.entry.own:
            yield str(one)
