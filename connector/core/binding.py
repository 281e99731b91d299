"""Binds a policy to a portal: labels become internal values, conditions become functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connector.core.model import ObjectType, Portal
from connector.core.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundPolicy:
    """A policy as it is meant in one portal.

    `digest` changes whenever the policy, or what it uses of the portal, changes.
    """

    policy: Policy
    portal_id: str
    zone: ZoneInfo
    digest: str
    warnings: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the policy's name."""
        return self.policy.name


def bind(policy: Policy, portal: Portal) -> BoundPolicy:
    """Return the policy as it is meant in this portal; raise PolicyError where it cannot be."""
    raise NotImplementedError


def needed_properties(policy: BoundPolicy, portal: Portal) -> Mapping[ObjectType, tuple[str, ...]]:
    """Return which properties the mirror has to ask for: only ones that the portal defines."""
    raise NotImplementedError
