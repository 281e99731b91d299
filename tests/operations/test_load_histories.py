"""Loading histories: within its budget, and never the same twice."""

from __future__ import annotations

from connector.operations.load_histories import LoadedHistories, load_histories
from tests.fakes.connected_portal import DAY, ConnectedPortal


def test_a_budget_is_kept_and_the_next_call_continues(portal: ConnectedPortal) -> None:
    for _ in range(120):
        portal.contact("lead")
    portal.company("lead")
    portal.read_all()
    first = load_histories(portal.context(), max_requests=2)
    assert first == LoadedHistories(loaded=100, missing=21)
    second = load_histories(portal.context(), max_requests=10)
    assert second == LoadedHistories(loaded=21, missing=0)
    portal.take_requests()
    assert load_histories(portal.context(), max_requests=10).loaded == 0
    assert portal.take_requests().total() == 0


def test_a_record_that_changed_is_read_again(portal: ConnectedPortal) -> None:
    contact = portal.contact("lead")
    portal.read_all()
    load_histories(portal.context(), max_requests=1)
    portal.api.advance(DAY)
    portal.edit(contact, lifecyclestage="customer")
    portal.read_all()
    assert load_histories(portal.context(), max_requests=1).loaded == 1
