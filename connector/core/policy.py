"""A policy as its file says it: settings and rules, not yet bound to a portal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.core.model import ObjectType


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A loaded policy with everything that it extends; `digest` is of its meaning, not its text."""

    name: str
    digest: str

    def properties(self) -> Mapping[ObjectType, tuple[str, ...]]:
        """Return which HubSpot properties its conditions and settings name, by object type."""
        raise NotImplementedError


def load(text: str, *, source: str, preset: Callable[[str], str], shipped: bool = False) -> Policy:
    """Return the policy in a YAML text; raise PolicyError with file, line and column.

    `preset(name)` gives the text of a shipped policy, or raises LookupError with the names
    there are. `shipped` says that the text itself is a preset, whose defaults a portal may lack.
    """
    raise NotImplementedError
