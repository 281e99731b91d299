"""Write a small database of this schema as SQL, for later versions to open."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from connector.core.corrections.audit import AuditLine
from connector.core.corrections.holds import Hold, HoldOrigin, HoldScope
from connector.core.corrections.moves import Move, Phase
from connector.core.corrections.plan import PlanSummary
from connector.core.model import STAGE, Outcome
from state import (
    associations,
    audit,
    checkpoints,
    holds,
    ledger,
    mirror,
    outbox,
    plans,
    runs,
)
from state.db.store import Store
from state.db.transaction import Transaction
from state.plans import PlanHead
from tests.state.examples import PORTAL, at, contact, correction, deal, link, record, version

DUMP = Path(__file__).parent / "first_schema.sql"


def write(to: Path) -> None:
    """Fill a new database, and write it down."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connector.db"
        with Store.open(f"sqlite:///{path}") as store, store.begin(PORTAL) as session:
            _fill_mirror(session)
            _fill_writes(session)
        with closing(sqlite3.connect(path)) as connection:
            text = "\n".join(connection.iterdump())
    to.write_text(text + "\n", encoding="utf-8")


def _fill_mirror(session: Transaction) -> None:
    stages = {STAGE: "customer"}
    mirror.put(session, [record(contact(1), **stages)], due_at=at(0))
    mirror.put(session, [record(deal(9), dealstage="open")], due_at=at(0))
    links = {contact(1): [link(contact(1), deal(9))]}
    associations.replace_all(session, links, deal(9).object_type)
    versions = [version("open", 2), version("won", 1)]
    ledger.store_histories(session, "dealstage", {deal(9): versions})
    ledger.mark_read(session, [deal(9)], at=at(3))
    checkpoints.put(session, "changes.contacts", {"until": "2026-03-01"})


def _fill_writes(session: Transaction) -> None:
    corrections = (correction(contact(1)),)
    plans.create(session, _HEAD)
    plans.add(session, "p1", [corrections])
    plans.close(session, "p1", summary=PlanSummary(corrections=1), digest="d")
    runs.begin(session, "r1", "sync", at(0))
    runs.finish(session, "r1", at(1), {"applied": 3})
    move = Move(
        record=contact(1),
        corrections=corrections,
        run="r1",
        plan="p1",
        policy="standard",
        promised_at=at(0),
        phase=Phase.CLEARED,
    )
    outbox.promise(session, [move])
    holds.add(session, [_HOLD])
    # The salt is given, so that the file is the same each time.
    audit.append(session, [_LINE] * 3, salt=lambda length: b"s" * length)
    audit.cut(session, 2, at=at(9), file="audit.4711.000000001-000000002.jsonl")


_HEAD = PlanHead(
    plan_id="p1", run="r1", policy_name="standard", policy_digest="abc", created_at=at(0)
)
_HOLD = Hold(
    scope=HoldScope.RECORD,
    target=str(contact(1)),
    property_name=STAGE,
    reason="she is a special case",
    by="operator",
    since=at(0),
    origin=HoldOrigin.OPERATOR,
)
_LINE = AuditLine(
    at=at(0),
    run="r1",
    record=contact(1),
    property_name=STAGE,
    before="customer",
    after="opportunity",
    rule="reopened",
    policy="standard@abc",
    outcome=Outcome.APPLIED,
)

if __name__ == "__main__":
    write(DUMP)
