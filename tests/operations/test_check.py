"""The check-up: every finding says what is wrong and what to do, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.config.presets import policy_text
from connector.core.model import STAGE, STATUS, ObjectType, Workflow
from connector.core.policy.load import load_policy
from connector.errors import TemporaryError
from connector.hubspot.api import TokenInfo, TokenKind, WorkflowsResult
from connector.hubspot.http.daily_budget import Allowance
from connector.hubspot.http.failures import (
    BadAnswer,
    ClocksDisagree,
    ScopeMissing,
    TokenRefused,
)
from connector.operations.check import check
from connector.operations.check_token import NEEDED
from connector.operations.finding import CheckResult, Finding
from tests.fakes.connected_portal import START, ConnectedPortal, example_portal


def findings(
    portal: ConnectedPortal, policy: str = "extends: standard", *, portal_id: str = "1"
) -> dict[str, Finding]:
    loaded_policy = load_policy(policy, source="test.yaml", preset_text=policy_text)
    return {
        finding.name: finding for finding in check(portal.api, loaded_policy, portal_id=portal_id)
    }


def test_a_portal_where_all_is_well_is_all_green(portal: ConnectedPortal) -> None:
    portal.contact("lead")
    by_name = findings(portal)
    odd_stages = by_name.pop("odd stages")  # the example has one on purpose
    assert "Sales Pipeline: Closed, shared" in odd_stages.message
    assert {finding.result for finding in by_name.values()} == {CheckResult.OK}
    assert by_name["token"].message == "portal 1 (STANDARD, UTC)"
    assert by_name["portal id"].message == "pinned to 1"
    assert by_name["read contacts"].message == "1 records"
    assert by_name["stages of contacts"].message.startswith("Subscriber, Lead, ")
    assert "Open Deal" in by_name["lead statuses"].message
    assert by_name["pipelines"].message == "Sales Pipeline (5 stages)"
    assert by_name["policy"].message.startswith("test (")


@pytest.mark.parametrize(
    ("remaining", "light"),
    [(201, CheckResult.OK), (200, CheckResult.WARNING), (0, CheckResult.WARNING)],
)
def test_the_budget_names_what_is_left_and_what_is_for_others(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, remaining: int, light: CheckResult
) -> None:
    allowance = Allowance(burst=190, daily=1_000, remaining=remaining, reserve=200)
    monkeypatch.setattr(type(portal.api), "allowance", lambda _: allowance)
    finding = findings(portal)["budget"]
    assert finding.result is light
    assert finding.message == (
        f"190 requests in 10 s (we take 95%); {remaining} of 1,000 a day are left, 200 of them for "
        "other apps; a new day begins at midnight in UTC"
    )


def test_the_budget_says_where_no_daily_limit_is_known(portal: ConnectedPortal) -> None:
    finding = findings(portal)["budget"]
    assert finding.message == "190 requests in 10 s (we take 95%); no daily limit is known"


def test_a_refused_token_ends_the_check_up(portal: ConnectedPortal) -> None:
    portal.api.fail("portal", TokenRefused("HubSpot does not accept the token"))
    by_name = findings(portal)
    assert list(by_name) == ["token"]
    assert by_name["token"].result is CheckResult.FAIL


@pytest.mark.parametrize(
    ("portal_id", "light", "message"),
    [
        ("", CheckResult.WARNING, "set HUBSPOT_PORTAL_ID=1"),
        ("2", CheckResult.FAIL, "HUBSPOT_PORTAL_ID is 2, but the token belongs to 1"),
    ],
)
def test_the_portal_id_is_compared(
    portal: ConnectedPortal, portal_id: str, light: CheckResult, message: str
) -> None:
    finding = findings(portal, portal_id=portal_id)["portal id"]
    assert finding.result is light
    assert message in finding.message


def test_a_missing_read_scope_is_named(portal: ConnectedPortal) -> None:
    missing = ScopeMissing("add crm.objects.companies.read", scopes=("x",))
    portal.api.before("changed", 2, lambda: portal.api.fail("changed", missing))
    by_name = findings(portal)
    (missing_scope,) = [
        finding for finding in by_name.values() if finding.result is CheckResult.FAIL
    ]
    assert missing_scope.name.startswith("read ")
    assert "crm.objects.companies.read" in missing_scope.message


@pytest.mark.parametrize(
    ("error", "light"),
    [
        (ScopeMissing("add crm.objects.contacts.write"), CheckResult.FAIL),
        (TemporaryError("later"), CheckResult.WARNING),
    ],
)
def test_a_missing_write_scope_is_named_without_any_write(
    portal: ConnectedPortal, error: Exception, light: CheckResult
) -> None:
    contact = portal.contact("lead")
    portal.api.fail("update", error)  # type: ignore[arg-type]  # an error of the API
    finding = findings(portal)["write contacts"]
    assert finding.result is light
    assert str(error) in finding.message
    assert portal.stage(contact) == "lead"


def test_what_the_portal_lacks_is_told(open_portal: Callable[..., ConnectedPortal]) -> None:
    full_portal = example_portal()
    bare_portal = replace(full_portal, definitions={kind: {} for kind in ObjectType}, pipelines=())
    by_name = findings(open_portal(bare_portal))
    assert by_name["stages of contacts"].result is CheckResult.FAIL
    assert by_name["lead statuses"].result is CheckResult.WARNING
    assert by_name["pipelines"].result is CheckResult.WARNING


FROM_LEADS = "extends: standard\nsettings: {lead_status: {from: leads}}"


def test_leads_are_counted_where_the_policy_rests_on_them(portal: ConnectedPortal) -> None:
    finding = findings(portal, FROM_LEADS)["read leads"]
    assert finding.result is CheckResult.OK
    assert finding.message == (
        "0 records; their stages are New, Attempting, Connected, Qualified, Disqualified"
    )
    assert "read leads" not in findings(portal)


def test_a_token_that_may_not_read_leads_is_told_what_the_policy_needs(
    portal: ConnectedPortal,
) -> None:
    portal.api.may_read_leads = False
    by_name = findings(portal, FROM_LEADS)
    assert by_name["read leads"].result is CheckResult.FAIL
    assert "`crm.objects.leads.read`" in by_name["read leads"].message
    assert "lead_status.from: rules" in by_name["read leads"].message
    assert "policy" not in by_name


def test_a_policy_that_names_what_the_portal_lacks_is_told(portal: ConnectedPortal) -> None:
    finding = findings(portal, "extends: standard\nsettings: {default_stage: Nonsense}")["policy"]
    assert finding.result is CheckResult.FAIL
    assert "Nonsense" in finding.message


def test_a_rule_that_sleeps_is_a_warning(open_portal: Callable[..., ConnectedPortal]) -> None:
    portal = open_portal(example_portal(statuses={"NEW": "New"}))
    policy = load_policy("extends: standard", source="test.yaml", preset_text=policy_text)
    all_findings = list(check(portal.api, policy, portal_id="1"))
    warnings = [finding for finding in all_findings if finding.result is CheckResult.WARNING]
    assert any(
        "BAD_TIMING" in finding.message or "OPEN_DEAL" in finding.message for finding in warnings
    )


@pytest.mark.parametrize(
    ("portal_days", "machine_days", "wrong"),
    [(365, 0, "HubSpot's date looks wrong"), (0, -365, "This machine's clock looks wrong")],
)
def test_clocks_that_are_days_apart_end_the_check_with_the_wrong_clock(
    portal: ConnectedPortal,
    monkeypatch: pytest.MonkeyPatch,
    portal_days: int,
    machine_days: int,
    wrong: str,
) -> None:
    portal.contact("lead")
    error = ClocksDisagree(
        portal_time=START + timedelta(days=portal_days),
        machine_time=START + timedelta(days=machine_days),
    )

    def now(_: object) -> datetime:
        raise error

    monkeypatch.setattr(type(portal.api), "now", now)
    by_name = findings(portal)
    assert list(by_name) == ["token", "portal id", "clock"]
    assert by_name["clock"].result is CheckResult.FAIL
    assert wrong in by_name["clock"].message


def test_a_definition_that_the_policy_does_not_need_is_named_and_matters_not(
    portal: ConnectedPortal,
) -> None:
    portal.api.portal_info = replace(
        portal.api.portal_info, unreadable={"contacts.jobtitle": "its type is missing"}
    )
    by_name = findings(portal)
    assert by_name["definitions"].result is CheckResult.WARNING
    assert "contacts.jobtitle: its type is missing" in by_name["definitions"].message
    assert by_name["policy"].result is CheckResult.OK


def test_a_definition_that_the_policy_needs_is_named_as_wrong(portal: ConnectedPortal) -> None:
    portal.api.portal_info = replace(
        portal.api.portal_info, unreadable={"contacts.lifecyclestage": "value is missing"}
    )
    finding = findings(portal)["policy"]
    assert finding.result is CheckResult.FAIL
    assert "contacts.lifecyclestage: value is missing" in finding.message


def test_histories_that_cannot_be_read_leave_the_writers_unknown(portal: ConnectedPortal) -> None:
    portal.api.fail("modified", TemporaryError("later"))
    finding = findings(portal)["writers"]
    assert finding.result is CheckResult.WARNING
    assert finding.message == "could not be checked: later"


def test_a_closed_stage_that_is_neither_won_nor_lost_is_named_and_no_other(
    portal: ConnectedPortal,
) -> None:
    info = portal.api.portal_info
    (pipeline,) = info.pipelines
    odd_stage = replace(pipeline.stages[-1], label="Parked", is_closed=True, probability=0.5)
    for stages, is_named in ((pipeline.stages[:-1], False), ((odd_stage,), True)):
        odd_pipeline = replace(pipeline, stages=stages)
        portal.api.portal_info = replace(info, pipelines=(odd_pipeline,))
        finding = findings(portal).get("odd stages")
        assert (finding is not None and "Sales Pipeline: Parked" in finding.message) is is_named
        assert finding is None or finding.result is CheckResult.WARNING


def test_workflows_that_cannot_be_read_are_unknown(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, *, pages: int | None) -> WorkflowsResult:
        raise TemporaryError("later")

    monkeypatch.setattr(type(portal.api), "workflows", fail)
    finding = findings(portal)["workflows"]
    assert finding.result is CheckResult.WARNING
    assert finding.message == "could not be checked: later"


def test_a_clear_before_another_value_is_one_move(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow = Workflow(
        id="7",
        name="Back",
        object_type=ObjectType.CONTACTS,
        set_values=((STAGE, ""), (STAGE, "lead"), (STATUS, ""), ("jobtitle", "x")),
    )
    result = WorkflowsResult(workflows=(workflow,))
    monkeypatch.setattr(type(portal.api), "workflows", lambda _, pages: result)
    policy = load_policy("extends: standard", source="test.yaml", preset_text=policy_text)
    messages = [
        finding.message
        for finding in check(portal.api, policy, portal_id="1")
        if finding.name == "workflow 7"
    ]
    assert [message.partition(":")[0] for message in messages] == [
        "Back (contacts) sets lifecyclestage to lead",
        "Back (contacts) clears hs_lead_status",
    ]


def test_what_fails_for_a_moment_leaves_the_other_sections_as_they_are(
    portal: ConnectedPortal,
) -> None:
    portal.api.fail("changed", TemporaryError("later"))
    by_name = findings(portal)
    assert by_name["read contacts"].result is CheckResult.WARNING
    assert by_name["read contacts"].message == "could not be checked: later"
    assert by_name["read companies"].result is CheckResult.OK
    assert by_name["policy"].result is CheckResult.OK
    assert "writers of lifecyclestage" in by_name


def test_definitions_that_fail_for_a_moment_leave_the_policy_unknown_and_nothing_else(
    portal: ConnectedPortal,
) -> None:
    portal.api.fail("portal", TemporaryError("later"))
    by_name = findings(portal)
    assert by_name["definitions"].message == "could not be checked: later"
    assert by_name["policy"].result is CheckResult.WARNING
    assert by_name["token"].result is CheckResult.OK
    assert by_name["read deals"].result is CheckResult.OK
    assert by_name["write companies"].result is CheckResult.OK


def test_a_clock_that_cannot_be_read_leaves_the_other_sections_as_they_are(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([BadAnswer("HubSpot's answers have no date")])

    def now(_: object) -> datetime:
        for error in answers:
            raise error
        return START

    monkeypatch.setattr(type(portal.api), "now", now)
    by_name = findings(portal)
    assert by_name["clock"].message == "could not be checked: HubSpot's answers have no date"
    assert by_name["read contacts"].result is CheckResult.OK


def test_a_scope_that_is_missing_is_named_with_what_it_is_for(portal: ConnectedPortal) -> None:
    scopes = frozenset(NEEDED) - {"crm.objects.companies.write"}
    portal.api.token = TokenInfo(kind=TokenKind.STATIC, scopes=scopes)
    finding = findings(portal)["scopes"]
    assert finding.result is CheckResult.WARNING
    assert finding.message == (
        "private app or service key; it lacks `crm.objects.companies.write` (for correcting "
        "companies): add them in the app's settings in HubSpot"
    )


def test_scopes_that_may_be_missing_are_named_with_what_they_are_for(
    portal: ConnectedPortal,
) -> None:
    portal.api.token = TokenInfo(kind=TokenKind.STATIC, scopes=frozenset(NEEDED) | {"automation"})
    finding = findings(portal)["scopes"]
    assert finding.result is CheckResult.OK
    assert "it has all 5 scopes that are needed; it works without" in finding.message
    assert "`crm.objects.owners.read` (for proposing" in finding.message
    assert "automation" not in finding.message


def test_scopes_are_unknown_where_hubspot_does_not_tell_them(portal: ConnectedPortal) -> None:
    portal.api.token = TokenInfo(kind=TokenKind.OAUTH)
    finding = findings(portal)["scopes"]
    assert finding.message.startswith("OAuth app; unknown, HubSpot does not tell them")
    portal.api.fail("token", TemporaryError("later"))
    finding = findings(portal)["scopes"]
    assert finding.message.startswith("unknown, HubSpot does not tell them now (later)")
    assert finding.result is CheckResult.OK
