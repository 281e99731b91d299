"""Write lines of the audit to archive files, and read and prove them: JSON lines with hashes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import IO, Any, Final

import orjson

from connector.core.corrections.audit import BrokenChain, ChainCheck, IntactChain
from connector.errors import UserError
from state import audit_cuts
from state.audit import UNREADABLE, StoredLine, follow_chain
from state.db.transaction import Transaction

_FORMAT: Final = "connector.audit/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive file: the chain that it continues, whether its own holds, and redacted lines."""

    portal_id: str
    start: IntactChain
    verdict: ChainCheck
    redacted: int

    @property
    def end(self) -> IntactChain | None:
        """Return the end of its chain, None where the chain is broken."""
        return None if isinstance(self.verdict, BrokenChain) else self.verdict


def new_path(folder: Path, portal_id: str, first: int, last: int) -> Path:
    """Return the path of a file that does not exist yet."""
    stem = f"audit.{portal_id}.{first:09}-{last:09}"
    # A restored backup may cut the same lines again: the earlier file stays unchanged.
    numbered_paths = (folder / f"{stem}.{number}.jsonl" for number in count(2))
    paths = chain([folder / f"{stem}.jsonl"], numbered_paths)
    return next(path for path in paths if not path.exists())


def write(path: Path, portal_id: str, start: IntactChain, rows: Iterable[StoredLine]) -> None:
    """Write lines that continue the chain `start`; the file exists complete and synced, or not."""
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The values are personal data: only this user may read the file.
        with open(part, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            _write_lines(file, portal_id, start, rows)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UserError(
            f"{path}: {error.strerror}: the audit cannot be cut, and stays whole; free some space, "
            "or name another folder by CONNECTOR_ARCHIVE_FOLDER"
        ) from error


def read(path: Path) -> Archive:
    """Read an archive and check its chain; raise UserError where it is no archive."""
    try:
        with path.open("rb") as file:
            head = _parse_head(orjson.loads(file.readline()))
            counted_rows = _RedactedCounter(map(_parse_row, file))
            start = IntactChain(line_count=head["after"], last_hash=head["hash"])
            verdict = follow_chain(iter(counted_rows), lines=start.line_count, head=start.last_hash)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    except UNREADABLE as error:
        raise UserError(f"{path} is no archive of the audit, or was damaged: {error}.") from error
    return Archive(
        portal_id=head["portal_id"], start=start, verdict=verdict, redacted=counted_rows.redacted
    )


def joins_cuts(session: Transaction, archive: Archive) -> bool:
    """Return whether an archive starts and ends at cuts (or the first line) of this database."""
    ends = [archive.start, archive.end]
    return all(end and _is_cut(session, end) for end in ends)


def _is_cut(session: Transaction, end: IntactChain) -> bool:
    if not end.line_count:
        return not end.last_hash
    cut = audit_cuts.at_place(session, end.line_count)
    return cut is not None and cut.hash == end.last_hash


class _RedactedCounter:
    """Passes lines through and counts the redacted ones."""

    def __init__(self, rows: Iterable[StoredLine]) -> None:
        self._rows = rows
        self.redacted = 0

    def __iter__(self) -> Iterator[StoredLine]:
        for row in self._rows:
            self.redacted += row["salt"] is None
            yield row


def _write_lines(
    file: IO[bytes], portal_id: str, start: IntactChain, rows: Iterable[StoredLine]
) -> None:
    head = {
        "format": _FORMAT,
        "portal_id": portal_id,
        "after": start.line_count,
        "hash": start.last_hash,
    }
    file.write(orjson.dumps(head) + b"\n")
    for row in rows:
        salt = None if row["salt"] is None else row["salt"].hex()
        file.write(orjson.dumps({**row, "salt": salt}) + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that the file survives a crash before its lines are deleted."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse_head(head: Any) -> dict[str, Any]:
    if head["format"] != _FORMAT:
        raise ValueError(f"its format is {head['format']!r}")
    return {**head, "portal_id": str(int(head["portal_id"])), "after": int(head["after"])}


def _parse_row(text: bytes) -> dict[str, Any]:
    row = orjson.loads(text)
    return {**row, "salt": None if row["salt"] is None else bytes.fromhex(row["salt"])}
