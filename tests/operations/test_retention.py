"""Retention deletes old data, and moves the old audit into archive files without loss."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from connector.context import RunContext
from connector.core.corrections.audit import IntactChain
from connector.core.model import Ref, Version
from connector.core.retention import RetentionPeriods
from connector.core.webhook_event import Event
from connector.errors import UserError
from connector.operations.retention import apply_retention
from connector.operations.sync import sync
from connector.operations.undo import Selection, plan_undo
from state import audit, audit_archives, ledger, mirror, plans, runs, webhook_inbox
from tests.fakes.connected_portal import DAY, LOST, OPEN, WON, ConnectedPortal

WEEK = timedelta(days=7)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start where no other test leaves files: beside a server, archives lie in `var` there."""
    monkeypatch.chdir(tmp_path)


def context_keeping(portal: ConnectedPortal, **durations: object) -> RunContext:
    return portal.context(retention=RetentionPeriods(**durations))  # type: ignore[arg-type]  # a test names its own


def create_corrected_contact(portal: ConnectedPortal, days: float) -> Ref:
    """Let a run correct a contact, and days go by."""
    contact = portal.contact("lead")
    portal.deal(OPEN, contact)
    portal.api.advance(3600)
    sync(portal.context())
    portal.api.advance(days * DAY)
    return contact


def verified_audit(portal: ConnectedPortal) -> IntactChain:
    with portal.store.reading("1") as session:
        verdict = audit.verify(session)
    assert isinstance(verdict, IntactChain)
    return verdict


def archive_files(portal: ConnectedPortal) -> list[Path]:
    return sorted(portal.store.folder.resolve().glob("audit.*"))


def all_line_records(portal: ConnectedPortal) -> list[str]:
    """Return the records of all lines, in files and in the database, in their order."""
    line_records = []
    for path in archive_files(portal):
        for raw_line in path.read_bytes().splitlines()[1:]:
            row = orjson.loads(raw_line)
            line_records.append(f"{row['object_type']}/{row['object_id']}")
    return line_records + [str(line.record) for line in portal.audit_lines()]


def test_unless_told_otherwise_the_audit_stays_whole(portal: ConnectedPortal) -> None:
    create_corrected_contact(portal, 4000)
    apply_retention(portal.context())
    assert len(portal.audit_lines()) == 2
    assert verified_audit(portal).cut is None
    assert archive_files(portal) == []


def test_old_lines_leave_for_a_file_and_the_young_ones_stay(portal: ConnectedPortal) -> None:
    old, young = create_corrected_contact(portal, 9), create_corrected_contact(portal, 1)
    for _ in range(2):
        apply_retention(context_keeping(portal, audit=WEEK))
    assert {line.record for line in portal.audit_lines()} == {young}
    (path,) = archive_files(portal)
    archive = audit_archives.read(path)
    with portal.store.reading(portal.api.portal_info.account.portal_id) as session:
        assert audit_archives.joins_cuts(session, archive)
    assert all_line_records(portal) == [str(old)] * 2 + [str(young)] * 2
    cut = verified_audit(portal).cut
    assert cut is not None
    assert cut.file == str(path)


