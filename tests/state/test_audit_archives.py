"""An archive of the audit proves itself, and the chain continues from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from connector.core.corrections.audit import AuditLine, BrokenChain, IntactChain
from connector.core.model import STAGE, Outcome
from connector.errors import UserError
from state import audit, audit_archives
from state.db.store import Store
from state.db.transaction import Transaction
from tests.state.examples import OTHER_PORTAL, PORTAL, at, contact

EMPTY_AUDIT = IntactChain(line_count=0, last_hash="")


def line(minutes: int, record: int = 1) -> AuditLine:
    return AuditLine(
        at=at(minutes),
        run="r1",
        record=contact(record),
        property_name=STAGE,
        before="customer",
        after="opportunity",
        rule="reopened",
        policy="standard@abc",
        outcome=Outcome.APPLIED,
    )


@pytest.fixture
def store_with_lines(store: Store) -> Store:
    """Return a store with six lines, a minute apart, and one of another portal."""
    with store.begin(PORTAL) as session:
        audit.append(session, [line(minutes) for minutes in range(6)])
    with store.begin(OTHER_PORTAL) as session:
        audit.append(session, [line(0)])
    return store


def cut_audit(session: Transaction, place: int, path: Path) -> audit_archives.Archive:
    """Cut as the daemon does."""
    end = audit.head(session).cut
    start = IntactChain(line_count=end.position, last_hash=end.hash) if end else EMPTY_AUDIT
    audit_archives.write(path, PORTAL, start, audit.read_stored(session, until=place))
    audit.cut(session, place, at=at(99), file=str(path))
    return audit_archives.read(path)


def audited_minutes(session: Transaction) -> list[int]:
    lines = audit.read(session)
    return [round((entry.at - at(0)).total_seconds() / 60) for entry in lines]


def test_the_chain_goes_on_from_a_cut_and_the_file_leads_to_it(
    store_with_lines: Store, tmp_path: Path
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        uncut_verdict = audit.verify(session)
        first = cut_audit(session, 2, tmp_path / "a.jsonl")
        second = cut_audit(session, 5, tmp_path / "b.jsonl")
    with store_with_lines.begin(PORTAL) as session:
        audit.append(session, [line(6)])
        assert audited_minutes(session) == [5, 6]
        verdict = audit.verify(session)
        assert audit_archives.joins_cuts(session, first)
        assert audit_archives.joins_cuts(session, second)
    assert isinstance(verdict, IntactChain)
    assert isinstance(uncut_verdict, IntactChain)
    assert (verdict.line_count, uncut_verdict.line_count) == (7, 6)
    assert verdict.cut is not None
    assert (verdict.cut.position, verdict.cut.last_line_at, verdict.cut.file) == (
        5,
        at(4),
        f"{tmp_path}/b.jsonl",
    )
    assert (first.start, second.start) == (EMPTY_AUDIT, first.end)


def test_when_everything_is_cut_the_next_line_still_goes_on(
    store_with_lines: Store, tmp_path: Path
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        archive = cut_audit(session, 6, tmp_path / "a.jsonl")
        assert audit.head(session).last_hash == audit.verify(session).last_hash  # type: ignore[union-attr]  # it is intact
        audit.append(session, [line(6)])
        verdict = audit.verify(session)
    assert isinstance(verdict, IntactChain)
    assert (verdict.line_count, archive.end and archive.end.line_count) == (7, 6)


def test_the_lines_older_than_a_moment_are_found_so_many_at_once(
    store_with_lines: Store, tmp_path: Path
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        assert audit.place_to_cut(session, older_than=at(0), max_lines=9) is None
        assert audit.place_to_cut(session, older_than=at(3), max_lines=9) == 3
        assert audit.place_to_cut(session, older_than=at(3), max_lines=2) == 2
        cut_audit(session, 2, tmp_path / "a.jsonl")
        assert audit.place_to_cut(session, older_than=at(2), max_lines=9) is None
        assert audit.place_to_cut(session, older_than=at(9), max_lines=9) == 6
        cut_audit(session, 6, tmp_path / "b.jsonl")
        assert audit.place_to_cut(session, older_than=at(9), max_lines=9) is None


def test_a_line_behind_a_younger_one_waits_for_it(session: Transaction) -> None:
    audit.append(session, [line(0), line(9), line(1)])  # the clock was set back
    assert audit.place_to_cut(session, older_than=at(5), max_lines=9) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit WHERE place = 4",
        "DELETE FROM audit WHERE portal_id = 4712",
        "DELETE FROM audit_cuts",
        "UPDATE audit_cuts SET place = 5",
        "INSERT INTO audit_cuts SELECT portal_id, 5, hash, latest, at, file FROM audit_cuts",
        "INSERT INTO audit_cuts SELECT portal_id, 99, hash, latest, at, file FROM audit_cuts",
        "REPLACE INTO audit_cuts SELECT portal_id, 3, 'f', latest, at, file FROM audit_cuts",
        "INSERT INTO audit SELECT portal_id, 2, at, run, object_type, object_id, property_name, "
        '"before", "after", rule, policy, outcome, correlation_id, salt, seal, hash FROM audit '
        "WHERE place = 4",
    ],
)
def test_the_database_lets_nothing_be_deleted_but_what_was_cut(
    store_with_lines: Store, database: Path, tmp_path: Path, statement: str
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        cut_audit(session, 3, tmp_path / "a.jsonl")
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as raw_connection,
        pytest.raises(sqlite3.IntegrityError, match="the audit is append-only"),
    ):
        raw_connection.execute(statement)


def test_a_line_that_was_never_written_cannot_be_cut_to(store_with_lines: Store) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        store_with_lines.begin(PORTAL) as session,
    ):
        session.execute(text("INSERT INTO audit_cuts VALUES (4711, 3, 'f', 0, 0, '')"))


def test_a_line_put_back_before_the_cut_breaks_the_chain(
    store_with_lines: Store, database: Path, tmp_path: Path
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        cut_audit(session, 3, tmp_path / "a.jsonl")
    with closing(sqlite3.connect(database, isolation_level=None)) as raw_connection:
        raw_connection.execute("DROP TRIGGER audit_refuses_insert")
        raw_connection.execute(
            "INSERT INTO audit SELECT portal_id, 2, at, run, object_type, object_id, "
            'property_name, "before", "after", rule, policy, outcome, correlation_id, salt, seal, '
            "hash FROM audit WHERE place = 4 AND portal_id = 4711"
        )
    with store_with_lines.reading(PORTAL) as session:
        assert isinstance(audit.verify(session), BrokenChain)


@pytest.mark.parametrize("column", ["after", "at", "rule", "salt", "seal", "hash", "object_id"])
def test_one_change_in_a_file_is_found(
    store_with_lines: Store, tmp_path: Path, column: str
) -> None:
    path = tmp_path / "a.jsonl"
    with store_with_lines.begin(PORTAL) as session:
        cut_audit(session, 3, path)
    lines = [orjson.loads(raw_line) for raw_line in path.read_bytes().splitlines()]
    old = lines[2][column]
    lines[2][column] = old + 1 if isinstance(old, int) else f"{int(old[0] == '0')}{old[1:]}"
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    archive = audit_archives.read(path)
    assert isinstance(archive.verdict, BrokenChain)
    assert archive.verdict.row == 2
    with store_with_lines.reading(PORTAL) as session:
        assert not audit_archives.joins_cuts(session, archive)


def test_a_file_that_lost_lines_at_either_end_leads_nowhere(
    store_with_lines: Store, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    with store_with_lines.begin(PORTAL) as session:
        cut_audit(session, 3, path)
    head, first, *remaining_lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + first)
    begin = orjson.dumps({**orjson.loads(head), "after": 1, "hash": orjson.loads(first)["hash"]})
    (tmp_path / "b.jsonl").write_bytes(begin + b"\n" + b"".join(remaining_lines))
    with store_with_lines.reading(PORTAL) as session:
        for name in ("a.jsonl", "b.jsonl"):
            archive = audit_archives.read(tmp_path / name)
            assert isinstance(archive.verdict, IntactChain)
            assert not audit_archives.joins_cuts(session, archive)


def test_a_file_cannot_pretend_that_something_came_before_the_first_line(
    store_with_lines: Store, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    with store_with_lines.begin(PORTAL) as session:
        audit_archives.write(path, PORTAL, IntactChain(line_count=0, last_hash="f"), [])
        assert not audit_archives.joins_cuts(session, audit_archives.read(path))


def test_redacted_lines_are_kept_redacted_and_counted(
    store_with_lines: Store, tmp_path: Path
) -> None:
    with store_with_lines.begin(PORTAL) as session:
        audit.append(session, [line(6, record=2)])
        audit.redact(session, [contact(2)])
        assert audit.count_redacted(session, until=6) == 0
        assert audit.count_redacted(session, until=7) == 1
        archive = cut_audit(session, 7, tmp_path / "a.jsonl")
        assert audit_archives.joins_cuts(session, archive)
    assert archive.redacted == 1


def test_a_file_is_for_this_user_alone_and_never_half_there(
    store_with_lines: Store, tmp_path: Path
) -> None:
    path = tmp_path / "new" / "a.jsonl"

    def write_and_die() -> None:
        with store_with_lines.reading(PORTAL) as session:
            rows = audit.read_stored(session, until=3)
            audit_archives.write(path, PORTAL, EMPTY_AUDIT, (next(rows) for _ in range(9)))

    with pytest.raises(RuntimeError):
        write_and_die()
    assert not path.exists()
    with store_with_lines.begin(PORTAL) as session:
        cut_audit(session, 3, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["a.jsonl"]


def test_a_name_that_is_there_is_never_taken_again(tmp_path: Path) -> None:
    first = audit_archives.new_path(tmp_path, PORTAL, 1, 50)
    assert first.name == "audit.4711.000000001-000000050.jsonl"
    first.touch()
    second = audit_archives.new_path(tmp_path, PORTAL, 1, 50)
    second.touch()
    assert second.name == "audit.4711.000000001-000000050.2.jsonl"
    assert audit_archives.new_path(tmp_path, PORTAL, 1, 50).name.endswith(".3.jsonl")


def test_a_folder_that_cannot_be_written_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="CONNECTOR_ARCHIVE_FOLDER"):
        audit_archives.write(tmp_path / "file" / "a.jsonl", PORTAL, EMPTY_AUDIT, [])


@pytest.mark.parametrize(
    "content", ["", "{}", '{"format": "other"}', "[]", '{"format": "connector.audit/1"}']
)
def test_another_file_is_no_archive(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(UserError, match="no archive"):
        audit_archives.read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        audit_archives.read(tmp_path / "a.jsonl")


def test_a_cut_that_does_not_come_to_its_end_leaves_every_line(
    store_with_lines: Store, tmp_path: Path
) -> None:
    def cut_and_die() -> None:
        with store_with_lines.begin(PORTAL) as session:
            cut_audit(session, 3, tmp_path / "a.jsonl")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cut_and_die()
    with store_with_lines.reading(PORTAL) as session:
        verdict = audit.verify(session)
        assert audited_minutes(session) == [0, 1, 2, 3, 4, 5]
    assert isinstance(verdict, IntactChain)
    assert verdict.cut is None
