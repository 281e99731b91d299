"""Check a portal before anything is written: token, portal id, scopes, budget, policy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from connector.core.binding.bind import bind
from connector.core.binding.bound_policy import BoundPolicy
from connector.core.model import (
    ALWAYS_READ_TYPES,
    DECIDED_TYPES,
    STAGE,
    STATUS,
    Account,
    ObjectType,
    Portal,
    Ref,
)
from connector.core.policy.load import Policy
from connector.errors import ConnectorError, TemporaryError, UserError
from connector.hubspot.api import HubSpotApi
from connector.hubspot.http.daily_budget import Allowance
from connector.hubspot.http.failures import ClocksDisagree, RequestsUsedUp, ScopeMissing
from connector.operations.check_properties import check_properties
from connector.operations.check_rules import check_rules
from connector.operations.check_token import check_scopes
from connector.operations.check_workflows import check_workflows
from connector.operations.check_writers import check_writers
from connector.operations.finding import CheckResult, Finding, unchecked

REQUESTS_AT_MOST = 60
"""What a check-up costs at most, whatever the size of the portal."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check(
    api: HubSpotApi, policy: Policy, *, portal_id: str, account: Account | None = None
) -> Iterator[Finding]:
    """Yield the findings in order; without a token that works there is only the first.

    `account` is the token's, where it was read already. What fails now, and may not later, is a
    finding of its own, and the others go on; without the definitions there is no policy.
    """
    try:
        account = account or api.account()
        # To a portal that is not the right one, nothing more is sent.
        is_right = portal_id in {"", account.portal_id}
        portal = _read_portal(api) if is_right else None
    except ConnectorError as error:
        yield refused_token(error)
        return
    yield _check_token(account)
    yield _check_portal_id(account, portal_id)
    if not is_right:
        return
    clock = _check_clock(api)
    yield clock
    if clock.result is CheckResult.FAIL:
        return
    yield from _check_access(api, account)
    if isinstance(portal, Portal):
        yield from _check_policy_in_portal(api, policy, portal)
    elif portal:
        yield unchecked("definitions", portal)
        message = "unknown, since the definitions are: run `connector check` again later"
        yield Finding(name="policy", result=CheckResult.WARNING, message=message, section="policy")


def _read_portal(api: HubSpotApi) -> Portal | ConnectorError:
    """Return what the portal is, or why HubSpot does not tell it now."""
    try:
        return api.portal()
    except (TemporaryError, RequestsUsedUp) as error:
        return error


def _check_access(api: HubSpotApi, account: Account) -> Iterator[Finding]:
    """Yield what the token may read and write, and how much of it."""
    yield check_scopes(api)
    for kind in ALWAYS_READ_TYPES:
        yield _check_readable(api, kind)
    yield _check_budget(api.allowance(), account)
    for kind in DECIDED_TYPES:
        yield _check_writable(api, kind)


def _check_policy_in_portal(api: HubSpotApi, policy: Policy, portal: Portal) -> Iterator[Finding]:
    """Yield what the portal has of what the policy needs, and who else writes it."""
    yield from _check_definitions(portal)
    yield from _check_stages(portal)
    yield from _check_pipelines(portal)
    yield from check_properties(policy, portal)
    yield from check_rules(api, policy)
    yield from _check_with_policy(api, policy, portal)


def _check_with_policy(api: HubSpotApi, policy: Policy, portal: Portal) -> Iterator[Finding]:
    """Bind the policy to the portal, and yield what the two are together."""
    if policy.uses_leads:
        portal, finding = _check_leads(api, portal)
        yield finding
        # Without its leads, the policy cannot be bound to the portal.
        if finding.result is not CheckResult.OK:
            return
    try:
        bound = bind(policy, portal)
    except UserError as error:
        message = str(error)
        yield Finding(name="policy", result=CheckResult.FAIL, message=message, section="policy")
        return
    yield from _check_policy(bound)
    yield from check_writers(api, portal, bound)
    yield from check_workflows(api, bound)


def refused_token(error: ConnectorError) -> Finding:
    """Return the finding of a token with which nothing can be read."""
    return Finding(name="token", result=CheckResult.FAIL, message=str(error))


def _check_token(account: Account) -> Finding:
    return Finding(
        name="token",
        result=CheckResult.OK,
        message=f"portal {account.portal_id} ({account.account_type}, {account.time_zone})",
    )


def _check_clock(api: HubSpotApi) -> Finding:
    """Compare HubSpot's clock with this machine's; where they disagree, say which looks wrong."""
    try:
        now = api.now()
    except ClocksDisagree as error:
        message = f"{error} {_wrong_clock(api, error)}"
        return Finding(name="clock", result=CheckResult.FAIL, message=message)
    except ConnectorError as error:
        return unchecked("clock", error)
    return Finding(
        name="clock", result=CheckResult.OK, message=f"{now:%Y-%m-%d %H:%M:%S} UTC by HubSpot"
    )


def _wrong_clock(api: HubSpotApi, error: ClocksDisagree) -> str:
    """Say which of two clocks looks wrong: the one further from the portal's newest record."""
    try:
        records = api.search_last(ObjectType.CONTACTS).records
    except ConnectorError:
        records = ()
    if not records:
        return "No record shows which of them is right."
    newest = max(record.modified_at for record in records)
    portal_gap, machine_gap = abs(error.portal_time - newest), abs(error.machine_time - newest)
    wrong = "HubSpot's date" if portal_gap > machine_gap else "This machine's clock"
    return (
        f"{wrong} looks wrong: the newest contact was changed at {newest:%Y-%m-%d %H:%M} UTC. "
        "Set the machine's clock, or look for a proxy between."
    )