def test_each_cut_gets_a_file_of_its_own_where_the_operator_wants_it(
    portal: ConnectedPortal, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    for _ in range(2):
        create_corrected_contact(portal, 9)
        apply_retention(context_keeping(portal, audit=WEEK, folder=str(folder)))
    read_archives = [audit_archives.read(path) for path in sorted(folder.iterdir())]
    assert [archive.start.line_count for archive in read_archives] == [0, 2]
    assert read_archives[0].end == read_archives[1].start


@pytest.mark.parametrize("died_at", ["audit_archives.write", "audit_archives.read", "audit.cut"])
@pytest.mark.parametrize("later", [0, 30])
def test_a_cut_that_was_interrupted_loses_nothing_and_doubles_nothing(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch, died_at: str, later: int
) -> None:
    contacts = [create_corrected_contact(portal, 9), create_corrected_contact(portal, 1)]
    with monkeypatch.context() as patch:
        patch.setattr(f"state.{died_at}", _raise_error)
        with pytest.raises(ZeroDivisionError):
            apply_retention(context_keeping(portal, audit=WEEK))
    assert len(portal.audit_lines()) == 4
    portal.api.advance(later * DAY)
    for _ in range(2):
        apply_retention(context_keeping(portal, audit=WEEK))
    assert all_line_records(portal) == [str(contact) for contact in contacts for _ in range(2)]
    assert len(archive_files(portal)) == 1 + bool(later)
    assert verified_audit(portal).line_count == 4


def test_a_line_that_is_redacted_between_file_and_cut_is_redacted_in_the_file_as_well(
    portal: ConnectedPortal, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = create_corrected_contact(portal, 9)
    original_read = audit_archives.read

    def read_then_redact(path: Path) -> audit_archives.Archive:
        archive = original_read(path)
        with portal.store.begin("1") as session:
            audit.redact(session, [contact])
        return archive

    with monkeypatch.context() as patch:
        patch.setattr("state.audit_archives.read", read_then_redact)
        apply_retention(context_keeping(portal, audit=WEEK))
    assert len(portal.audit_lines()) == 2
    apply_retention(context_keeping(portal, audit=WEEK))
    assert portal.audit_lines() == []
    (path,) = archive_files(portal)
    assert audit_archives.read(path).redacted == 2


def test_a_broken_audit_is_not_cut_and_says_so(portal: ConnectedPortal) -> None:
    create_corrected_contact(portal, 9)
    with portal.store.begin(portal.api.portal_info.account.portal_id) as session:
        table = " ON audit" if session.dialect_name == "postgresql" else ""
        session.connection().exec_driver_sql(f"DROP TRIGGER audit_refuses_update{table}")
        session.connection().exec_driver_sql("UPDATE audit SET rule = 'won' WHERE place = 1")
    with pytest.raises(UserError, match="audit verify"):
        apply_retention(context_keeping(portal, audit=WEEK))
    assert len(portal.audit_lines()) == 2


def test_an_undo_of_what_was_cut_says_so(portal: ConnectedPortal) -> None:
    create_corrected_contact(portal, 9)
    with portal.store.reading("1") as session:
        old = runs.latest(session)
    young = create_corrected_contact(portal, 1)
    with portal.store.reading("1") as session:
        new = runs.latest(session)
    assert old is not None
    assert new is not None
    assert plan_undo(portal.context(), Selection(run=old.run)).cut is None
    apply_retention(context_keeping(portal, audit=WEEK))
    prepared = plan_undo(portal.context(), Selection(run=old.run))
    assert (prepared.moves, prepared.cut) == ((), verified_audit(portal).cut)
    assert plan_undo(portal.context(), Selection(rule="open-deal")).cut
    assert plan_undo(portal.context(), Selection(run="forgotten")).cut
    assert plan_undo(portal.context(), Selection(run=new.run)).cut is None
    prepared_recent = plan_undo(
        portal.context(), Selection(since=portal.api.now() - timedelta(days=2))
    )
    assert prepared_recent.cut is None
    assert {correction.record for move in prepared_recent.moves for correction in move} == {young}


def test_events_runs_and_plans_go_when_their_time_is_over(portal: ConnectedPortal) -> None:
    create_corrected_contact(portal, 0)
    event = Event(
        key="e1", record=portal.contact("lead"), read_associations=False, at=portal.api.now()
    )
    with portal.store.begin("1") as session:
        webhook_inbox.put(session, [event], at=portal.api.now())
        webhook_inbox.mark_seen(session, [event], at=portal.api.now())
        runs.begin(session, "died", "undo", portal.api.now())
        first = plans.latest(session)
        run = runs.get(session, first.run) if first else None
    assert first is not None
    assert run is not None
    portal.api.advance(4 * DAY)
    portal.propose()
    apply_retention(portal.context())
    with portal.store.begin("1") as session:
        webhook_inbox.put(session, [event], at=portal.api.now())
        assert (
            webhook_inbox.count_waiting(session).count == 1
        )  # it was forgotten, so it is news again
        assert plans.get(session, first.plan_id)
    apply_retention(context_keeping(portal, runs=timedelta(days=3)))
    with portal.store.reading("1") as session:
        assert runs.get(session, run.run) is None
        assert runs.get(session, "died") is not None
        assert plans.get(session, first.plan_id) is None
        assert plans.latest(session) is not None


def test_what_is_kept_for_ever_is_never_forgotten(portal: ConnectedPortal) -> None:
    create_corrected_contact(portal, 4000)
    with portal.store.reading("1") as session:
        before = plans.latest(session)
    assert before is not None
    apply_retention(context_keeping(portal, runs=None, inbox=None))
    with portal.store.reading("1") as session:
        assert runs.get(session, before.run) is not None


def test_a_ledger_that_forgets_still_knows_who_was_won_once(portal: ConnectedPortal) -> None:
    contact = portal.contact("customer")
    deal = portal.deal(OPEN, contact)
    for stage in (WON, OPEN):
        portal.api.advance(DAY)
        portal.edit(deal, dealstage=stage)
    portal.read_all()
    portal.propose()
    portal.api.advance(400 * DAY)
    with portal.store.reading("1") as session:
        versions = ledger.read_versions(session, [deal], "dealstage")
    assert WON in {version.value for version in versions[deal]}
    apply_retention(context_keeping(portal, ledger=WEEK))
    with portal.store.reading("1") as session:
        assert ledger.read_versions(session, [deal], "dealstage") == versions
    portal.make_due([contact])
    assert (str(contact), "customer", "opportunity", "reopened") in portal.changes(portal.propose())


def test_the_history_of_an_archived_record_goes_with_the_time(portal: ConnectedPortal) -> None:
    deals = [portal.deal(LOST, portal.contact("opportunity")) for _ in range(2)]
    portal.read_all()
    with portal.store.begin("1") as session:
        version = Version(value=LOST, at=portal.api.now(), source_type="CRM_UI", source_id="1")
        ledger.store_histories(session, "dealstage", {deal: [version] for deal in deals})
        ledger.mark_read(session, deals, at=portal.api.now())
        mirror.archive(session, deals[:1], at=portal.api.now())
    portal.api.advance(9 * DAY)
    apply_retention(context_keeping(portal, ledger=WEEK))
    with portal.store.reading("1") as session:
        remaining_versions = ledger.read_versions(session, deals, "dealstage")
        assert [bool(remaining_versions[deal]) for deal in deals] == [False, True]
        assert list(ledger.history_read_until(session, deals)) == [deals[1]]


def _raise_error(*_arguments: object, **_options: object) -> None:
    raise ZeroDivisionError
