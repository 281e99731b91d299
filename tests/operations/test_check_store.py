"""The check-up of the database says what is known of HubSpot's company sync, and how."""

from __future__ import annotations

import pytest

from connector.config.presets import policy_text
from connector.core.policy.load import load_policy
from connector.operations.check_store import check_store
from connector.plan.native_company_sync import NativeSync, Probes
from state import checkpoints
from tests.fakes.connected_portal import ConnectedPortal


def company_sync(portal: ConnectedPortal, settings: str = "") -> str:
    text = f"extends: standard\n{settings}"
    policy = load_policy(text, source="test.yaml", preset_text=policy_text)
    findings = {finding.name: finding for finding in check_store(portal.store, "1", policy)}
    return findings["company sync"].message


def test_what_nobody_knows_is_unknown_and_says_how_it_is_learnt(portal: ConnectedPortal) -> None:
    message = company_sync(portal)
    assert message.startswith("unknown: 0 of 3 companies were tried")
    assert "`company_sync.native`" in message


@pytest.mark.parametrize(
    ("state", "count", "message"),
    [
        (NativeSync.ON, 1, "on: learnt when contacts followed"),
        (NativeSync.OFF, 3, "off: learnt from 3 companies"),
    ],
)
def test_what_was_learnt_is_said_with_how(
    portal: ConnectedPortal, state: NativeSync, count: int, message: str
) -> None:
    with portal.store.begin("1") as session:
        probes = Probes(sync_state=state, count=count)
        checkpoints.put(session, "native-company-sync", probes.to_checkpoint())
    assert company_sync(portal).startswith(message)
    # What the policy says goes before what was learnt.
    configured = company_sync(portal, "settings: {company_sync: {native: off}}")
    assert configured.startswith("off: the policy says so")
