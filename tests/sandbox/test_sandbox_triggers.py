"""Events by name: each happens to a contact that fits, and says what happened."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from connector.cli.main import run_command
from connector.cli.sandbox import sandbox as sandbox_command
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.triggers import TRIGGERS, trigger
from connector.sandbox.world.fill import fill
from tests.sandbox.http_client import NOW

STAGE = "lifecyclestage"


@pytest.fixture(scope="module")
def world():
    portal = Portal(clock=Clock(NOW, running=False))
    fill(portal, contacts=300)
    return portal


@pytest.mark.parametrize("event", TRIGGERS)
def test_every_event_changes_a_contact_or_its_deal_and_names_the_contact(world, event):
    events = []
    world.listeners.append(events.append)
    happened = trigger(world, event)
    world.records("contacts")  # lets the automations that are due act
    world.listeners.clear()
    assert happened.startswith("contacts/")
    assert events


def test_an_event_happens_to_the_contact_that_is_named(portal, create_contact):
    create_contact("lead")
    contact_id = create_contact("customer")
    text = trigger(portal, "form-filled", f"contacts/{contact_id}")
    assert text.startswith(f"contacts/{contact_id}: ")
    assert portal.value("contacts", contact_id, "recent_conversion_event_name").startswith("Book")


@pytest.mark.parametrize(
    ("event", "states"),
    [("deal-won", ["won"]), ("deal-lost", ["lost"]), ("deal-reopened", ["won", "open"])],
)
def test_a_contact_without_a_deal_gets_one_first(portal, create_contact, event, states):
    contact_id = create_contact("lead")
    trigger(portal, event, f"contacts/{contact_id}")
    (deal_id,) = portal.links.of("contacts", int(contact_id), "deals")
    deal_stages = [version.value for version in portal.history("deals", str(deal_id), "dealstage")]
    ids = {"won": "closedwon", "lost": "closedlost", "open": "appointmentscheduled"}
    assert deal_stages == ["appointmentscheduled", *(ids[state] for state in states)]


def test_a_workflow_fight_undoes_every_change(portal, create_contact):
    contact_id = create_contact("customer")
    trigger(portal, "workflow-fight", f"contacts/{contact_id}")
    assert portal.value("contacts", contact_id, STAGE) == "lead"
    for stage in ("", "opportunity"):
        portal.api_update("contacts", contact_id, {STAGE: stage})
    assert portal.value("contacts", contact_id, STAGE) == "lead"
    assert len(portal.history("contacts", contact_id, STAGE)) == 7


@pytest.mark.parametrize(
    ("event", "record", "message"),
    [
        ("party", "", "there is no event 'party'; there is: deal-created, "),
        ("deal-won", "deals/1", "name a contact as contacts/ID, not 'deals/1'"),
        ("deal-won", "", "no contact fits deal-won; name one: contacts/ID"),
    ],
)
def test_what_cannot_happen_is_said(portal, event, record, message):
    with pytest.raises(ValueError, match=message):
        trigger(portal, event, record)


def test_the_command_asks_a_running_sandbox(sandbox, portal, create_contact):
    contact_id = create_contact("lead")
    result = CliRunner().invoke(
        sandbox_command, ["trigger", "archive", "--url", sandbox.url], standalone_mode=False
    )
    assert (result.output, result.exception) == (f"contacts/{contact_id}: archived\n", None)
    assert portal.records("contacts") == []


def test_a_refusal_and_a_missing_sandbox_are_errors_of_the_user(sandbox, capsys):
    assert run_command(["sandbox", "trigger", "merge", "contacts/9", "--url", sandbox.url]) == 1
    assert "there is no contacts/9" in capsys.readouterr().err
    sandbox.close()
    assert run_command(["sandbox", "trigger", "merge", "--url", sandbox.url]) == 1
    assert "Start one (connector sandbox)" in capsys.readouterr().err


def test_the_help_lists_every_event():
    result = CliRunner().invoke(sandbox_command, ["trigger", "--help"])
    assert [name for name in TRIGGERS if f"  {name} " not in result.output] == []
