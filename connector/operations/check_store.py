"""Check what is remembered of a portal: what is set aside, and which moves are open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connector.core.model import ObjectType
from connector.core.policy.load import Policy
from connector.operations.finding import CheckResult, Finding
from connector.operations.quarantine import list_set_aside
from connector.operations.trial.open_trial import TRIAL_OPEN, last_trial, open_trial
from connector.plan.native_company_sync import (
    PROBES_NEEDED,
    NativeSync,
    Probes,
    stored_probes,
)
from connector.push.required_properties import StageRefusal, read_stage_refusals
from state import checkpoints, outbox
from state.db.store import Store

_EXAMPLES: Final = 5


def check_store(store: Store, portal_id: str, policy: Policy) -> Iterator[Finding]:
    """Yield what waits in the database for a person, or for its next try, and what was learnt."""
    with store.reading(portal_id) as session:
        probes = stored_probes(session)
        entries = list_set_aside(session)
        moves = outbox.open_moves(session)
        refusals = read_stage_refusals(session)
    set_aside = [f"{entry.record}: {entry.reason}" for entry in entries]
    yield _finding(
        "set aside", set_aside, "`connector quarantine list` shows all, and when each is tried next"
    )
    yield _company_sync(policy, probes)
    yield from _required_properties(refusals)
    yield _finding(
        "open moves",
        [str(move.record) for move in moves],
        "they are finished by the next start; `connector recover --list` shows why they are open",
    )


def check_trials(store: Store, portal_id: str) -> Iterator[Finding]:
    """Yield the last trial of each portal, or of one: what it has left, and what it saw.

    The database need not know the portal otherwise: a trial's is a test account.
    """
    with store.reading_all_portals() as session:
        portal_ids = checkpoints.portals_with(session, TRIAL_OPEN)
    for trial_portal_id in portal_ids:
        if portal_id not in {"", trial_portal_id}:
            continue
        with store.reading(trial_portal_id) as session:
            is_open, document = bool(open_trial(session)), last_trial(session)
        bad_names = [
            str(item["name"]) for item in document.get("assumptions", ()) if not item["expected"]
        ]
        day = str(document.get("at", ""))[:10]
        yield _trial_finding(trial_portal_id, day, bad_names, is_open=is_open)


def _trial_finding(portal_id: str, day: str, bad_names: Sequence[str], *, is_open: bool) -> Finding:
    result = CheckResult.WARNING if is_open or bad_names else CheckResult.OK
    if is_open:
        message = (
            f"a trial in portal {portal_id} was stopped: `connector check --trial --clean` removes "
            "what it left"
        )
    elif bad_names:
        message = (
            f"the trial of {day} in portal {portal_id} saw what the connector suffers from: "
            f"{', '.join(bad_names)}"
        )
    else:
        message = f"the trial of {day} in portal {portal_id} saw nothing unexpected"
    return Finding(name="trial", result=result, message=message, section="database")


def _company_sync(policy: Policy, probes: Probes) -> Finding:
    """Say whether HubSpot's own company sync is on, and how that is known."""
    configured = NativeSync(policy.texts("company_sync.native")[0])
    if configured is not NativeSync.UNKNOWN:
        message = f"{configured}: the policy says so (`company_sync.native`)"
    else:
        match probes.sync_state:
            case NativeSync.ON:
                message = (
                    "on: learnt when contacts followed a company that the daemon moved. Companies "
                    "with contacts behind them wait for a reviewed plan"
                )
            case NativeSync.OFF:
                message = f"off: learnt from {probes.count} companies whose contacts stayed"
            case NativeSync.UNKNOWN:
                message = (
                    f"unknown: {probes.count} of {PROBES_NEEDED} companies were tried. The next "
                    "with contacts behind it is moved alone and looked at; to say it, set "
                    "`company_sync.native` in the policy to on or off"
                )
    return Finding(name="company sync", result=CheckResult.OK, message=message, section="database")


def _required_properties(refusals: Mapping[ObjectType, StageRefusal]) -> Iterator[Finding]:
    """Name the types of which HubSpot refused a stage, because another property was blank."""
    for kind, refusal in sorted(refusals.items()):
        message = (
            f"HubSpot refused a stage on {refusal.at:%Y-%m-%d} ({refusal.message}). Each backward "
            "move of this type asks for its new stage first, so that no record is cleared in vain; "
            "`connector quarantine list` names the records: give them a value, or change the rule "
            "in Settings > Properties"
        )
        name = f"required for a stage of {kind}"
        yield Finding(name=name, result=CheckResult.WARNING, message=message, section="properties")


def _finding(name: str, items: Sequence[str], hint: str) -> Finding:
    if not items:
        return Finding(name=name, result=CheckResult.OK, message="none", section="database")
    more = ", …" if len(items) > _EXAMPLES else ""
    message = f"{len(items)} ({', '.join(items[:_EXAMPLES])}{more}): {hint}"
    return Finding(name=name, result=CheckResult.WARNING, message=message, section="database")
