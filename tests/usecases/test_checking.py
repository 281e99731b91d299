"""The check-up: every finding says what is wrong and what to do, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.checking import Finding, Light, check
from connector.core.model import ObjectType
from connector.core.policy import load
from connector.errors import TemporaryError
from connector.hubspot.budget import Allowance
from connector.hubspot.faults import ScopeMissing, TokenRefused
from connector.presets import preset
from tests.usecases.office import Office, portal


def findings(
    office: Office, policy: str = "extends: standard", *, portal_id: str = "1"
) -> dict[str, Finding]:
    read = load(policy, source="test.yaml", preset=preset)
    return {one.name: one for one in check(office.door, read, portal_id=portal_id)}


def test_a_portal_where_all_is_well_is_all_green(office: Office) -> None:
    office.contact("lead")
    found = findings(office)
    assert {one.light for one in found.values()} == {Light.GOOD}
    assert found["token"].message == "portal 1 (STANDARD, UTC)"
    assert found["portal id"].message == "pinned to 1"
    assert found["read contacts"].message == "1 records"
    assert found["stages of contacts"].message.startswith("Subscriber, Lead, ")
    assert "Open Deal" in found["lead statuses"].message
    assert found["pipelines"].message == "Sales Pipeline (5 stages)"
    assert found["policy"].message.startswith("test (")


@pytest.mark.parametrize(
    ("left", "light"), [(201, Light.GOOD), (200, Light.WARNING), (0, Light.WARNING)]
)
def test_the_budget_names_what_is_left_and_what_is_for_others(
    office: Office, monkeypatch: pytest.MonkeyPatch, left: int, light: Light
) -> None:
    told = Allowance(burst=190, daily=1_000, left=left, reserve=200)
    monkeypatch.setattr(type(office.door), "allowance", lambda _: told)
    found = findings(office)["budget"]
    assert found.light is light
    assert found.message == (
        f"190 requests in 10 s (we take 95%); {left} of 1,000 a day are left, 200 of them for "
        "other apps; a new day begins at midnight in UTC"
    )


def test_the_budget_says_where_no_daily_limit_is_told(office: Office) -> None:
    found = findings(office)["budget"]
    assert found.message == "190 requests in 10 s (we take 95%); no daily limit is told"


def test_a_refused_token_ends_the_check_up(office: Office) -> None:
    office.door.fail("portal", TokenRefused("HubSpot does not accept the token"))
    found = findings(office)
    assert list(found) == ["token"]
    assert found["token"].light is Light.BAD


@pytest.mark.parametrize(
    ("portal_id", "light", "said"),
    [
        ("", Light.WARNING, "set HUBSPOT_PORTAL_ID=1"),
        ("2", Light.BAD, "HUBSPOT_PORTAL_ID is 2, but the token belongs to 1"),
    ],
)
def test_the_portal_id_is_compared(office: Office, portal_id: str, light: Light, said: str) -> None:
    found = findings(office, portal_id=portal_id)["portal id"]
    assert found.light is light
    assert said in found.message


def test_a_missing_read_scope_is_named(office: Office) -> None:
    missing = ScopeMissing("add crm.objects.companies.read", scopes=("x",))
    office.door.before("changed", 2, lambda: office.door.fail("changed", missing))
    found = findings(office)
    (bad,) = [one for one in found.values() if one.light is Light.BAD]
    assert bad.name.startswith("read ")
    assert "crm.objects.companies.read" in bad.message


@pytest.mark.parametrize(
    ("error", "light"),
    [
        (ScopeMissing("add crm.objects.contacts.write"), Light.BAD),
        (TemporaryError("later"), Light.WARNING),
    ],
)
def test_a_missing_write_scope_is_named_without_any_write(
    office: Office, error: Exception, light: Light
) -> None:
    person = office.contact("lead")
    office.door.fail("update", error)  # type: ignore[arg-type]  # an error of the door
    found = findings(office)["write contacts"]
    assert found.light is light
    assert str(error) in found.message
    assert office.stage(person) == "lead"


def test_what_the_portal_lacks_is_told(open_office: Callable[..., Office]) -> None:
    usual = portal()
    bare = replace(usual, definitions={kind: {} for kind in ObjectType}, pipelines=())
    found = findings(open_office(bare))
    assert found["stages of contacts"].light is Light.BAD
    assert found["lead statuses"].light is Light.WARNING
    assert found["pipelines"].light is Light.WARNING


def test_a_policy_that_names_what_the_portal_lacks_is_told(office: Office) -> None:
    found = findings(office, "extends: standard\nsettings: {default_stage: Nonsense}")["policy"]
    assert found.light is Light.BAD
    assert "Nonsense" in found.message


def test_a_rule_that_sleeps_is_a_warning(open_office: Callable[..., Office]) -> None:
    office = open_office(portal(statuses={"NEW": "New"}))
    policy = load("extends: standard", source="test.yaml", preset=preset)
    found = list(check(office.door, policy, portal_id="1"))
    asleep = [one for one in found if one.light is Light.WARNING]
    assert any("BAD_TIMING" in one.message or "OPEN_DEAL" in one.message for one in asleep)
