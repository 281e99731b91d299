"""Put daemon, web, alerts and metrics together in one process, and run them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Thread
from typing import Final

import structlog

from connector.alerts.channels import Channels
from connector.alerts.events import EventDelivery
from connector.alerts.handover import Handover, is_handover
from connector.alerts.messages import (
    open_messages,
    send_after_cycle,
    send_after_failed_opening,
)
from connector.config.open_run import with_portal_settings
from connector.config.run_clock import RunClock
from connector.config.settings import Settings
from connector.core.corrections.audit import AuditLine
from connector.core.follow_up.overlooked import follow_up_terms
from connector.core.webhook_event import Event
from connector.daemon.caught_signals import caught_signals
from connector.daemon.cycle import Schedule
from connector.daemon.daemon_settings import DaemonSettings
from connector.daemon.environment import CurrentSettings, Environment, EnvironmentSources
from connector.daemon.loop import Loop
from connector.daemon.status import failures, known_now, problems, read_status, remarks
from connector.daemon.step_counter import StepCounter
from connector.daemon.steps import Steps
from connector.daemon.stop import StopSignal
from connector.errors import TemporaryError
from connector.hubspot.http.requester import OnAnswer
from connector.hubspot.webhook_signature import SigningSettings
from connector.telemetry.metrics import Metrics
from connector.telemetry.traces import Tracing
from connector.web.app import create_app
from connector.web.daemon_link import DaemonLink
from connector.web.dashboard.source import DashboardSource
from connector.web.event_store import EventStore
from connector.web.server import serve_in_thread
from state import mirror, webhook_inbox
from state.db.locks import Busy
from state.db.store import Store

SHUTDOWN_SECONDS: Final = 8.0
"""Seconds after SIGTERM; containers are killed after ten. Open moves are in the outbox."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonParts:
    """The daemon's parts before they are started."""

    loop: Loop
    event_store: EventStore
    channels: Sequence[Channels | EventDelivery]
    daemon_link: DaemonLink


def assemble(
    read_settings: Callable[[], Settings],
    daemon_settings: DaemonSettings,
    store: Store,
    monotonic: Callable[[], float],
) -> DaemonParts:
    """Make the daemon's parts; no request is sent to HubSpot yet."""
    metrics, messages = Metrics(), open_messages(store, daemon_settings)
    stop, tracing = StopSignal(monotonic), Tracing()

    loop = Loop(
        sources=EnvironmentSources(
            current=CurrentSettings(read_settings),
            clock=RunClock(wait=stop.wait, monotonic=monotonic, wall_clock=_wall_clock),
            store=store,
            progress=stop.on_progress,
            on_answer=_request_observer(metrics, tracing),
        ),
        steps=Steps(monotonic, [StepCounter(metrics)], tracing.span),
        stop=stop,
        schedule=Schedule(poll_seconds=daemon_settings.poll_seconds),
        on_corrections_ended=lambda environment, lines: _handle_ended_corrections(
            environment, lines, metrics, messages.handover
        ),
        on_opening_failed=lambda failed_loop: send_after_failed_opening(failed_loop, messages),
        on_cycle_ended=lambda ended_loop, environment: send_after_cycle(
            ended_loop, environment, messages
        ),
    )
    event_store = EventStore(lambda events: _store_events(loop, events))
    metrics.collect_status(lambda: read_status(loop.environment))
    daemon_link = _daemon_link(loop, metrics, event_store, daemon_settings)
    return DaemonParts(
        loop=loop, event_store=event_store, channels=messages.channels, daemon_link=daemon_link
    )


def _request_observer(metrics: Metrics, tracing: Tracing) -> OnAnswer:
    """Return what counts and traces each response of HubSpot."""

    def on_answer(route: str, status: int, seconds: float) -> None:
        metrics.count_request(route, status, seconds)
        tracing.add_request_span(route, status, seconds)

    return on_answer


def _daemon_link(
    loop: Loop, metrics: Metrics, event_store: EventStore, daemon_settings: DaemonSettings
) -> DaemonLink:
    secret = daemon_settings.webhook_secret
    signing = SigningSettings(secret=secret, legacy=daemon_settings.webhook_v1) if secret else None
    return DaemonLink(
        problems=lambda: problems(loop),
        failures=lambda: failures(loop),
        remarks=lambda: remarks(loop),
        metrics=metrics.exposition,
        portal_id=lambda: loop.environment.portal_id if loop.environment else "",
        now=lambda: known_now(loop.environment),
        monotonic=loop.steps.monotonic,
        receive=event_store.receive,
        signing=signing,
        public_url=daemon_settings.public_url,
        count_deliveries=metrics.count_deliveries,
        dashboard_source=lambda: _dashboard_source(loop),
        dashboard_access=daemon_settings.dashboard_access,
    )


