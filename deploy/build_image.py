"""Carry out the Dockerfile's steps in a clean directory, where no container engine is at hand.

    python deploy/build_image.py FOLDER     builds, and prints the command that the image runs

Each stage is a folder; `COPY` copies into it, and `RUN` runs there with the image's own paths
(/src, /opt, /var/lib/connector) moved into the stage. What needs root, the user and the modes of
folders, is left out and said so.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOVED = re.compile(r"(?<![\w.])/(?=(?:src|opt|var/lib/connector)\b)")
NEEDS_ROOT = ("useradd", "install --directory --owner")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of the Dockerfile, its continued lines joined."""

    name: str
    arguments: str


@dataclass(slots=True)
class Stage:
    """A stage under way: its folder stands for the root of the image."""

    folder: Path
    work: str = "/"
    env: dict[str, str] = field(default_factory=dict)
    user: str = "root"
    entry: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def moved(self, text: str) -> str:
        """Move the image's own paths into the stage's folder."""
        return MOVED.sub(f"{self.folder}/", text)

    def path(self, text: str) -> Path:
        """Return where a path of the image lies."""
        return Path(self.moved(str(Path(self.work) / text)))


def instructions(dockerfile: str) -> Iterator[Instruction]:
    """Yield the instructions."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            yield Instruction(name.upper(), " ".join(arguments.split()))


def build(folder: Path) -> Stage:
    """Carry out every step; return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for instruction in instructions((ROOT / "Dockerfile").read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            name = instruction.arguments.partition(" AS ")[2] or "last"
            stage = stages[name] = Stage(folder / name)
            stage.folder.mkdir(parents=True)
        else:
            _carry_out(instruction, stage, stages)
    return stage


def _carry_out(instruction: Instruction, stage: Stage, stages: Mapping[str, Stage]) -> None:
    match instruction.name:
        case "COPY":
            _copy(instruction.arguments.split(), stage, stages)
        case "RUN":
            _run(instruction.arguments, stage)
        case "WORKDIR" | "ENV" | "USER" | "ENTRYPOINT" | "CMD" | "HEALTHCHECK":
            _set(instruction, stage)
        case "VOLUME" | "EXPOSE":
            return
        case _:
            raise SystemExit(f"{instruction.name}: this instruction cannot be carried out")


def _set(instruction: Instruction, stage: Stage) -> None:
    match instruction.name:
        case "WORKDIR":
            stage.work = instruction.arguments
            stage.path(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(instruction.arguments))
            stage.env.update({name: stage.moved(value) for name, _, value in pairs})
        case "USER":
            stage.user = instruction.arguments
        case "ENTRYPOINT":
            stage.entry = json.loads(instruction.arguments)
        case "CMD":
            stage.command = json.loads(instruction.arguments)
        case "HEALTHCHECK":
            stage.health = json.loads(instruction.arguments.partition(" CMD ")[2])


def _copy(words: list[str], stage: Stage, stages: Mapping[str, Stage]) -> None:
    source = None
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")]
    *names, target = words
    for name in names:
        path = source.path(name) if source else ROOT / name
        to = stage.path(target)
        to = to / path.name if target.endswith("/") else to
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, to, symlinks=True, ignore=None if source else ignored)
        else:
            shutil.copy(path, to)


def _run(command: str, stage: Stage) -> None:
    steps = [step for step in command.split(" && ") if not step.strip().startswith(NEEDS_ROOT)]
    for step in steps:
        _print_line(f"RUN {step}")
        done = subprocess.run(
            ["/bin/sh", "-ec", stage.moved(step).replace("python ", f"{sys.executable} ", 1)],
            cwd=stage.path("."),
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"it failed: {step}")


def command(stage: Stage, words: list[str]) -> list[str]:
    """Return a command of the image as it runs here: its scripts name the build's folder."""
    python = str(stage.path("/opt/connector/bin/python"))
    return (
        [python, "-m", "connector", *words[1:]] if words[0] == "connector" else [python, *words[1:]]
    )


def environment(stage: Stage) -> dict[str, str]:
    """Return the image's environment."""
    return {**stage.env, "PATH": f"{stage.env['PATH']}:{os.environ['PATH']}"}


def _print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    last = build(Path(sys.argv[1]).resolve())
    _print_line(f"The image would run as user {last.user}: {shlex.join(last.entry + last.command)}")
    _print_line(shlex.join(command(last, last.entry + last.command)))
