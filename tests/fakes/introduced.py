"""Name the rules that tests count as introduced: reviewed by a person in this portal."""

from __future__ import annotations

from functools import cache

from connector.config.presets import load_preset, names
from connector.core.policy.load import Policy


def rule_names(policy: Policy) -> frozenset[str]:
    """Return the names of a policy's rules and lead-status rows."""
    return frozenset(entry.name for entry in (*policy.rules, *policy.rows))


@cache
def preset_rule_names() -> frozenset[str]:
    """Return the names of all rules and rows of the shipped policies."""
    return frozenset().union(*(rule_names(load_preset(name)) for name in names()))