def _dashboard_source(loop: Loop) -> DashboardSource | None:
    """Return the open portal for the dashboard, None before it is open."""
    environment = loop.environment
    if environment is None:
        return None
    return DashboardSource(
        store=environment.store,
        portal=environment.portal,
        policy=environment.policy,
        now=known_now(environment),
        status=read_status(environment),
        writes=environment.settings.writes,
        warnings=(*problems(loop), *failures(loop), *remarks(loop)),
        want_plan=loop.want_plan,
        with_own_settings=partial(with_portal_settings, settings=environment.settings),
    )


def run(
    read_settings: Callable[[], Settings],
    daemon_settings: DaemonSettings,
    monotonic: Callable[[], float],
) -> int:
    """Work until SIGTERM or SIGINT; UserError where the portal cannot be opened at all."""
    database_url = read_settings().database_url
    with (
        caught_signals() as signals,
        Store.open(database_url) as store,
        _only_daemon(store, database_url),
    ):
        parts = assemble(read_settings, daemon_settings, store, monotonic)
        parts.event_store.start()
        with (
            ExitStack() as stack,
            closing(parts.event_store),
            serve_in_thread(
                create_app(parts.daemon_link), daemon_settings.host, daemon_settings.port
            ) as url,
        ):
            for channel in parts.channels:
                stack.enter_context(closing(channel))
            _log.info("web.listening", url=url, webhooks=parts.daemon_link.signing is not None)
            _run_until_signal(parts.loop, signals)
    return 0


@contextmanager
def _only_daemon(store: Store, database_url: str) -> Iterator[None]:
    """Be the only daemon on a file; raise TemporaryError where there is one already.

    On PostgreSQL several may stand by: the lock of each portal's writer tells them apart.
    """
    if not database_url.startswith("sqlite"):
        yield
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(store.writer_lock("daemon", wait=0, holder_name="connector run"))
        except Busy as error:
            raise TemporaryError(
                f"Another daemon works on {database_url} already ({error}). Stop it, or give this "
                "one a database of its own by CONNECTOR_DATABASE_URL."
            ) from error
        yield


def _run_until_signal(loop: Loop, signals: Sequence[int]) -> None:
    """Run the loop in a thread until it ends or a signal arrives."""
    failures: list[BaseException] = []

    def run_loop() -> None:
        try:
            loop.run()
        except BaseException as error:
            failures.append(error)

    thread = Thread(target=run_loop, name="loop", daemon=True)
    thread.start()
    while thread.is_alive() and not signals:
        thread.join(0.2)
    loop.stop.request()
    thread.join(SHUTDOWN_SECONDS)
    if thread.is_alive():
        _log.warning(
            "daemon.left",
            message="a request was still under way: its outcome is read by the next start",
        )
        os._exit(0)
    if failures:
        raise failures[0]
    _log.info("daemon.stopped")


def _wall_clock() -> float:
    return datetime.now(UTC).timestamp()


def _store_events(loop: Loop, events: Sequence[Event]) -> None:
    """Store events, and wake the loop; TemporaryError while no portal is open."""
    environment = loop.environment
    if environment is None:
        raise TemporaryError("The portal is not opened yet.")
    with environment.store.begin(environment.portal_id) as session:
        webhook_inbox.put(session, events, at=environment.api.now())
    loop.stop.end_sleep()


def _handle_ended_corrections(
    environment: Environment, lines: Iterator[AuditLine], metrics: Metrics, handover: Handover
) -> None:
    """Count the corrections that ended, and notify owners where sales take over."""
    stages = follow_up_terms(environment.policy, environment.portal).sales_stages
    handovers: list[AuditLine] = []
    for line in lines:
        metrics.count_correction(str(line.outcome), line.rule)
        handovers += [line] if is_handover(line, stages) else []
    with environment.store.reading(environment.portal_id) as session:
        records = mirror.get(session, {line.record for line in handovers})
    owners = {ref: record.value("hubspot_owner_id") or "" for ref, record in records.items()}
    handover.notify_owners(environment.portal_id, handovers, owners)
