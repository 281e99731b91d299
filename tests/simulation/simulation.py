"""Play a story: a portal, its people, the connector, its machine and its operator, on one clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import orjson

from connector.core.corrections.holds import Hold, HoldScope
from connector.errors import ConnectorError
from connector.hubspot.codec.webhook_events import parse_delivery
from connector.operations.holds import add_hold, remove_holds
from connector.operations.sync import sync
from connector.operations.undo import Selection, plan_undo, undo
from connector.push.pause import pause, resume
from connector.sandbox.http.faults import Fault
from connector.sandbox.http.served_portal import ServedPortal
from connector.sandbox.portal.clock import Clock
from connector.sandbox.portal.portal import Portal
from connector.sandbox.portal.record import Record
from state import outbox, webhook_inbox
from state.db.store import Store
from tests.fakes.rescan import rescan_all
from tests.simulation.connector_process import POLICIES, ConnectorProcess, KilledError
from tests.simulation.promises import STAGE, STATUS, Promises
from tests.simulation.story import Step

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
STAGES = ("", "subscriber", "lead", "salesqualifiedlead", "opportunity", "customer", "evangelist")
STATUSES = ("", "NEW", "CONNECTED", "OPEN_DEAL", "BAD_TIMING", "UNQUALIFIED")
DEAL_STAGES = ("appointmentscheduled", "contractsent", "closedwon", "closedlost")
FORMS = ("Book a demo", "Newsletter: Sign up", "E-book: Seven ways", "Contact sales")
PERSON_SOURCES = ("CRM_UI", "MOBILE_IOS")
FAULT_KINDS = ("500", "502", "429-secondly", "reset", "truncated", "207", "423", "html", "ignore")
FAULT_ROUTES = ("batch_update", "batch_read", "search", "associations", "list")
MAX_CONTACTS, MAX_DEALS = 24, 24
_MAX_POLLS = 10
_EMPTY_FOLDER = TemporaryDirectory(prefix="connector-simulation-")


class Simulation:
    """One portal with one connector; each method named as a kind of step plays that step.

    The two numbers of a step choose records and values among those that there are at the time, so
    that a story stays playable when steps are left out.
    """

    def __init__(self, folder: Path) -> None:
        self.portal = Portal(clock=Clock(START, running=False))
        self.served = ServedPortal(self.portal, "pat-eu1-simulated")
        shutil.copy(_empty_database(), folder / "connector.db")
        self.process = ConnectorProcess(self.served, folder / "connector.db")
        self.promises = Promises(self.portal)
        self._events: list[dict[str, object]] = []
        self._delivered_share = 1.0
        self._chance = Random(0)
        self.portal.switches.native_deal_created = "opportunity"
        self._archived: list[str] = []
        for number in range(8):
            self.create_contact(number, number)
            self.create_deal(number, number)
        self.portal.clock.advance(3600)
        self._quiesce()
        self.portal.listeners.append(self._events.append)

    def play(self, step: Step) -> None:
        """Play one step with the daemon's cycles that follow it; raise AssertionError if broken."""
        self._chance = Random(f"{step.first}/{step.second}")
        action: Callable[[int, int], None] = getattr(self, step.kind)
        action(step.first, step.second)
        self.portal.clock.advance(60)
        self._cycle()
        self.portal.clock.advance(3600 * step.hours)
        self._cycle()

    def end(self) -> None:
        """End all faults and all edits: the connector must finish, and the promises hold."""
        self._quiesce()
        self._assert_none(self.promises.broken_after_a_good_cycle())
        context = self.process.open_context(permitted=True)
        assert context is not None
        rescan_all(context)
        self._assert_none(self.promises.mirror_differences(context.store))
        self._assert_none(self.promises.audit_differences(context.store))
        self.process.stop()

    # The connector's turn

    def _cycle(self) -> None:
        self._deliver_events()
        faults_before = len(self.served.faults.injected)
        succeeded = self.process.run_cycle()
        self.portal.records("deals")  # lets the portal's own automations act that are due
        self._assert_none(self.promises.broken_at_any_time())
        undisturbed = len(self.served.faults.injected) == faults_before
        if succeeded and undisturbed and not self._open_moves():
            self._assert_none(self.promises.broken_after_a_good_cycle())

    def _open_moves(self) -> bool:
        context = self.process.started
        if context is None:
            return True
        with context.reading() as session:
            return bool(outbox.open_moves(session))

    def _deliver_events(self) -> None:
        """Deliver what webhooks carry: some lost, some twice, in no order."""
        events = [event for event in self._events if self._chance.random() < self._delivered_share]
        self._events.clear()
        self._chance.shuffle(events)
        context = self.process.started
        if not events or context is None:
            return
        body = orjson.dumps([*events, *events[: len(events) // 3]][:100])
        delivery = parse_delivery(body, str(self.portal.portal_id))
        with suppress(ConnectorError, KilledError), context.begin() as session:
            webhook_inbox.put(session, delivery.events, at=self.portal.clock.now())

    def _quiesce(self) -> None:
        """Heal everything, and poll until there is nothing left to correct."""
        self._heal_everything()
        for _ in range(_MAX_POLLS):
            self.portal.clock.advance(3600)
            context = self.process.open_context(permitted=True)
            if context is None:
                continue
            self.promises.permitted_at = self.portal.clock.ms()
            self.portal.records("deals")
            try:
                result = sync(context)
            except ConnectorError as error:
                last_error: object = error
                continue
            last_error = result.plan.summary
            if not result.plan.summary.corrections and not self._open_moves():
                return
        raise AssertionError(f"it does not come to rest in {_MAX_POLLS} polls: {last_error}")

    def _heal_everything(self) -> None:
        self.process.machine.disk_is_full = False
        self.process.machine.steps_left = None
        self.heal(0, 0)
        self.resume(0, 0)
        for name in list(self.promises.held_since):
            self._release(name)

    @staticmethod
    def _assert_none(broken: list[str]) -> None:
        assert not broken, "; ".join(broken)

    # What people, imports and workflows do

    def _pick(self, object_type: str, number: int) -> Record | None:
        records = self.portal.records(object_type)
        return records[number % len(records)] if records else None

    def _pick_contact_or_company(self, number: int) -> Record | None:
        return self._pick("contacts" if number % 4 else "companies", number // 4)

    def _write(self, record: Record | None, name: str, value: str, source: str) -> None:
        if record is None or (name == STATUS and record.object_type.name != "contacts"):
            return
        object_type, record_id = record.object_type.name, str(record.id)
        if source in PERSON_SOURCES:
            self.portal.edit(object_type, record_id, {name: value}, source=source)
        elif source == "AUTOMATION_PLATFORM":
            # A workflow may clear a stage, and else only move it forward.
            self.portal.api_update(
                object_type, record_id, {name: value}, source=source, source_id="enrollmentId:1"
            )
        else:
            self.portal.api_update(
                object_type, record_id, {name: value}, source=source, source_id="40000001"
            )

    def edit_stage(self, first: int, second: int) -> None:
        stage = STAGES[second % len(STAGES)]
        source = PERSON_SOURCES[second % 2]
        self._write(self._pick_contact_or_company(first), STAGE, stage, source)

    def edit_status(self, first: int, second: int) -> None:
        status = STATUSES[second % len(STATUSES)]
        self._write(self._pick("contacts", first), STATUS, status, PERSON_SOURCES[second % 2])

    def workflow_writes(self, first: int, second: int) -> None:
        name, values = (STAGE, STAGES) if second % 2 else (STATUS, STATUSES)
        value = values[second // 2 % len(values)]
        self._write(self._pick_contact_or_company(first), name, value, "AUTOMATION_PLATFORM")

    def workflow_clears_and_sets(self, first: int, second: int) -> None:
        record = self._pick_contact_or_company(first)
        if record is not None:
            stage = STAGES[1 + second % (len(STAGES) - 1)]
            self.portal.clear_and_set(record.object_type.name, str(record.id), stage, minutes=5)

    def import_writes(self, first: int, second: int) -> None:
        stage = STAGES[1 + second % (len(STAGES) - 1)]
        self._write(self._pick_contact_or_company(first), STAGE, stage, "IMPORT")

    def fill_form(self, first: int, second: int) -> None:
        contact = self._pick("contacts", first)
        if contact is None:
            return
        properties = {
            "recent_conversion_event_name": FORMS[second % len(FORMS)],
            "recent_conversion_date": self.portal.clock.now().isoformat(),
            "num_conversion_events": str(int(contact.values.get("num_conversion_events") or 0) + 1),
        }
        self.portal.edit("contacts", str(contact.id), properties, source="FORM", source_id="")

    def create_contact(self, first: int, second: int) -> None:
        if len(self.portal.records("contacts")) >= MAX_CONTACTS:
            return
        stage = STAGES[first % len(STAGES)]
        contact_id = self.portal.create("contacts", {STAGE: stage})
        if second % 2:
            company_id = self.portal.create("companies", {STAGE: "lead"})
            self.portal.associate("contacts", contact_id, "companies", company_id, primary=True)

    def create_deal(self, first: int, second: int) -> None:
        contact = self._pick("contacts", first)
        if contact is None or len(self.portal.records("deals")) >= MAX_DEALS:
            return
        stage = DEAL_STAGES[second % len(DEAL_STAGES)]
        deal_id = self.portal.create("deals", {"dealstage": stage, "pipeline": "default"})
        self.portal.associate("deals", deal_id, "contacts", str(contact.id))
        for company_id in list(self.portal.links.of("contacts", contact.id, "companies")):
            self.portal.associate("deals", deal_id, "companies", str(company_id), primary=True)

    def move_deal(self, first: int, second: int) -> None:
        deal = self._pick("deals", first)
        if deal is not None:
            stage = DEAL_STAGES[second % len(DEAL_STAGES)]
            self.portal.edit("deals", str(deal.id), {"dealstage": stage})

    def link_deal(self, first: int, second: int) -> None:
        deal, contact = self._pick("deals", first), self._pick("contacts", second)
        if deal is not None and contact is not None:
            self.portal.associate("deals", str(deal.id), "contacts", str(contact.id))

    def unlink_deal(self, first: int, second: int) -> None:
        deal = self._pick("deals", first)
        links = self.portal.links.of("deals", deal.id, "contacts") if deal else {}
        contact_ids = [
            record.id for record in self.portal.records("contacts") if record.id in links
        ]
        if deal is not None and contact_ids:
            contact_id = contact_ids[second % len(contact_ids)]
            self.portal.dissociate("deals", str(deal.id), "contacts", str(contact_id))

    def archive_contact(self, first: int, _: int) -> None:
        contact = self._pick("contacts", first)
        if contact is not None and len(self.portal.records("contacts")) > 4:
            self._archived.append(str(contact.id))
            self.portal.archive("contacts", str(contact.id))

    def restore_contact(self, first: int, _: int) -> None:
        if self._archived:
            contact_id = self._archived.pop(first % len(self._archived))
            self.portal.restore("contacts", contact_id)

    def merge_contacts(self, first: int, second: int) -> None:
        contacts = self.portal.records("contacts")
        primary, merged = contacts[first % len(contacts)], contacts[second % len(contacts)]
        if primary.id != merged.id and len(contacts) > 4:
            for record in (primary, merged):
                self.promises.held_since.pop(f"contacts/{record.id}", None)
            self.portal.merge("contacts", str(primary.id), str(merged.id))

    def edit_during_cycle(self, first: int, second: int) -> None:
        """Let somebody edit just before one of the next requests is answered."""
        requests_left = 1 + first % 12
        edit = (self.edit_stage, self.edit_status, self.workflow_writes, self.move_deal)[second % 4]

        def count_request(_: object) -> None:
            nonlocal requests_left
            requests_left -= 1
            if requests_left == 0:
                self.served.before_answer = None
                edit(second, first)

        self.served.before_answer = count_request

    # What HubSpot and the network do

    def fault(self, first: int, second: int) -> None:
        kind = FAULT_KINDS[first % len(FAULT_KINDS)]
        route = FAULT_ROUTES[second % len(FAULT_ROUTES)]
        when = ("before", "after")[first % 2]
        times = 1 + second % 4
        self.served.faults.add(Fault(kind=kind, route=route, when=when, times=times))

    def poison_record(self, first: int, second: int) -> None:
        record = self._pick_contact_or_company(first)
        if record is None:
            return
        name = f"{record.object_type.name}/{record.id}"
        writes = ({STAGE: ""}, {STAGE: "*"}, {}, {})[second % 4]
        route = ("batch_update", "batch_update", "batch_update", "batch_read")[second % 4]
        kind = ("500", "400")[second // 4 % 2]
        self.served.faults.add(Fault(kind=kind, route=route, ids=[name], writes=writes))

    def slow_index(self, first: int, _: int) -> None:
        self.portal.switches.search_lag_seconds = (0.0, 6.0, 120.0, 900.0)[first % 4]

    def short_pages(self, first: int, _: int) -> None:
        self.portal.switches.search_pages = ("full", "short", "hole", "empty")[first % 4]

    def heal(self, _first: int, _second: int) -> None:
        self.served.faults.clear()
        self.served.before_answer = None
        self.portal.switches.search_lag_seconds = 0.0
        self.portal.switches.search_pages = "full"

    def webhooks(self, first: int, _: int) -> None:
        self._delivered_share = (1.0, 0.7, 0.0)[first % 3]

    # The machine

    def kill(self, first: int, _: int) -> None:
        self.process.machine.steps_left = first % 60

    def restart(self, _first: int, _second: int) -> None:
        self.process.stop()

    def fill_disk(self, _first: int, _second: int) -> None:
        self.process.machine.disk_is_full = True

    def free_disk(self, _first: int, _second: int) -> None:
        self.process.machine.disk_is_full = False

    # The operator

    def edit_policy(self, first: int, _: int) -> None:
        self.process.stop()
        self.process.policy = first % len(POLICIES)

    def pause(self, _first: int, _second: int) -> None:
        self._operate(
            lambda store: pause(
                store, str(self.portal.portal_id), at=self.portal.clock.now(), reason=""
            )
        )

    def resume(self, _first: int, _second: int) -> None:
        self._operate(lambda store: resume(store, str(self.portal.portal_id)))

    def _operate(self, action: Callable[[Store], object]) -> bool:
        context = self.process.open_context()
        if context is None:
            return False
        try:
            action(context.store)
        except KilledError:
            self.process.stop()
            return False
        except ConnectorError:
            return False
        return True

    def hold(self, first: int, _: int) -> None:
        record = self._pick_contact_or_company(first)
        context = self.process.open_context()
        if record is None or context is None or self._open_moves():
            return
        name = f"{record.object_type.name}/{record.id}"
        new_hold = Hold(
            scope=HoldScope.RECORD,
            target=name,
            property_name="",
            reason="the operator decides",
            by="operator",
            since=self.portal.clock.now(),
        )
        if self._operate(lambda _store: add_hold(context, new_hold)):
            self.promises.held_since[name] = self.portal.clock.ms()

    def release(self, first: int, _: int) -> None:
        names = sorted(self.promises.held_since)
        if names:
            self._release(names[first % len(names)])

    def _release(self, name: str) -> None:
        context = self.process.open_context()
        if context is not None and self._operate(
            lambda _store: remove_holds(context, HoldScope.RECORD, name, None)
        ):
            self.promises.held_since.pop(name, None)

    def undo(self, _first: int, _second: int) -> None:
        """Undo what was written within the last day; no limit stops an undo."""
        context = self.process.open_context()
        if context is None or self._open_moves():
            return
        since = datetime.fromtimestamp(self.portal.clock.ms() / 1000 - 86_400, UTC)
        self.promises.permitted_at = self.portal.clock.ms()
        self.promises.expect_undone_blanks(round(since.timestamp() * 1000))
        self._operate(lambda _store: undo(context, plan_undo(context, Selection(since=since))))

    def permit(self, _first: int, _second: int) -> None:
        """Let the operator apply whatever the plan holds."""
        context = self.process.open_context(permitted=True)
        if context is not None:
            self.promises.permitted_at = self.portal.clock.ms()
            self._operate(lambda _store: sync(context))


def _empty_database() -> Path:
    path = Path(_EMPTY_FOLDER.name) / "empty.db"
    if not path.exists():
        Store.open(f"sqlite:///{path}").close()
    return path
