"""Records that are to move, what was sent of them, and runs that do not wait."""

from __future__ import annotations

from connector.context import RunContext
from connector.core.model import ObjectType, Ref
from connector.operations.sync import SyncResult, sync
from state import quarantine
from tests.fakes.connected_portal import (
    COMPANIES,
    CONTACTS,
    DAY,
    OPEN,
    WON,
    ConnectedPortal,
)


def create_reopened_customer(portal: ConnectedPortal, kind: ObjectType = CONTACTS) -> Ref:
    """Create a customer whose deal was won, and is open again."""
    ref = portal.company("customer") if kind is COMPANIES else portal.contact("customer")
    deal = portal.deal(WON, ref)
    portal.api.advance(1)
    portal.edit(deal, dealstage=OPEN)
    return ref


def create_won_lead(portal: ConnectedPortal) -> Ref:
    """Create a lead whose deal is won."""
    ref = portal.contact("lead")
    portal.deal(WON, ref)
    return ref


def run(portal: ConnectedPortal, context: RunContext | None = None) -> SyncResult:
    """Read everything, and put right what is wrong."""
    portal.api.advance(DAY)
    return sync(context or portal.context())


def quarantine_notes(portal: ConnectedPortal) -> list[tuple[str, str]]:
    with portal.store.reading("1") as session:
        return [(str(entry.record), entry.note) for entry in quarantine.read_quarantined(session)]


# What HubSpot refuses


def refuse_values(portal: ConnectedPortal, *values: tuple[Ref, str, str]) -> None:
    """Let HubSpot refuse every batch that holds one of these values."""
    portal.api.forbidden_values.update(values)
