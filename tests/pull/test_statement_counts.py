"""What a page costs the database is counted: seconds differ from machine to machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine

from connector.core.binding.bind import needed_properties
from connector.core.model import ObjectType
from connector.pull.full_scan import scan_object_type
from tests.fakes.connected_portal import OPEN, ConnectedPortal

CONTACTS, DEALS = ObjectType.CONTACTS, ObjectType.DEALS


@contextmanager
def count_statements() -> Iterator[list[str]]:
    """Collect the statements that every database is sent while the block runs."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def scan(portal: ConnectedPortal, kind: ObjectType) -> int:
    """List all records of a type, and return how many statements that took."""
    context = portal.context()
    properties = needed_properties(context.policy, context.portal)[kind]
    with count_statements() as statements:
        scan_object_type(context, kind, properties)
    return len(statements)


def test_a_further_page_of_a_first_listing_costs_eight_statements(portal: ConnectedPortal) -> None:
    for _ in range(100):
        portal.contact("lead")
    first = scan(portal, CONTACTS)
    for _ in range(400):
        portal.contact("lead")
    with portal.store.begin("1") as session:
        session.connection().exec_driver_sql("DELETE FROM mirror")
    # What is merged, mirrored and set aside; the rows, the checkpoint; and the transaction.
    assert scan(portal, CONTACTS) - first <= 4 * 8


def test_a_thousand_links_of_deals_cost_as_many_statements_as_one(portal: ConnectedPortal) -> None:
    portal.deal(OPEN, portal.contact("lead"))
    first = scan(portal, DEALS)
    for _ in range(99):
        portal.deal(OPEN, portal.contact("lead"))
    with portal.store.begin("1") as session:
        session.connection().exec_driver_sql("DELETE FROM mirror")
        session.connection().exec_driver_sql("DELETE FROM associations")
    assert scan(portal, DEALS) <= first + 2
