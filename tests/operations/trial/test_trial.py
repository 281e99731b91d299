"""A trial finds how a portal behaves, writes nowhere else, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.core.model import ObjectType, Ref
from connector.errors import UserError
from connector.hubspot.client import HubSpotClient
from connector.hubspot.http.retry import RetryLimits
from connector.hubspot.http.routes import Route
from connector.operations.trial import trial
from connector.operations.trial.assumption import UNKNOWN
from connector.operations.trial.assumptions import ASSUMPTIONS
from connector.operations.trial.clean import Cleaning, archive_created, remove_all
from connector.operations.trial.open_trial import close_trial, last_trial, open_trial
from connector.operations.trial.trial_records import DOMAIN, MARK
from connector.sandbox.http.call import Request
from connector.sandbox.http.faults import Fault
from connector.sandbox.http.server import Sandbox
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.switches import UNCERTAIN
from state import checkpoints, portals
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

    @property
    def is_open(self) -> bool:
        with self.store.reading(str(self.portal.portal_id)) as session:
            return bool(open_trial(session))

    def last_document(self) -> dict[str, Any]:
        with self.store.reading(str(self.portal.portal_id)) as session:
            return last_trial(session)

    def run(self) -> dict[str, str]:
        account = self.client.account()
        trial.require_test_account(account, "")
        self.result = trial.run_trial(
            self.client,
            self.store,
            account,
            wait=self.portal.clock.advance,
            token="t1",
            version="1.2",
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
        assert account.last_document() == account.result.document()
        assert account.marked() == []
        assert not account.is_open


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
            patch.setattr(trial, "archive_created", lambda *_: Cleaning())
            account.run()
        account.sandbox.after_answer = None
        assert len(account.marked()) > 20
        assert remove_all(account.client).removed > 20
        writes = [number for number, request in enumerate(requests, 1) if is_write(request)]
        for number in writes:
            kill_at(account, monkeypatch, number, moment)
            assert account.run_killed
            assert remove_all(account.client).is_complete
            close_trial(store, str(account.portal.portal_id))
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

    def cleaning_of_a_dead_process(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(HubSpotClient, "ask", dying_ask)
    monkeypatch.setattr(trial, "_clean", cleaning_of_a_dead_process)
    account.run_killed = False
    try:
        account.run()
    except Killed:
        account.run_killed = True
    finally:
        monkeypatch.undo()
    assert account.is_open


@pytest.mark.network
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_its_records_are_removed_and_cleaned_nothing_is_left(
    store: Store, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with open_account(store) as account:
        # The contacts, the companies and the deals are archived in one request each.
        for number in (1, 2, 3):
            with monkeypatch.context() as patch:

                def dying_removal(client: HubSpotClient, created: Any) -> Cleaning:
                    die_at_archive(patch, number, moment)  # noqa: B023 - called in this round
                    return archive_created(client, created)

                patch.setattr(trial, "archive_created", dying_removal)
                with pytest.raises(Killed):
                    account.run()
            assert account.is_open
            if account.marked():
                with monkeypatch.context() as patch:
                    die_at_archive(patch, 1, moment)
                    with pytest.raises(Killed):
                        remove_all(account.client)
            assert remove_all(account.client).is_complete
            close_trial(store, str(account.portal.portal_id))
            assert account.marked() == []
            assert len(account.portal.records("contacts")) == 2
            assert len(account.portal.records("companies")) == 1


def die_at_archive(patch: pytest.MonkeyPatch, number: int, moment: str) -> None:
    """Let the process die before or after so many requests that archive, from now on."""
    count = 0
    ask: Callable[..., Any] = HubSpotClient.ask

    def dying_ask(self: HubSpotClient, route: Route, *arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += route is Route.ARCHIVE
        if count < number:
            return ask(self, route, *arguments, **options)
        if moment == "after":
            ask(self, route, *arguments, **options)
        raise Killed

    patch.setattr(HubSpotClient, "ask", dying_ask)


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
        assert remove_all(account.client).removed == 2
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


@pytest.mark.network
@pytest.mark.parametrize("kind", ["502", "truncated", "empty"])
@pytest.mark.parametrize(
    ("route", "nth"), [("batch_create", 4), ("batch_create", 19), ("merge", 1)]
)
def test_records_whose_answer_was_lost_are_removed_too(
    store: Store, route: str, nth: int, kind: str
) -> None:
    with open_account(store) as account:
        account.sandbox.faults.add(Fault(kind=kind, route=route, nth=nth, when="after"))
        account.run()
        assert account.sandbox.faults.injected == [f"{route} {kind} after"]
        assert account.marked() == []
        assert account.result.left == 0
        assert account.result.needs_action
        assert len(account.portal.records("contacts")) == 2


@pytest.mark.network
def test_where_an_answer_was_lost_and_the_portal_cannot_be_listed_the_trial_stays_open(
    store: Store,
) -> None:
    with open_account(store) as account:
        account.sandbox.faults.add(Fault(kind="502", route="batch_create", nth=4, when="after"))
        account.sandbox.faults.add(Fault(kind="502", route="list", nth=3, times=0))
        account.run()
        assert account.marked()
        assert account.is_open
        assert account.result.needs_action
        account.sandbox.faults.clear()
        assert remove_all(account.client).is_complete
        assert account.marked() == []


@pytest.mark.network
def test_a_company_that_hubspot_made_for_a_contact_is_removed(store: Store) -> None:
    with open_account(store, company_of_domain=True) as account:
        account.run()
        companies = account.portal.tables["companies"].records.values()
        (made,) = [c for c in companies if c.values.get("domain") == DOMAIN]
        assert made.archived_at is not None
        assert account.result.left == 0
        assert account.result.linked == ()
        assert not account.is_open


@pytest.mark.network
def test_a_company_that_is_linked_and_not_the_trials_is_named_and_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_account(store) as account:
        foreign = account.portal.records("companies")[0].id

        def linking_probe(records: Any) -> Iterator[tuple[str, str]]:
            (contact,) = records.create(ObjectType.CONTACTS, {})
            records.link(contact, Ref(ObjectType.COMPANIES, str(foreign)), primary=True)
            yield "null-clears", "yes"

        monkeypatch.setattr(trial, "PROBES", ((linking_probe, ("null-clears",)),))
        account.run()
        assert account.result.linked == (f"companies/{foreign}",)
        assert account.result.needs_action
        assert [record.id for record in account.portal.records("companies")] == [foreign]


@pytest.mark.network
@pytest.mark.parametrize("kind", ["400-bare", "502", "403"])
def test_what_hubspot_does_not_archive_is_counted_as_left(store: Store, kind: str) -> None:
    with open_account(store) as account:
        account.sandbox.faults.add(Fault(kind=kind, route="batch_archive", times=0))
        account.run()
        assert account.result.left == len(account.marked()) > 20
        assert account.is_open
        cleaning = remove_all(account.client)
        assert cleaning.removed == 0
        assert len(cleaning.left) == len(account.marked())
        assert not cleaning.is_complete
        assert cleaning.problems


@pytest.mark.network
def test_what_cannot_be_read_is_left_and_stops_no_other(store: Store) -> None:
    with open_account(store) as account:
        marked = account.portal.create("contacts", {"lastname": f"{MARK}-x"})
        odd = account.portal.create("contacts", {"lastname": f"{MARK}-y"})
        company = account.portal.create("companies", {"name": f"{MARK}-z"})
        account.portal.switches.odd_records = {f"contacts/{odd}": "no-modified-at"}
        cleaning = remove_all(account.client)
        assert account.marked() == [f"contacts/{odd}"]
        assert cleaning.left == {Ref(ObjectType.CONTACTS, str(odd))}
        assert cleaning.removed == len({marked, company})
        assert not cleaning.is_complete


@pytest.mark.network
def test_a_list_that_does_not_advance_ends_with_a_problem(store: Store) -> None:
    with open_account(store) as account:
        for number in range(220):
            account.portal.create("contacts", {"lastname": f"N{number}"})
        account.portal.create("companies", {"name": f"{MARK}-z"})
        account.sandbox.faults.add(Fault(kind="standing-cursor", route="list", nth=2, times=0))
        cleaning = remove_all(account.client)
        assert any("do not advance" in problem for problem in cleaning.problems)


@pytest.mark.network
@pytest.mark.parametrize("failure", [KeyError("results"), TypeError("null"), ValueError("odd")])
def test_an_odd_answer_leaves_one_probe_unknown_and_the_trial_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def odd(_: object) -> Iterator[tuple[str, str]]:
        yield "clear-refused", "cleared"
        raise failure

    probes = ((odd, ("clear-refused", "gap-filled")), trial.PROBES[0])
    monkeypatch.setattr(trial, "PROBES", probes)
    with open_account(store) as account:
        seen = account.run()
        assert seen["clear-refused"] == "cleared"
        assert seen["gap-filled"] == UNKNOWN
        assert seen["read-lag"] == "no"
        assert account.result.needs_action
        assert account.marked() == []


@pytest.mark.network
def test_what_was_seen_is_kept_where_removing_fails(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trial, "PROBES", trial.PROBES[:1])
    monkeypatch.setattr(trial, "archive_created", failing)
    with open_account(store) as account:
        with pytest.raises(KeyboardInterrupt):
            account.run()
        document = account.last_document()
        assert {item["name"]: item["seen"] for item in document["assumptions"]}["read-lag"] == "no"
        assert document["records"]["left"] == 1
        assert account.is_open


@pytest.mark.network
def test_a_scope_that_is_missing_is_a_failure_and_no_message_of_hubspot_is_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "PROBES", (trial.PROBES[0], trial.PROBES[6]))
    with open_account(store) as account:
        account.portal.switches.scopes -= {"crm.objects.contacts.write"}
        account.run()
        notes = {item.name: item for item in account.result.observations}
        assert notes["null-clears"].is_failure
        assert "crm.objects.contacts.write" in notes["null-clears"].note
        assert account.result.needs_action
        assert not account.is_open


@pytest.mark.network
def test_a_second_trial_is_refused_while_one_is_open_before_its_first_write(store: Store) -> None:
    with open_account(store) as account:
        with store.begin(str(account.portal.portal_id)) as session:
            checkpoints.put(session, "trial-open", "t0")
        with pytest.raises(UserError, match="--clean"):
            account.run()
        assert account.sandbox.write_requests() == []


@pytest.mark.network
def test_a_trial_puts_no_portal_into_the_database(store: Store) -> None:
    with open_account(store) as account:
        account.run()
    with store.reading_all_portals() as session:
        assert portals.ids(session) == ()