def _check_definitions(portal: Portal) -> Iterator[Finding]:
    """Name the definitions that were left out; those that the policy needs fail its line."""
    if portal.unreadable:
        names = "; ".join(f"{name}: {why}" for name, why in list(portal.unreadable.items())[:5])
        message = f"{len(portal.unreadable)} property definitions are left out ({names})"
        yield Finding(name="definitions", result=CheckResult.WARNING, message=message)


def _check_portal_id(account: Account, portal_id: str) -> Finding:
    actual = account.portal_id
    if not portal_id:
        hint = f"not pinned: set HUBSPOT_PORTAL_ID={actual}, so that no other token is ever used"
        return Finding(name="portal id", result=CheckResult.WARNING, message=hint)
    if portal_id != actual:
        message = f"HUBSPOT_PORTAL_ID is {portal_id}, but the token belongs to {actual}"
        return Finding(name="portal id", result=CheckResult.FAIL, message=message)
    return Finding(name="portal id", result=CheckResult.OK, message=f"pinned to {actual}")


def _check_readable(api: HubSpotApi, kind: ObjectType) -> Finding:
    """Search one type, which needs its read scope, and count it."""
    try:
        total = api.search_changed(kind, (), since=_EPOCH, until=api.now()).total
    except ScopeMissing as missing:
        return Finding(name=f"read {kind}", result=CheckResult.FAIL, message=str(missing))
    except ConnectorError as error:
        return unchecked(f"read {kind}", error)
    return Finding(name=f"read {kind}", result=CheckResult.OK, message=f"{total or 0:,} records")


def _check_leads(api: HubSpotApi, portal: Portal) -> tuple[Portal, Finding]:
    """Read what the portal says of its leads, which needs a scope of its own, and count them."""
    kind = ObjectType.LEADS
    try:
        portal = api.with_leads(portal)
        total = api.search_changed(kind, (), since=_EPOCH, until=api.now()).total or 0
    except ScopeMissing as error:
        message = (
            f"{error} The policy rests on leads, so nothing is decided without them: give the "
            "token `crm.objects.leads.read`, or set `lead_status.from: rules`"
        )
        return portal, Finding(name=f"read {kind}", result=CheckResult.FAIL, message=message)
    except ConnectorError as error:
        return portal, unchecked(f"read {kind}", error)
    stages = [stage.label for pipeline in portal.lead_pipelines or () for stage in pipeline.stages]
    message = f"{total:,} records; their stages are {', '.join(stages)}"
    return portal, Finding(name=f"read {kind}", result=CheckResult.OK, message=message)


def _check_budget(allowance: Allowance, account: Account) -> Finding:
    """Report the request limits of the portal, and the part that we use."""
    burst = f"{allowance.burst} requests in {allowance.interval:.0f} s (we take 95%)"
    if allowance.daily is None or allowance.remaining is None:
        return Finding(
            name="budget", result=CheckResult.OK, message=f"{burst}; no daily limit is known"
        )
    available = allowance.remaining - allowance.reserve
    message = (
        f"{burst}; {allowance.remaining:,} of {allowance.daily:,} a day are left, "
        f"{allowance.reserve:,} of them for "
        f"other apps; a new day begins at midnight in {account.time_zone}"
    )
    result = CheckResult.OK if available > 0 else CheckResult.WARNING
    return Finding(name="budget", result=result, message=message)


def _check_writable(api: HubSpotApi, kind: ObjectType) -> Finding:
    """Send an update of nothing to a record that cannot exist: only the scope can refuse it."""
    try:
        api.update({Ref(kind, "0"): {}})
    except ScopeMissing as missing:
        return Finding(name=f"write {kind}", result=CheckResult.FAIL, message=str(missing))
    except ConnectorError as error:
        return unchecked(f"write {kind}", error)
    return Finding(name=f"write {kind}", result=CheckResult.OK, message="the token may write them")


def _check_stages(portal: Portal) -> Iterator[Finding]:
    for kind in DECIDED_TYPES:
        names = ", ".join(stage.label for stage in portal.stages(kind))
        result = CheckResult.OK if names else CheckResult.FAIL
        message = names or f"{kind} have no {STAGE} property: is the read scope missing?"
        yield Finding(name=f"stages of {kind}", result=result, message=message, section="stages")
    names = ", ".join(option.label for option in portal.options(ObjectType.CONTACTS, STATUS))
    result = CheckResult.OK if names else CheckResult.WARNING
    yield Finding(name="lead statuses", result=result, message=names or "none", section="stages")


def _check_pipelines(portal: Portal) -> Iterator[Finding]:
    names = ", ".join(
        f"{pipeline.label} ({len(pipeline.stages)} stages)" for pipeline in portal.pipelines
    )
    result = CheckResult.OK if names else CheckResult.WARNING
    yield Finding(name="pipelines", result=result, message=names or "none", section="stages")
    odd_stages = [
        f"{pipeline.label}: {stage.label}"
        for pipeline in portal.pipelines
        for stage in pipeline.stages
        if stage.is_closed and stage.probability not in {0, 1}
    ]
    if odd_stages:
        message = (
            f"deals in {', '.join(odd_stages[:5])} are closed, and count as neither won nor lost: "
            "if that is not meant, correct the win probability in Settings > Objects > Deals > "
            "Pipelines"
        )
        yield Finding(
            name="odd stages", result=CheckResult.WARNING, message=message, section="stages"
        )


def _check_policy(bound: BoundPolicy) -> Iterator[Finding]:
    """Report the policy as it is bound to the portal, and what the portal lacks."""
    message = f"{bound.name} ({bound.digest[:12]})"
    yield Finding(name="policy", result=CheckResult.OK, message=message, section="policy")
    for warning in bound.warnings:
        yield Finding(name="policy", result=CheckResult.WARNING, message=warning, section="policy")
