"""The next start finds every move that was promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from connector.core.corrections.moves import Move, Phase
from connector.core.model import ObjectType, Ref
from state import outbox
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import NOON, OTHER_PORTAL, PORTAL, company, contact, correction, in_portal

# Promises, then clears, one move after the other, telling each commit; the last
# transaction is never committed.
PROMISE_PROGRAM = """
import sys, time
from state import outbox
from state.db.store import Store
from connector.core.corrections.moves import Phase
from tests.state.examples import PORTAL, contact
from tests.state.test_outbox import move

store = Store.open(sys.argv[1])
for number in range(1, int(sys.argv[2]) + 1):
    with store.begin(PORTAL) as session:
        outbox.promise(session, [move(contact(number))])
    with store.begin(PORTAL) as session:
        outbox.advance(session, [contact(number)], Phase.CLEARING)
    print(number, flush=True)
with store.begin(PORTAL) as session:
    outbox.close(session, [contact(1)])
    outbox.promise(session, [move(contact(999))])
    print("ready", flush=True)
    time.sleep(60)
"""


def move(ref: Ref, **changes: Any) -> Move:
    fields: dict[str, Any] = {
        "record": ref,
        "corrections": (correction(ref),),
        "run": "r1",
        "plan": "p1",
        "policy": "standard@abc",
        "promised_at": NOON,
    }
    return Move(**{**fields, **changes})


def test_an_open_move_comes_back_as_it_was_promised(session: Transaction) -> None:
    outbox.promise(session, [move(contact(1))])
    assert outbox.open_moves(session) == (move(contact(1)),)
    assert outbox.open_moves(in_portal(session, OTHER_PORTAL)) == ()


def test_nothing_promised_is_nothing_open(session: Transaction) -> None:
    outbox.promise(session, [])
    assert outbox.open_moves(session) == ()


def test_open_moves_come_in_the_order_of_type_and_id(session: Transaction) -> None:
    refs = [contact(100), contact(9), company(11)]
    outbox.promise(session, [move(ref) for ref in refs])
    records = [entry.record for entry in outbox.open_moves(session)]
    assert records == [company(11), contact(9), contact(100)]


@pytest.mark.parametrize("phase", list(Phase))
def test_how_far_a_move_came_is_remembered(session: Transaction, phase: Phase) -> None:
    outbox.promise(session, [move(contact(1)), move(contact(2))])
    outbox.advance(session, [contact(1)], phase)
    phases = {entry.record: entry.phase for entry in outbox.open_moves(session)}
    assert phases == {contact(1): phase, contact(2): Phase.PROMISED}


def test_a_second_move_never_hides_how_far_the_first_one_came(store: Store) -> None:
    with store.begin(PORTAL) as session:
        outbox.promise(session, [move(contact(1), phase=Phase.CLEARED)])
    with pytest.raises(IntegrityError), store.begin(PORTAL) as session:
        outbox.promise(session, [move(contact(1))])
    with store.reading(PORTAL) as session:
        assert outbox.open_moves(session)[0].phase is Phase.CLEARED


def test_a_move_that_is_not_open_does_not_advance(session: Transaction) -> None:
    outbox.promise(session, [move(contact(1))])
    with pytest.raises(LookupError, match=ObjectType.CONTACTS):
        outbox.advance(session, [contact(1), contact(2)], Phase.SETTING)


def test_an_ended_move_is_gone_and_the_record_may_move_again(session: Transaction) -> None:
    outbox.promise(session, [move(contact(1)), move(contact(2))])
    outbox.close(session, [contact(1)])
    assert [entry.record for entry in outbox.open_moves(session)] == [contact(2)]
    outbox.promise(session, [move(contact(1))])


def test_every_acknowledged_promise_survives_kill_9(database: Path) -> None:
    printed = _killed_after(database, "ready")
    with Store.open(f"sqlite:///{database}") as store, store.reading(PORTAL) as session:
        phases_by_record = {entry.record: entry.phase for entry in outbox.open_moves(session)}
    assert phases_by_record == dict.fromkeys(map(contact, printed), Phase.CLEARING)


def test_a_kill_in_the_middle_of_a_transaction_leaves_each_move_whole(database: Path) -> None:
    printed = _killed_after(database, "7")
    with Store.open(f"sqlite:///{database}") as store, store.reading(PORTAL) as session:
        moves = outbox.open_moves(session)
    assert set(map(contact, printed)) <= {entry.record for entry in moves}
    assert [entry for entry in moves if entry != move(entry.record, phase=entry.phase)] == []


def _killed_after(database: Path, last: str) -> list[str]:
    """Run the promiser, kill it as soon as it says so, and return what it told by then."""
    command = [sys.executable, "-c", PROMISE_PROGRAM, f"sqlite:///{database}", "25"]
    printed: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            printed.append(line.strip())
            if printed[-1] == last:
                child.kill()
        assert child.wait() == -9
    return [text for text in printed if text != "ready"]


def test_an_open_move_of_any_portal_is_seen(session: Transaction) -> None:
    other_portal = in_portal(session, OTHER_PORTAL)
    outbox.promise(other_portal, [move(contact(1))])
    assert outbox.open_moves(session) == ()
    assert outbox.has_open_moves(session)
    outbox.close(other_portal, [contact(1)])
    assert not outbox.has_open_moves(session)
