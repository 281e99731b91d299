"""Daemon and web in one process: what one learns, the other tells."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Final

import structlog

from connector import offline
from connector.alerts.alarms import Alarms
from connector.alerts.alert import Standing, alerts
from connector.alerts.channels import Channels
from connector.alerts.digest import Digest
from connector.alerts.handover import Handover, addresses
from connector.core.audit import AuditLine
from connector.core.event import Event
from connector.core.overlooked import Overlooked, terms_of
from connector.daemon.cycle import Rhythm
from connector.daemon.figures import figures, problems
from connector.daemon.ground import Ground
from connector.daemon.loop import Loop
from connector.daemon.settings import DaemonSettings
from connector.daemon.steps import Steps
from connector.daemon.stop import Stop
from connector.errors import ConnectorError
from connector.hubspot.signature import Signing
from connector.meters import Meters
from connector.offline import ClosedDoor, closed_desk
from connector.opening import Clockwork
from connector.overlooking import all_overlooked
from connector.settings import Settings
from connector.tracing import Tracing
from connector.web.app import create
from connector.web.front import Front
from connector.web.receiver import Receiver
from connector.web.server import serving
from state import inbox, mirror, outbox, strikes
from state.store import Store

LEAVE_SECONDS: Final = 8.0
"""After SIGTERM; containers are killed after ten, and what is open then is in the outbox."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The daemon's parts, put together and not yet at work."""

    loop: Loop
    receiver: Receiver
    channels: Sequence[Channels]
    front: Front


def put_together(
    read: Callable[[], Settings],
    daemon: DaemonSettings,
    store: Store,
    monotonic: Callable[[], float],
) -> Parts:
    """Put the daemon together; nothing is asked of HubSpot yet."""
    meters, channels = Meters(), Channels(daemon.alerts)
    loop = _loop(read, daemon, store, monotonic, meters)
    alarms = Alarms(store, channels.send, pause=timedelta(seconds=daemon.alert_seconds))
    digest = Digest(store, channels.send) if daemon.alerts else None
    loop.turned = lambda: _tell(loop, alarms, digest)
    named = {owner: Channels(each) for owner, each in addresses(daemon.handover).items()}
    handover = Handover({owner: each.send for owner, each in named.items()})
    loop.ended = lambda line: _ended(loop, line, meters, handover)
    receiver = Receiver(lambda events: _put(loop, events))
    meters.watch(lambda: figures(loop.ground))
    front = _front(loop, meters, receiver, daemon)
    every = (channels, *named.values())
    return Parts(loop=loop, receiver=receiver, channels=every, front=front)


def _loop(
    read: Callable[[], Settings],
    daemon: DaemonSettings,
    store: Store,
    monotonic: Callable[[], float],
    meters: Meters,
) -> Loop:
    stop, tracing = Stop(monotonic), Tracing()

    def noted(route: str, status: int, seconds: float) -> None:
        meters.answered(route, status, seconds)
        tracing.answered(route, status, seconds)

    work = Clockwork(wait=stop.wait, monotonic=monotonic)
    ground = Ground(read, work, store=store, tell=stop.heard, noted=noted)
    return Loop(
        ground=ground,
        steps=Steps(monotonic, [_Counting(meters)], tracing.span),
        stop=stop,
        rhythm=Rhythm(poll_seconds=daemon.poll_seconds),
    )


def _front(loop: Loop, meters: Meters, receiver: Receiver, daemon: DaemonSettings) -> Front:
    ground = loop.ground
    secret = daemon.webhook_secret
    return Front(
        problems=lambda: problems(ground, loop.steps, loop.rhythm),
        metrics=meters.exposition,
        portal_id=lambda: ground.portal_id if ground.is_open else "",
        now=lambda: ground.door.now() if ground.is_open else datetime.now(UTC),
        monotonic=loop.steps.monotonic,
        receive=receiver.receive,
        signing=Signing(secret=secret, legacy=daemon.webhook_v1) if secret else None,
        public_url=daemon.public_url,
        note=meters.delivered,
    )


