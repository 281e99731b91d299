"""Choose the policy of a run: the one that is named, the one that is set, or the default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from connector.config import presets
from connector.config.settings import Settings
from connector.core.policy.load import Policy
from connector.errors import UserError
from state.portal_policy import RememberedPolicy

OPTION: Final = "--policy"
SET_BY_COMMAND: Final = "set by `connector policy use`"
LAST: Final = "the portal's last"
DEFAULT: Final = "the default"


class Purpose(StrEnum):
    """What a command does with the policy.

    DECIDE: its decisions count for the portal. LOOK: it only shows what they would be.
    OPERATE: it decides nothing, and works with the portal's policy whichever that is.
    """

    DECIDE = "decide"
    LOOK = "look"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChoice:
    """The name or path of a policy, and what named it."""

    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyMemory:
    """What is remembered of a portal's policies; None where nothing is."""

    set_policy: RememberedPolicy | None = None
    last_policy: RememberedPolicy | None = None


def named_policy(settings: Settings, option: str | None) -> PolicyChoice | None:
    """Return the policy that the operator names, None where no one is named."""
    if option:
        return PolicyChoice(name=option, source=OPTION)
    if settings.policy_source:
        return PolicyChoice(name=settings.policy, source=settings.policy_source)
    return None


def unnamed_policy(settings: Settings, memory: PolicyMemory, purpose: Purpose) -> PolicyChoice:
    """Return the policy where none is named: the one that is set, else the default.

    A command that decides nothing takes the portal's last one, so that it always works.
    """
    if purpose is Purpose.OPERATE and memory.last_policy:
        return PolicyChoice(name=memory.last_policy.name, source=LAST)
    if memory.set_policy:
        return PolicyChoice(name=memory.set_policy.name, source=SET_BY_COMMAND)
    return PolicyChoice(name=settings.policy, source=DEFAULT)


def policy_to_show(settings: Settings, option: str | None, memory: PolicyMemory) -> PolicyChoice:
    """Return the policy by which a check-up or a report shows a portal.

    The one that is named, else the one that is set, else the portal's last one: such a command
    must never show a portal by another policy than it is decided by.
    """
    purpose = Purpose.LOOK if memory.set_policy else Purpose.OPERATE
    return named_policy(settings, option) or unnamed_policy(settings, memory, purpose)


def require_last_policy(choice: PolicyChoice, policy: Policy, memory: PolicyMemory) -> None:
    """Raise UserError where the default would silently replace the portal's last policy."""
    last = memory.last_policy
    if choice.source != DEFAULT or last is None:
        return
    if last.name == remembered_name(choice.name) or last.digest == policy.digest:
        return
    raise UserError(
        f"This portal was last decided by the policy {last.name}, and no policy is named: the "
        f"default, {choice.name}, would replace it. Nothing was decided. Add "
        f"`--policy {last.name}`, set it for good with `connector policy use {last.name}`, or "
        f"name the other one: `--policy {choice.name}`."
    )


def remembered_name(name: str) -> str:
    """Return the name under which a policy is found again from any folder."""
    return name if name in presets.names() else str(Path(name).absolute())
