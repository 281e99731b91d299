"""`connector audit --follow` prints each added line once, and only the selected ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.cli.audit import follow_audit
from connector.core.corrections.audit import AuditLine
from connector.core.model import STAGE, Outcome, Ref
from state import audit
from state.db.store import Store

PORTAL = "4711"


def line(record: str, rule: str) -> AuditLine:
    return AuditLine(
        at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        run="r1",
        record=Ref.parse(record),
        property_name=STAGE,
        before="",
        after="lead",
        rule=rule,
        policy="standard",
        outcome=Outcome.APPLIED,
    )


def test_each_line_that_is_added_is_written_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'connector.db'}") as store:
        batches = [
            [line("contacts/2", "blank"), line("contacts/3", "won")],
            [],
            [line("contacts/4", "blank")],
        ]
        _append(store, [line("contacts/1", "blank")])

        def wait(_seconds: float) -> None:
            if not batches:
                raise KeyboardInterrupt
            _append(store, batches.pop(0))

        with pytest.raises(KeyboardInterrupt):
            follow_audit(store, [PORTAL], {"rule": "blank"}, as_json=False, wait=wait)
    assert [text.split()[1] for text in capsys.readouterr().out.splitlines()] == [
        "contacts/2",
        "contacts/4",
    ]


def _append(store: Store, lines: list[AuditLine]) -> None:
    with store.begin(PORTAL) as session:
        audit.append(session, lines)
