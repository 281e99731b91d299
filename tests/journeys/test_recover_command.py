"""Open moves, by the operator's own command."""

from __future__ import annotations

import orjson
import pytest

from connector.cli import main
from connector.core.corrections.moves import Phase
from connector.core.model import STAGE, Ref
from connector.pull.poll import pull
from state import outbox
from tests.fakes.moves import backward_correction, move_of
from tests.journeys.sample_records import OPEN, WON, create_contact, create_deal
from tests.journeys.workspace import Workspace


@pytest.fixture
def anna(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Ref:
    """Return a customer with a reopened deal, whose move a killed run left open in the gap."""
    contact_id = create_contact(workspace.portal, "anna", "customer")
    create_deal(workspace.portal, [OPEN, WON, OPEN], contacts=[contact_id])
    ref = Ref.parse(f"contacts/{contact_id}")
    with workspace.open_context() as context:
        pull(context)
        move = move_of(backward_correction(ref), at=context.api.now(), phase=Phase.CLEARED)
        with context.begin() as session:
            outbox.promise(session, [move])
        context.api.update({ref: {STAGE: ""}})
    for name, value in {**workspace.environment, "CONNECTOR_RECHECK_SECONDS": "0.01"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(workspace.folder)
    return ref


def list_open_moves(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main.run_command(["recover", "--list", "--json"]) == 0
    documents: list[dict[str, object]] = orjson.loads(capsys.readouterr().out)
    return documents


def test_open_moves_are_listed_and_then_finished(
    workspace: Workspace, anna: Ref, capsys: pytest.CaptureFixture[str]
) -> None:
    (document,) = list_open_moves(capsys)
    assert (document["record"], document["phase"]) == (str(anna), "cleared")
    assert (document["before"], document["after"]) == (
        {STAGE: "customer"},
        {STAGE: "opportunity"},
    )
    assert main.run_command(["recover", "--list"]) == 0
    assert str(anna) in capsys.readouterr().out
    assert main.run_command(["recover"]) == 0
    assert "1 of 1 open moves are finished" in capsys.readouterr().out
    assert workspace.value(f"{anna}.{STAGE}") == "opportunity"
    assert list_open_moves(capsys) == []
    assert main.run_command(["recover", "--list"]) == 0
    assert "No move is open" in capsys.readouterr().out


def test_a_released_move_is_open_no_more_and_an_unknown_one_is_refused(
    workspace: Workspace, anna: Ref, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run_command(["recover", "--release", str(anna)]) == 0
    assert f"connector explain {anna}" in capsys.readouterr().out
    assert workspace.open_moves() == ()
    assert main.run_command(["recover", "--release", str(anna)]) == 1
    assert "has no open move" in capsys.readouterr().err
