"""`state copy` copies whole portals or nothing, and says why it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from connector.cli.main import run_command
from connector.core.corrections.audit import IntactChain
from connector.errors import UserError
from connector.operations.copy_state import CopiedPortal, copy_state
from connector.operations.sync import sync
from connector.pull.poll import pull
from state import audit, checkpoints, outbox, tokens
from state.db.locks import Busy
from state.db.store import Store
from tests.fakes.connected_portal import CONTACTS, ConnectedPortal
from tests.push.test_limits import create_won_leads
from tests.state.examples import NOON, contact
from tests.state.test_outbox import move


@pytest.fixture
def target(new_database_url: Callable[[], str]) -> Store:
    with Store.open(new_database_url()) as store:
        yield store


def put_number(store: Store, portal_id: str) -> None:
    with store.begin(portal_id) as session:
        checkpoints.put(session, "one", int(portal_id))


def get_number(store: Store, portal_id: str) -> object:
    with store.reading(portal_id) as session:
        return checkpoints.get(session, "one")


def test_a_portal_goes_on_where_it_was(portal: ConnectedPortal, target: Store) -> None:
    create_won_leads(portal, 3)
    sync(portal.context())
    (copied,) = copy_state(portal.store, target)
    assert (copied.portal_id, copied.audit_lines, copied.open_moves) == ("1", 3, 0)
    moved = ConnectedPortal(api=portal.api, store=target)
    portal.take_requests()
    pull(moved.context())
    assert "list_page" not in portal.take_requests()  # the next poll is incremental
    assert moved.due(CONTACTS) == portal.due(CONTACTS)
    with target.reading("1") as session:
        assert isinstance(audit.verify(session), IntactChain)


def test_only_the_portals_named_are_copied_and_tokens_of_apps_with_them(
    portal: ConnectedPortal, target: Store
) -> None:
    for portal_id in ("7", "8"):
        put_number(portal.store, portal_id)
    with portal.store.begin("0") as session:
        tokens.put(session, "app", "sealed", at=NOON)
    progress: list[CopiedPortal] = []
    copy_state(portal.store, target, portal_ids=("8",), progress=progress.append)
    assert (get_number(target, "7"), get_number(target, "8")) == (None, 8)
    assert [copied.portal_id for copied in progress] == ["8"]
    with target.reading("0") as session:
        assert tokens.get(session, "app") == "sealed"


def test_a_portal_that_is_there_already_is_refused_before_anything_is_copied(
    portal: ConnectedPortal, target: Store
) -> None:
    for portal_id in ("7", "8"):
        put_number(portal.store, portal_id)
    put_number(target, "8")
    with pytest.raises(UserError, match=r"TO holds 1 rows of portal 8 already"):
        copy_state(portal.store, target)
    assert get_number(target, "7") is None


def test_open_moves_travel_only_where_that_is_said(portal: ConnectedPortal, target: Store) -> None:
    with portal.store.begin("7") as session:
        outbox.promise(session, [move(contact(1))])
    with pytest.raises(UserError, match=r"1 open moves.*connector sync.*--with-open-moves"):
        copy_state(portal.store, target)
    (copied,) = copy_state(portal.store, target, with_open_moves=True)
    with target.reading("7") as session:
        assert (copied.open_moves, len(outbox.open_moves(session))) == (1, 1)


@pytest.mark.parametrize("busy", ["source", "target"])
def test_nobody_else_writes_meanwhile(portal: ConnectedPortal, target: Store, busy: str) -> None:
    put_number(portal.store, "7")
    store = portal.store if busy == "source" else target
    with store.writer_lock("7"), pytest.raises(Busy, match="portal 7 is busy"):
        copy_state(portal.store, target)


def test_what_is_not_there_is_named(portal: ConnectedPortal, target: Store) -> None:
    with pytest.raises(UserError, match="FROM holds no portal"):
        copy_state(portal.store, target)
    put_number(portal.store, "7")
    with pytest.raises(UserError, match="FROM holds nothing of portal 8"):
        copy_state(portal.store, target, portal_ids=("7", "8"))


def test_a_copy_that_differs_is_taken_back(
    portal: ConnectedPortal, target: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_number(portal.store, "7")
    monkeypatch.setattr("state.copy_portal.same_audit", lambda _old, _new: False)
    with pytest.raises(UserError, match="was taken back"):
        copy_state(portal.store, target)
    assert get_number(target, "7") is None


def test_the_command_copies_and_says_what_to_do_next(
    tmp_path: Path,
    new_database_url: Callable[[], str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    urls = [new_database_url() for _ in range(3)]
    with Store.open(urls[0]) as store:
        put_number(store, "7")
        with store.begin("7") as session:
            outbox.promise(session, [move(contact(1))])
    assert run_command(["state", "copy", urls[0], urls[1]]) == 1
    assert run_command(["state", "copy", urls[0], urls[1], "--with-open-moves"]) == 0
    shown = capsys.readouterr().out
    assert "Portal 7: 2 rows, 0 of them lines of the audit" in shown
    assert "set CONNECTOR_DATABASE_URL" in shown
    assert run_command(["state", "copy", urls[1], urls[2], "--json", "--with-open-moves"]) == 0
    assert orjson.loads(capsys.readouterr().out) == {
        "portals": [{"portal_id": "7", "rows": 2, "audit_lines": 0, "open_moves": 1}]
    }


def test_a_file_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    missing = tmp_path / "missing.db"
    assert run_command(["state", "copy", f"sqlite:///{missing}", "sqlite:///to.db"]) == 1
    assert "there is no such file" in capsys.readouterr().err
    assert not missing.exists()