def run(
    read: Callable[[], Settings], daemon: DaemonSettings, monotonic: Callable[[], float]
) -> int:
    """Work until SIGTERM or SIGINT; UserError where the portal cannot be opened at all."""
    with _listening() as signals, Store.open(read().database_url) as store:
        parts = put_together(read, daemon, store, monotonic)
        parts.receiver.start()
        with (
            ExitStack() as stack,
            closing(parts.receiver),
            serving(create(parts.front), daemon.host, daemon.port) as url,
        ):
            for each in parts.channels:
                stack.enter_context(closing(each))
            _log.info("web.listening", url=url, webhooks=parts.front.signing is not None)
            _work(parts.loop, signals)
    return 0


def _work(loop: Loop, signals: Sequence[int]) -> None:
    """Let the loop work in a thread, until it ends or a signal has come."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            loop.run()
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=work, name="loop", daemon=True)
    thread.start()
    while thread.is_alive() and not signals:
        thread.join(0.2)
    loop.stop.ask()
    thread.join(LEAVE_SECONDS)
    if thread.is_alive():
        _log.warning(
            "daemon.left",
            message="a request was still under way: its outcome is read by the next start",
        )
        os._exit(0)
    if failures:
        raise failures[0]
    _log.info("daemon.stopped")


@contextmanager
def _listening() -> Iterator[Sequence[int]]:
    """Yield the signals that have come so far.

    The handler takes no lock: it may run again in the middle of itself, and in the middle of
    whatever the main thread does.
    """
    come: list[int] = []
    before = {
        one: signal.signal(one, lambda number, _: come.append(number))
        for one in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield come
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _put(loop: Loop, events: Sequence[Event]) -> None:
    """Store events, and wake the loop."""
    ground = loop.ground
    with ground.store.begin() as session:
        inbox.put(session, ground.portal_id, events, at=ground.door.now())
    loop.stop.wake()


def _ended(loop: Loop, line: AuditLine, meters: Meters, handover: Handover) -> None:
    """Count a correction that has ended, and tell the owner where sales take over."""
    meters.ended(str(line.outcome), line.rule)
    ground = loop.ground
    stages = terms_of(ground.policy, ground.portal).stages
    with ground.store.reading() as session:
        found = mirror.get(session, ground.portal_id, [line.record]).get(line.record)
    owner = (found.value("hubspot_owner_id") if found else "") or ""
    handover.tell(line, portal_id=ground.portal_id, owner=owner, stages=stages)


def _tell(loop: Loop, alarms: Alarms, digest: Digest | None) -> None:
    """Tell of what is wrong after a cycle; a database that fails is told by its steps."""
    try:
        _alarm(loop, alarms)
        if digest and loop.rhythm.polled is not None:
            _overlooked(loop, digest)
    except ConnectorError as error:
        _log.warning("alerts.failing", error=type(error).__name__)


def _overlooked(loop: Loop, digest: Digest) -> None:
    """Tell of overlooked contacts once a day, from the mirror, and ask for nothing."""
    ground = loop.ground
    now = ground.door.now()

    def find() -> list[Overlooked]:
        closed = offline.Ground(store=ground.store, portal=ground.portal, door=ClosedDoor(now))
        return list(all_overlooked(closed_desk(closed, ground.policy, tell=loop.stop.heard)))

    digest.tell(ground.portal_id, ground.policy.zone, now, find)


def _alarm(loop: Loop, alarms: Alarms) -> None:
    ground = loop.ground
    now = ground.door.now()
    with ground.store.reading() as session:
        standing = Standing(
            troubles=loop.steps.troubles(),
            seconds=loop.steps.monotonic(),
            now=now,
            open_moves=outbox.open_moves(session, ground.portal_id),
            strikes=strikes.listed(session, ground.portal_id),
        )
    alarms.tell(ground.portal_id, alerts(standing), now)


@dataclass(frozen=True, slots=True)
class _Counting:
    """Lets the meters hear of the steps."""

    meters: Meters

    def ran(self, step: str, seconds: float, *, ok: bool) -> None:
        """Count it."""
        self.meters.ran(step, seconds, ok=ok)

    def failing(self, trouble: object) -> None:
        """Nothing to do: the meters have heard of the step."""

    def recovered(self, trouble: object, seconds: float) -> None:
        """Nothing to do: the meters have heard of the step."""
