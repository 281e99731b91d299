"""Tidying: what nobody needs is forgotten, and the old audit leaves for files, all of it once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from connector.core.audit import Intact
from connector.core.event import Event
from connector.core.model import Ref, Version
from connector.core.retention import Keep
from connector.desk import Desk
from connector.errors import UserError
from connector.sync import sync
from connector.tidying import tidy
from connector.undo import Selection, prepare
from state import archives, audit, inbox, ledger, mirror, plans, runs
from tests.usecases.office import DAY, LOST, OPEN, WON, Office

WEEK = timedelta(days=7)


def keeping(office: Office, **kept: object) -> Desk:
    return office.desk(keep=Keep(**kept))  # type: ignore[arg-type]  # a test names its own


def corrected(office: Office, days: float) -> Ref:
    """Let a run correct a contact, and days go by."""
    person = office.contact("lead")
    office.deal(OPEN, person)
    office.door.advance(3600)
    sync(office.desk())
    office.door.advance(days * DAY)
    return person


def chain(office: Office) -> Intact:
    with office.store.reading() as session:
        found = audit.verify(session, "1")
    assert isinstance(found, Intact)
    return found


def files(office: Office) -> list[Path]:
    return sorted(office.store.folder.glob("audit.*"))


def kept_lines(office: Office) -> list[str]:
    """Return the records of all lines, in files and in the database, in their order."""
    told = []
    for path in files(office):
        for line in path.read_bytes().splitlines()[1:]:
            row = orjson.loads(line)
            told.append(f"{row['object_type']}/{row['object_id']}")
    return told + [str(one.record) for one in office.lines()]


def test_unless_told_otherwise_the_audit_stays_whole(office: Office) -> None:
    corrected(office, 4000)
    tidy(office.desk())
    assert len(office.lines()) == 2
    assert chain(office).cut is None
    assert files(office) == []


def test_old_lines_leave_for_a_file_and_the_young_ones_stay(office: Office) -> None:
    old, young = corrected(office, 9), corrected(office, 1)
    for _ in range(2):
        tidy(keeping(office, audit=WEEK))
    assert {one.record for one in office.lines()} == {young}
    (path,) = files(office)
    archive = archives.read(path)
    with office.store.reading() as session:
        assert archives.leads(session, archive)
    assert kept_lines(office) == [str(old)] * 2 + [str(young)] * 2
    cut = chain(office).cut
    assert cut is not None
    assert cut.file == str(path)


def test_each_cut_gets_a_file_of_its_own_where_the_operator_wants_it(
    office: Office, tmp_path: Path
) -> None:
    folder = tmp_path / "archive"
    for _ in range(2):
        corrected(office, 9)
        tidy(keeping(office, audit=WEEK, folder=str(folder)))
    found = [archives.read(path) for path in sorted(folder.iterdir())]
    assert [one.begins.lines for one in found] == [0, 2]
    assert found[0].ends == found[1].begins


@pytest.mark.parametrize("died_at", ["archives.write", "archives.read", "audit.cut"])
@pytest.mark.parametrize("later", [0, 30])
def test_a_cut_that_was_interrupted_loses_nothing_and_doubles_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch, died_at: str, later: int
) -> None:
    people = [corrected(office, 9), corrected(office, 1)]
    with monkeypatch.context() as crash:
        crash.setattr(f"state.{died_at}", _dying)
        with pytest.raises(ZeroDivisionError):
            tidy(keeping(office, audit=WEEK))
    assert len(office.lines()) == 4
    office.door.advance(later * DAY)
    for _ in range(2):
        tidy(keeping(office, audit=WEEK))
    assert kept_lines(office) == [str(one) for one in people for _ in range(2)]
    assert len(files(office)) == 1 + bool(later)
    assert chain(office).lines == 4


def test_a_line_that_is_redacted_between_file_and_cut_is_redacted_in_the_file_as_well(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = corrected(office, 9)
    read = archives.read

    def and_redacted(path: Path) -> archives.Archive:
        found = read(path)
        with office.store.begin() as session:
            audit.redact(session, "1", [person])
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("state.archives.read", and_redacted)
        tidy(keeping(office, audit=WEEK))
    assert len(office.lines()) == 2
    tidy(keeping(office, audit=WEEK))
    assert office.lines() == []
    (path,) = files(office)
    assert archives.read(path).redacted == 2


def test_a_broken_audit_is_not_cut_and_says_so(office: Office) -> None:
    corrected(office, 9)
    with office.store.begin() as session:
        session.connection().exec_driver_sql("DROP TRIGGER audit_refuses_update")
        session.connection().exec_driver_sql("UPDATE audit SET rule = 'won' WHERE place = 1")
    with pytest.raises(UserError, match="audit verify"):
        tidy(keeping(office, audit=WEEK))
    assert len(office.lines()) == 2


def test_an_undo_of_what_was_cut_says_so(office: Office) -> None:
    corrected(office, 9)
    with office.store.reading() as session:
        old = runs.latest(session, "1")
    young = corrected(office, 1)
    with office.store.reading() as session:
        new = runs.latest(session, "1")
    assert old is not None
    assert new is not None
    assert prepare(office.desk(), Selection(run=old.run)).cut is None
    tidy(keeping(office, audit=WEEK))
    gone = prepare(office.desk(), Selection(run=old.run))
    assert (gone.moves, gone.cut) == ((), chain(office).cut)
    assert prepare(office.desk(), Selection(rule="open-deal")).cut
    assert prepare(office.desk(), Selection(run="forgotten")).cut
    assert prepare(office.desk(), Selection(run=new.run)).cut is None
    recent = prepare(office.desk(), Selection(since=office.door.now() - timedelta(days=2)))
    assert recent.cut is None
    assert {one.record for each in recent.moves for one in each} == {young}


def test_events_runs_and_plans_go_when_their_time_is_over(office: Office) -> None:
    corrected(office, 0)
    event = Event(key="e1", record=office.contact("lead"), links=False, at=office.door.now())
    with office.store.begin() as session:
        inbox.put(session, "1", [event], at=office.door.now())
        inbox.see(session, "1", [event], at=office.door.now())
        runs.begin(session, "1", "died", "undo", office.door.now())
        first = plans.latest(session, "1")
        run = runs.get(session, "1", first.run) if first else None
    assert first is not None
    assert run is not None
    office.door.advance(4 * DAY)
    office.propose()
    tidy(office.desk())
    with office.store.begin() as session:
        inbox.put(session, "1", [event], at=office.door.now())
        assert inbox.count(session, "1").count == 1  # it was forgotten, so it is news again
        assert plans.get(session, "1", first.plan_id)
    tidy(keeping(office, runs=timedelta(days=3)))
    with office.store.reading() as session:
        assert runs.get(session, "1", run.run) is None
        assert runs.get(session, "1", "died") is not None
        assert plans.get(session, "1", first.plan_id) is None
        assert plans.latest(session, "1") is not None


def test_what_is_kept_for_ever_is_never_forgotten(office: Office) -> None:
    corrected(office, 4000)
    with office.store.reading() as session:
        before = plans.latest(session, "1")
    assert before is not None
    tidy(keeping(office, runs=None, inbox=None))
    with office.store.reading() as session:
        assert runs.get(session, "1", before.run) is not None


def test_a_ledger_that_forgets_still_knows_who_was_won_once(office: Office) -> None:
    person = office.contact("customer")
    deal = office.deal(OPEN, person)
    for stage in (WON, OPEN):
        office.door.advance(DAY)
        office.edit(deal, dealstage=stage)
    office.read_all()
    office.propose()
    office.door.advance(400 * DAY)
    with office.store.reading() as session:
        known = ledger.versions(session, "1", [deal], "dealstage")
    assert WON in {one.value for one in known[deal]}
    tidy(keeping(office, ledger=WEEK))
    with office.store.reading() as session:
        assert ledger.versions(session, "1", [deal], "dealstage") == known
    office.wake([person])
    assert (str(person), "customer", "opportunity", "reopened") in office.changes(office.propose())


def test_the_history_of_an_archived_record_goes_with_the_time(office: Office) -> None:
    deals = [office.deal(LOST, office.contact("opportunity")) for _ in range(2)]
    office.read_all()
    with office.store.begin() as session:
        version = Version(value=LOST, at=office.door.now(), source_type="CRM_UI", source_id="1")
        ledger.observe_all(session, "1", "dealstage", {one: [version] for one in deals})
        ledger.mark_read(session, "1", deals, at=office.door.now())
        mirror.archive(session, "1", deals[:1], at=office.door.now())
    office.door.advance(9 * DAY)
    tidy(keeping(office, ledger=WEEK))
    with office.store.reading() as session:
        left = ledger.versions(session, "1", deals, "dealstage")
        assert [bool(left[one]) for one in deals] == [False, True]
        assert list(ledger.read_since(session, "1", deals)) == [deals[1]]


def _dying(*_arguments: object, **_more: object) -> None:
    raise ZeroDivisionError
