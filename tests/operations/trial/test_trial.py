"""A trial finds how a portal behaves, writes nowhere else, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.errors import UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.retry import RetryLimits
from connector.operations.trial import trial
from connector.operations.trial.assumption import UNKNOWN
from connector.operations.trial.assumptions import ASSUMPTIONS
from connector.operations.trial.clean import remove_all
from connector.operations.trial.trial_records import MARK
from connector.sandbox.http.call import Request
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.switches import UNCERTAIN
from state.db.store import Store

START = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
# A switch that shows only where another one has a certain value.
SHOWS_WITH: dict[str, dict[str, object]] = {
    "backward_error_scope": {"backward_write": "error"},
    "native_sync_scope": {"native_company_sync": True},
    "native_sync_source": {"native_company_sync": True},
}
FAMILY_OF = {"write_validation_2026_09": "2026-09"}
# What is seen by another assumption, in the family that the switch is about.
SEEN_BY = {"write_validation_2026_09": "clear-refused"}


class Killed(BaseException):
    """The process is killed at a request."""


@dataclass
class TrialAccount:
    portal: Portal
    sandbox: Sandbox
    client: HubSpotClient
    store: Store
    run_killed: bool = False

    def run(self) -> dict[str, str]:
        account = self.client.account()
        trial.require_test_account(account, "")
        self.result = trial.run_trial(
            self.client,
            self.store,
            account,
            wait=self.portal.clock.advance,
            token="t1",
            versions={"connector": "1.2"},
        )
        return {item.name: item.seen for item in self.result.observations}

    def marked(self) -> list[str]:
        names = {"contacts": "lastname", "companies": "name", "deals": "dealname"}
        return [
            f"{kind}/{record.id}"
            for kind, name in names.items()
            for record in self.portal.records(kind)
            if record.values.get(name, "").startswith(MARK)
        ]


@contextmanager
def open_account(store: Store, family: str = "2026-03", **switches: object) -> Iterator[Any]:
    portal = Portal(clock=Clock(START, running=False))
    for name, value in {"account_type": "DEVELOPER_TEST", **switches}.items():
        portal.switches.put(name, value)
    portal.create("contacts", {"lastname": "Hansen", "email": "a@posten.example"})
    portal.create("contacts", {"lastname": "Olsen", "email": "b@posten.example"})
    portal.create("companies", {"name": "Posten"})
    with Sandbox(portal, token="pat-test") as sandbox:
        client = HubSpotClient(
            "pat-test",
            sandbox.url,
            family,
            wait=lambda _: None,
            monotonic=lambda: portal.clock.ms() / 1000,
            retry_limits=RetryLimits(tries=2),
        )
        yield TrialAccount(portal=portal, sandbox=sandbox, client=client, store=store)
        client.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'trial.db'}") as opened:
        yield opened


CASES = [
    (switch, value)
    for switch, values in UNCERTAIN.items()
    for value in values
    if any(item.switch == switch and item.tried for item in ASSUMPTIONS.values())
    or switch in SEEN_BY
]


def expected_seen(switch: str, value: object) -> str:
    name = SEEN_BY.get(switch) or next(
        item.name for item in ASSUMPTIONS.values() if item.switch == switch
    )
    known = {
        item.switch_value if not isinstance(item.switch_value, bool) else str(item.switch_value): (
            item.seen
        )
        for item in ASSUMPTIONS[name].reactions
    }
    return known.get(str(value) if isinstance(value, bool) else value, str(value))


@pytest.mark.network
@pytest.mark.parametrize(("switch", "value"), CASES)
def test_a_trial_finds_the_value_of_each_switch(store: Store, switch: str, value: object) -> None:
    switches = {**SHOWS_WITH.get(switch, {}), switch: value}
    with open_account(store, FAMILY_OF.get(switch, "2026-03"), **switches) as account:
        seen = account.run()
        name = SEEN_BY.get(switch) or next(
            item.name for item in ASSUMPTIONS.values() if item.switch == switch
        )
        assert seen[name] == expected_seen(switch, value)
        assert account.marked() == []
        assert len(account.portal.records("contacts")) == 2


@pytest.mark.network
@pytest.mark.parametrize("family", ["v3", "2026-03", "2026-09"])
def test_in_every_family_a_trial_sees_all_that_can_be_tried(store: Store, family: str) -> None:
    with open_account(store, family, native_company_sync=True) as account:
        seen = account.run()
        unknown = {name for name, text in seen.items() if text == UNKNOWN}
        assert unknown == {name for name, item in ASSUMPTIONS.items() if item.untried}
        assert seen["company-sync"] == "on"
        assert account.sandbox.request_count() <= trial.REQUESTS_AT_MOST
        assert account.result.left == 0
        assert trial.last_trial(store, str(account.portal.portal_id)) == account.result.document()


@pytest.mark.network
@pytest.mark.parametrize("account_type", ["STANDARD", "APP_DEVELOPER", "SOMETHING_NEW"])
def test_in_any_other_account_a_trial_is_refused_before_its_first_write(
    store: Store, account_type: str
) -> None:
    with open_account(store, account_type=account_type) as account:
        with pytest.raises(UserError, match=account_type):
            account.run()
        assert account.sandbox.write_requests() == []


def test_a_token_of_another_portal_is_refused(store: Store) -> None:
    with open_account(store) as account, pytest.raises(UserError, match="HUBSPOT_PORTAL_ID is 7"):
        trial.require_test_account(account.client.account(), "7")


@pytest.mark.network
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_any_request_and_cleaned_nothing_is_left(
    store: Store, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    # A killed process removes nothing: only `remove_all`, in the next one, does.
    with open_account(store, search_lag_seconds=6.0) as account:
        requests: list[Request] = []
        account.sandbox.after_answer = requests.append
        with monkeypatch.context() as patch:
            patch.setattr(trial, "archive_created", lambda *_: ())
            account.run()
        account.sandbox.after_answer = None
        assert len(account.marked()) > 20
        assert remove_all(account.client) > 20
        writes = [number for number, request in enumerate(requests, 1) if is_write(request)]
        for number in writes:
            kill_at(account, monkeypatch, number, moment)
            assert account.run_killed
            remove_all(account.client)
            assert account.marked() == []
            assert len(account.portal.records("contacts")) == 2
            assert len(account.portal.records("companies")) == 1


def is_write(request: Request) -> bool:
    return request.route in {"batch_create", "merge", "associate", "batch_archive"}


def kill_at(account: Any, monkeypatch: pytest.MonkeyPatch, number: int, moment: str) -> None:
    """Run a trial whose process dies at one request: nothing of it runs any more."""
    count = 0
    ask: Callable[..., Any] = HubSpotClient.ask

    def dying_ask(self: HubSpotClient, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        # The account, the definitions and the pipelines are six requests before the first probe.
        if count + 6 < number:
            return ask(self, *arguments, **options)
        if moment == "after" and count + 6 == number:
            ask(self, *arguments, **options)
        raise Killed

    monkeypatch.setattr(HubSpotClient, "ask", dying_ask)
    monkeypatch.setattr(trial, "archive_created", lambda *_: ())
    account.run_killed = False
    try:
        account.run()
    except Killed:
        account.run_killed = True
    finally:
        monkeypatch.undo()
    assert trial.open_trial(account.store, str(account.portal.portal_id)) == "t1"


@pytest.mark.network
def test_an_interrupted_trial_removes_its_records(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> Iterator[tuple[str, str]]:
        raise KeyboardInterrupt

    probes = (trial.PROBES[0], trial.PROBES[2], (interrupted, ()))
    monkeypatch.setattr(trial, "PROBES", probes)
    with open_account(store) as account:
        with pytest.raises(KeyboardInterrupt):
            account.run()
        assert account.sandbox.request_count("batch_create") == 2
        assert account.marked() == []


@pytest.mark.network
def test_cleaning_leaves_every_record_that_is_not_marked(store: Store) -> None:
    with open_account(store) as account:
        account.portal.create("contacts", {"lastname": "Zz-Connector", "email": "c@posten.example"})
        account.portal.create("companies", {"name": "Trial Oy", "domain": "trial.example.com"})
        marked = account.portal.create("contacts", {"lastname": f"{MARK}-x"})
        company = account.portal.create("companies", {"domain": "connector-trial.example.com"})
        assert remove_all(account.client) == 2
        left = [
            record.id
            for kind in ("contacts", "companies")
            for record in account.portal.records(kind)
        ]
        assert {int(marked), int(company)}.isdisjoint(left)
        assert len(left) == 5


@pytest.mark.network
def test_a_portal_that_lacks_what_a_probe_needs_leaves_it_unknown_with_the_reason(
    store: Store,
) -> None:
    with open_account(store) as account:
        account.portal.set_stages([("lead", "Lead"), ("customer", "Customer")])
        account.run()
        notes = {item.name: item.note for item in account.result.observations}
        assert notes["backward-write"] == "the portal has fewer than three stages"
        assert account.marked() == []
