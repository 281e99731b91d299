"""Keep lines of the audit in files, as JSON lines that prove themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import IO, Any, Final

import orjson
from sqlalchemy.orm import Session

from connector.core.audit import Broken, Intact, Verdict
from connector.errors import UserError
from state import cuts
from state.audit import Stored, follow

_FORMAT: Final = "connector.audit/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A file of lines: what they go on from, whether their chain holds, how many are redacted."""

    portal_id: str
    begins: Intact
    verdict: Verdict
    redacted: int

    @property
    def ends(self) -> Intact | None:
        """Return where its chain ends, None where it is broken."""
        return None if isinstance(self.verdict, Broken) else self.verdict


def name(folder: Path, portal_id: str, first: int, last: int) -> Path:
    """Return the name of a file that is not there yet."""
    plain = f"audit.{portal_id}.{first:09}-{last:09}"
    # A restored backup may cut again what it had cut: the earlier file stays what it is.
    again = (folder / f"{plain}.{number}.jsonl" for number in count(2))
    names = chain([folder / f"{plain}.jsonl"], again)
    return next(path for path in names if not path.exists())


def write(path: Path, portal_id: str, begins: Intact, rows: Iterable[Stored]) -> None:
    """Write lines that go on after `begins`; the file is there whole and on the disk, or not."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its values are of people: nobody but this user reads them.
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            _fill(file, portal_id, begins, rows)
        part.replace(path)
        _settle(path.parent)
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}: the audit cannot be cut, and stays whole; free some space, "
            "or name another folder by CONNECTOR_ARCHIVE_FOLDER"
        ) from error


def read(path: Path) -> Archive:
    """Follow the chain in a file; UserError where it is no archive."""
    try:
        with path.open("rb") as file:
            head = _told(orjson.loads(file.readline()))
            counted = _Counted(map(_row, file))
            begins = Intact(lines=head["after"], head=head["hash"])
            verdict = follow(iter(counted), lines=begins.lines, head=begins.head)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no archive of the audit, or was damaged: {error}.") from error
    return Archive(
        portal_id=head["portal_id"], begins=begins, verdict=verdict, redacted=counted.redacted
    )


def leads(session: Session, archive: Archive) -> bool:
    """Whether an archive lies whole between two cuts of this database, or its beginning and one."""
    ends = [archive.begins, archive.ends]
    return all(one and _is_known(session, archive.portal_id, one) for one in ends)


def _is_known(session: Session, portal_id: str, end: Intact) -> bool:
    if not end.lines:
        return not end.head
    cut = cuts.at_place(session, portal_id, end.lines)
    return cut is not None and cut.hash == end.head


class _Counted:
    """Lines on their way, of which the redacted ones are counted."""

    def __init__(self, rows: Iterable[Stored]) -> None:
        self._rows = rows
        self.redacted = 0

    def __iter__(self) -> Iterator[Stored]:
        for row in self._rows:
            self.redacted += row["salt"] is None
            yield row


def _fill(file: IO[bytes], portal_id: str, begins: Intact, rows: Iterable[Stored]) -> None:
    head = {"format": _FORMAT, "portal_id": portal_id, "after": begins.lines, "hash": begins.head}
    file.write(orjson.dumps(head) + b"\n")
    for row in rows:
        salt = None if row["salt"] is None else row["salt"].hex()
        file.write(orjson.dumps({**row, "salt": salt}) + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Bring the new name to the disk: what it names is deleted elsewhere."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _told(head: Any) -> dict[str, Any]:
    if head["format"] != _FORMAT:
        raise ValueError(f"its format is {head['format']!r}")
    return {**head, "portal_id": str(int(head["portal_id"])), "after": int(head["after"])}


def _row(text: bytes) -> dict[str, Any]:
    row = orjson.loads(text)
    return {**row, "salt": None if row["salt"] is None else bytes.fromhex(row["salt"])}
