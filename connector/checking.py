"""Check up a portal before anything is written: token, portal, scopes, policy, access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from connector.core.binding import bind
from connector.core.model import STAGE, STATUS, ObjectType, Portal, Ref
from connector.core.policy import Policy
from connector.errors import ConnectorError, UserError
from connector.hubspot.budget import Allowance
from connector.hubspot.door import Door
from connector.hubspot.faults import ScopeMissing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Light(StrEnum):
    """How a finding bears on the work."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked, with what to do where it is not good."""

    name: str
    light: Light
    message: str


def check(door: Door, policy: Policy, *, portal_id: str) -> Iterator[Finding]:
    """Yield what was found, one after the other; what cannot be checked further, ends it."""
    try:
        portal = door.portal()
    except ConnectorError as wrong:
        yield Finding(name="token", light=Light.BAD, message=str(wrong))
        return
    yield _token(portal)
    yield _pinned(portal, portal_id)
    for kind in ObjectType:
        yield _readable(door, kind)
    yield _allowance(door.allowance(), portal)
    for kind in (ObjectType.CONTACTS, ObjectType.COMPANIES):
        yield _writable(door, kind)
    yield from _stages(portal)
    yield _pipelines(portal)
    yield from _policy(policy, portal)


def _token(portal: Portal) -> Finding:
    account = portal.account
    return Finding(
        name="token",
        light=Light.GOOD,
        message=f"portal {account.portal_id} ({account.account_type}, {account.time_zone})",
    )


def _pinned(portal: Portal, portal_id: str) -> Finding:
    found = portal.account.portal_id
    if not portal_id:
        hint = f"not pinned: set HUBSPOT_PORTAL_ID={found}, so that no other token is ever used"
        return Finding(name="portal id", light=Light.WARNING, message=hint)
    if portal_id != found:
        message = f"HUBSPOT_PORTAL_ID is {portal_id}, but the token belongs to {found}"
        return Finding(name="portal id", light=Light.BAD, message=message)
    return Finding(name="portal id", light=Light.GOOD, message=f"pinned to {found}")


def _readable(door: Door, kind: ObjectType) -> Finding:
    """Search one type, which needs its read scope, and count it."""
    try:
        total = door.changed(kind, (), since=_EPOCH, until=door.now()).total
    except ScopeMissing as missing:
        return Finding(name=f"read {kind}", light=Light.BAD, message=str(missing))
    return Finding(name=f"read {kind}", light=Light.GOOD, message=f"{total or 0:,} records")


def _allowance(found: Allowance, portal: Portal) -> Finding:
    """Tell what the portal allows, and which part of it is ours."""
    burst = f"{found.burst} requests in {found.interval:.0f} s (we take 95%)"
    if found.daily is None or found.left is None:
        return Finding(name="budget", light=Light.GOOD, message=f"{burst}; no daily limit is told")
    ours = found.left - found.reserve
    message = (
        f"{burst}; {found.left:,} of {found.daily:,} a day are left, {found.reserve:,} of them for "
        f"other apps; a new day begins at midnight in {portal.account.time_zone}"
    )
    light = Light.GOOD if ours > 0 else Light.WARNING
    return Finding(name="budget", light=light, message=message)


def _writable(door: Door, kind: ObjectType) -> Finding:
    """Send an update of nothing to a record that cannot exist: only the scope can refuse it."""
    try:
        door.update({Ref(kind, "0"): {}})
    except ScopeMissing as missing:
        return Finding(name=f"write {kind}", light=Light.BAD, message=str(missing))
    except ConnectorError as unclear:
        message = f"could not be told: {unclear}"
        return Finding(name=f"write {kind}", light=Light.WARNING, message=message)
    return Finding(name=f"write {kind}", light=Light.GOOD, message="the token may write them")


def _stages(portal: Portal) -> Iterator[Finding]:
    for kind in (ObjectType.CONTACTS, ObjectType.COMPANIES):
        names = ", ".join(one.label for one in portal.stages(kind))
        light = Light.GOOD if names else Light.BAD
        message = names or f"{kind} have no {STAGE} property: is the read scope missing?"
        yield Finding(name=f"stages of {kind}", light=light, message=message)
    names = ", ".join(one.label for one in portal.options(ObjectType.CONTACTS, STATUS))
    light = Light.GOOD if names else Light.WARNING
    yield Finding(name="lead statuses", light=light, message=names or "none")


def _pipelines(portal: Portal) -> Finding:
    names = ", ".join(f"{one.label} ({len(one.stages)} stages)" for one in portal.pipelines)
    light = Light.GOOD if names else Light.WARNING
    return Finding(name="pipelines", light=light, message=names or "none")


def _policy(policy: Policy, portal: Portal) -> Iterator[Finding]:
    """Bind the policy to the portal, and tell what it lacks."""
    try:
        bound = bind(policy, portal)
    except UserError as wrong:
        yield Finding(name="policy", light=Light.BAD, message=str(wrong))
        return
    yield Finding(name="policy", light=Light.GOOD, message=f"{policy.name} ({bound.digest[:12]})")
    for warning in bound.warnings:
        yield Finding(name="policy", light=Light.WARNING, message=warning)
