"""Provide a disk that a test can fill: a small file system, or a limit on the size of files."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

_SIZE = 128 * 2**20


class SmallDisk(Protocol):
    """A folder on a disk that can be full."""

    folder: Path

    def fill(self) -> None:
        """Leave not a byte of room."""
        ...

    def free(self) -> None:
        """Make room again."""
        ...


@dataclass
class SmallFileSystem:
    """A tmpfs; filling it takes whatever room is left at that moment."""

    folder: Path

    def fill(self) -> None:
        with suppress(OSError), (self.folder / "filler").open("ab", buffering=0) as filler:
            for size in (2**20, 4096, 1):
                with suppress(OSError):
                    while filler.write(bytes(size)):
                        pass

    def free(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


@dataclass
class LimitedFiles:
    """A folder whose files cannot grow while the disk is full, by RLIMIT_FSIZE."""

    folder: Path
    _limits: tuple[int, int] = field(default_factory=lambda: resource.getrlimit(_FILE_SIZE))

    def fill(self) -> None:
        sizes = [file.stat().st_size for file in self.folder.glob("connector.db*")]
        database_sizes = [size for size in sizes if size < 8 * 2**20]  # the reserve is larger
        resource.setrlimit(_FILE_SIZE, (max(database_sizes), self._limits[1]))

    def free(self) -> None:
        resource.setrlimit(_FILE_SIZE, self._limits)


_FILE_SIZE = resource.RLIMIT_FSIZE


def can_mount(folder: Path) -> bool:
    """Return whether this user may mount a file system."""
    mounted = _mount(folder)
    if mounted:
        _unmount(folder)
    return mounted


@contextmanager
def small_file_system(folder: Path) -> Iterator[SmallFileSystem]:
    """Mount a small file system, and unmount it at the end."""
    assert _mount(folder)
    try:
        yield SmallFileSystem(folder)
    finally:
        _unmount(folder)


@contextmanager
def limited_files(folder: Path) -> Iterator[LimitedFiles]:
    """Take the limit on file sizes back at the end."""
    disk = LimitedFiles(folder)
    try:
        yield disk
    finally:
        disk.free()


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(folder)]
    return _run(command)


def _unmount(folder: Path) -> None:
    assert _run(["umount", "--lazy", str(folder)])


def _run(command: list[str]) -> bool:
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False
