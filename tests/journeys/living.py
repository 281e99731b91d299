"""A daemon in a process of its own, beside a portal that lives and tells of it by webhook."""

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

from connector.sandbox.portal import Portal
from tests.journeys import cast, killing
from tests.journeys.bench import Bench

SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
POLICY = "extends: standard\nname: open\nsettings: {limits: {always: 100000, canary: 100000}}\n"
PATIENCE = 90.0


@dataclass
class Daemon:
    """`connector run` on a bench; it can be killed, and started again."""

    bench: Bench
    port: int
    child: killing.Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.child = killing.start(self.bench, "run")

    def kill(self) -> None:
        assert self.child
        self.child.kill()

    def stop(self) -> int:
        """Tell it to stop; return its exit code."""
        assert self.child
        self.child.signal(signal.SIGTERM)
        return self.child.wait()

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(self.url + path, timeout=5) as answer:  # loopback only
                return answer.status, answer.read().decode()
        except URLError as error:
            code = getattr(error, "code", 0)
            return code, error.read().decode() if code else str(error)  # type: ignore[attr-defined]  # an HTTPError has it

    def log(self) -> str:
        return (self.bench.folder / "err").read_text(encoding="utf-8")


@contextmanager
def daemon(bench: Bench, **more: str) -> Iterator[Daemon]:
    """Set up a daemon, and leave none behind."""
    port = free_port()
    policy = bench.folder / "policy.yaml"
    policy.write_text(POLICY, encoding="utf-8")
    bench.more = {
        "CONNECTOR_LISTEN": f"127.0.0.1:{port}",
        "CONNECTOR_POLL_SECONDS": "1",
        "CONNECTOR_RECHECK_SECONDS": "0.1,0.3",
        "CONNECTOR_WRITES": "apply",
        "CONNECTOR_POLICY": str(policy),
        "CONNECTOR_LOG_FORMAT": "json",
        "HUBSPOT_WEBHOOK_SECRET": SECRET,
        "CONNECTOR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        **more,
    }
    running = Daemon(bench, port)
    try:
        yield running
    finally:
        if running.child and running.child.process.is_alive():
            running.kill()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


class Life:
    """What people do in a portal, at random; the same seed does the same in another portal.

    Only what leads to the same end whether each step is seen or only the last one: no lost
    deals, and one kind of form.
    """

    def __init__(self, portal: Portal, seed: int) -> None:
        self.portal = portal
        self.dice = Random(seed)
        self.contacts = [cast.contact(portal, f"c{number}", "lead") for number in range(40)]
        self.companies = [cast.company(portal, f"Fjord {n} AS", "lead") for n in range(10)]
        self.deals: list[str] = []
        self.bin: list[str] = []

    def go_on(self) -> None:
        """Let one thing happen."""
        about_deals = [self._deal, self._deal, self._win, self._win, self._reopen, self._link]
        about_contacts = [self._demo, self._archive, self._restore, self._merge]
        self.dice.choice([*about_deals, *about_contacts])()

    def stages(self) -> dict[str, tuple[str, str]]:
        """Return stage and lead status of everybody, by kind and id."""
        return {
            f"{kind}/{one.id}": (
                one.values.get("lifecyclestage", ""),
                one.values.get("hs_lead_status", ""),
            )
            for kind in ("contacts", "companies")
            for one in self.portal.records(kind)
        }

    def _demo(self) -> None:
        cast.fill_in(self.portal, self.dice.choice(self.contacts), cast.DEMO)

    def _deal(self) -> None:
        given = {"dealname": "Solceller", "pipeline": "default", "dealstage": cast.OPEN}
        made = self.portal.create("deals", given)
        self.portal.associate("deals", made, "contacts", self.dice.choice(self.contacts))
        company = self.dice.choice(self.companies)
        self.portal.associate("deals", made, "companies", company, primary=True)
        self.deals.append(made)

    def _win(self) -> None:
        if self.deals:
            self.portal.edit("deals", self.dice.choice(self.deals), {"dealstage": cast.WON})

    def _reopen(self) -> None:
        if self.deals:
            self.portal.edit("deals", self.dice.choice(self.deals), {"dealstage": cast.OPEN})

    def _link(self) -> None:
        if self.deals:
            one, other = self.dice.choice(self.deals), self.dice.choice(self.contacts)
            self.portal.associate("deals", one, "contacts", other)

    def _archive(self) -> None:
        if len(self.contacts) > 25:
            gone = self.contacts.pop(self.dice.randrange(len(self.contacts)))
            self.portal.archive("contacts", gone)
            self.bin.append(gone)

    def _restore(self) -> None:
        if self.bin:
            back = self.bin.pop()
            self.portal.restore("contacts", back)
            self.contacts.append(back)

    def _merge(self) -> None:
        if len(self.contacts) > 30:
            one, other = self.dice.sample(self.contacts, 2)
            survivor = self.portal.merge("contacts", one, other)
            self.contacts = [each for each in self.contacts if each not in {one, other}]
            self.contacts.append(survivor)
