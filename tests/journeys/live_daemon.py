"""Run a daemon in its own process, beside a portal that changes and sends webhooks."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.error import URLError
from urllib.request import urlopen

from connector.sandbox.portal.portal import Portal
from tests.journeys import kill_process, sample_records
from tests.journeys.workspace import Workspace

WEBHOOK_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
POLICY = "extends: standard\nname: open\nsettings: {limits: {always: 100000, canary: 100000}}\n"
TIMEOUT_SECONDS = 90.0


@dataclass
class Daemon:
    """`connector run` on a workspace; it can be killed, and started again."""

    workspace: Workspace
    port: int
    connector: kill_process.ConnectorProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.connector = kill_process.start(self.workspace, "run")

    def kill(self) -> None:
        assert self.connector
        self.connector.kill()

    def stop(self) -> int:
        """Tell it to stop; return its exit code."""
        assert self.connector
        self.connector.signal(signal.SIGTERM)
        return self.connector.wait()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(self.url + path, timeout=5) as answer:  # loopback only
                return answer.status, answer.read().decode()
        except URLError as error:
            code = getattr(error, "code", 0)
            return code, error.read().decode() if code else str(error)  # type: ignore[attr-defined]  # an HTTPError has it

    def read_log(self) -> str:
        return (self.workspace.folder / "err").read_text(encoding="utf-8")


@contextmanager
def prepare_daemon(workspace: Workspace, **overrides: str) -> Iterator[Daemon]:
    """Set up a daemon, and leave none behind."""
    port = free_port()
    policy = workspace.folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    workspace.overrides = {
        "CONNECTOR_LISTEN": f"127.0.0.1:{port}",
        "CONNECTOR_POLL_SECONDS": "1",
        "CONNECTOR_RECHECK_SECONDS": "0.1,0.3",
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_POLICY": str(policy),
        "CONNECTOR_LOG_FORMAT": "json",
        "HUBSPOT_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "CONNECTOR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        **overrides,
    }
    prepared = Daemon(workspace, port)
    try:
        yield prepared
    finally:
        if prepared.connector and prepared.connector.process.is_alive():
            prepared.kill()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float = TIMEOUT_SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def write_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


class PortalActivity:
    """What people do in a portal, at random; the same seed does the same in another portal.

    Only what leads to the same end whether each step is seen or only the last one: no lost
    deals, and one kind of form.
    """

    def __init__(self, portal: Portal, seed: int) -> None:
        self.portal = portal
        self.random = Random(seed)
        self.contacts = [
            sample_records.create_contact(portal, f"c{number}", "lead") for number in range(40)
        ]
        self.companies = [
            sample_records.create_company(portal, f"Fjord {number} AS", "lead")
            for number in range(10)
        ]
        self.deals: list[str] = []
        self.archived_contacts: list[str] = []

    def act_once(self) -> None:
        """Let one thing happen."""
        deal_actions = [
            self._create_deal,
            self._create_deal,
            self._win_deal,
            self._win_deal,
            self._reopen_deal,
            self._link_deal,
        ]
        contact_actions = [
            self._request_demo,
            self._archive_contact,
            self._restore_contact,
            self._merge_contacts,
        ]
        self.random.choice([*deal_actions, *contact_actions])()

    def stages(self) -> dict[str, tuple[str, str]]:
        """Return stage and lead status of everybody, by kind and id."""
        return {
            f"{object_type}/{record.id}": (
                record.values.get("lifecyclestage", ""),
                record.values.get("hs_lead_status", ""),
            )
            for object_type in ("contacts", "companies")
            for record in self.portal.records(object_type)
        }

    def _request_demo(self) -> None:
        sample_records.submit_form(
            self.portal, self.random.choice(self.contacts), sample_records.DEMO_FORM
        )

    def _create_deal(self) -> None:
        properties = {
            "dealname": "Solceller",
            "pipeline": "default",
            "dealstage": sample_records.OPEN,
        }
        deal_id = self.portal.create("deals", properties)
        self.portal.associate("deals", deal_id, "contacts", self.random.choice(self.contacts))
        company_id = self.random.choice(self.companies)
        self.portal.associate("deals", deal_id, "companies", company_id, primary=True)
        self.deals.append(deal_id)

    def _win_deal(self) -> None:
        if self.deals:
            self.portal.edit(
                "deals", self.random.choice(self.deals), {"dealstage": sample_records.WON}
            )

    def _reopen_deal(self) -> None:
        if self.deals:
            self.portal.edit(
                "deals", self.random.choice(self.deals), {"dealstage": sample_records.OPEN}
            )

    def _link_deal(self) -> None:
        if self.deals:
            deal_id, contact_id = self.random.choice(self.deals), self.random.choice(self.contacts)
            self.portal.associate("deals", deal_id, "contacts", contact_id)

    def _archive_contact(self) -> None:
        if len(self.contacts) > 25:
            contact_id = self.contacts.pop(self.random.randrange(len(self.contacts)))
            self.portal.archive("contacts", contact_id)
            self.archived_contacts.append(contact_id)

    def _restore_contact(self) -> None:
        if self.archived_contacts:
            contact_id = self.archived_contacts.pop()
            self.portal.restore("contacts", contact_id)
            self.contacts.append(contact_id)

    def _merge_contacts(self) -> None:
        if len(self.contacts) > 30:
            first, second = self.random.sample(self.contacts, 2)
            survivor = self.portal.merge("contacts", first, second)
            self.contacts = [
                contact_id for contact_id in self.contacts if contact_id not in {first, second}
            ]
            self.contacts.append(survivor)
