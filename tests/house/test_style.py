"""The rules of style that no linter holds: sizes, exemptions, and what may not be written."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for package in ("connector", "state", "mappings")
    for path in (ROOT / package).rglob("*.py")
)
EXEMPTION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no)")
# Raise it only with a reason on the line that needs it.
MOST_EXEMPTIONS = 40


def _comments(path: Path) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its signature and docstring."""
    first_statement = (
        node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    )
    return (node.end_lineno or 0) - first_statement.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_stays_under_400_lines_and_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 400
    assert "migrations" in path.parts or ast.get_docstring(ast.parse(text))


def test_no_function_is_longer_than_40_lines() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {_body_lines(node)} lines"
        for path in SOURCES
        if "migrations" not in path.parts
        for node in _functions(path)
        if _body_lines(node) > 40
    ]
    assert too_long == []


def test_every_exemption_gives_a_reason_and_there_are_few() -> None:
    exemptions = [
        (path, comment)
        for path in SOURCES
        for comment in _comments(path)
        if EXEMPTION.search(comment)
    ]
    unexplained = [
        f"{path.relative_to(ROOT)}: {comment}"
        for path, comment in exemptions
        if len(
            re.sub(
                r"#\s*(noqa|type: ignore|pragma: no cover)[:\s]*[\w\d,\[\]-]*", "", comment
            ).strip(" -–—:#")
        )
        < 10
    ]
    assert unexplained == []
    assert len(exemptions) <= MOST_EXEMPTIONS


def test_no_module_is_named_after_nothing() -> None:
    vague_names = {"utils", "helpers", "common", "base", "manager", "service", "util", "misc"}
    assert [path.name for path in SOURCES if path.stem in vague_names] == []


def test_nothing_committed_names_a_path_of_one_machine() -> None:
    tracked_files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    ).stdout.split("\0")
    if tracked_files == [""]:
        pytest.skip("not a git checkout: there is no list of what is committed")
    pattern = re.compile(r"(^|[^A-Za-z0-9_.])/(?:work|farm|root|home)/", re.MULTILINE)
    offending_files = []
    for name in filter(None, tracked_files):
        path = ROOT / name
        if path == Path(__file__) or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if pattern.search(text):
            offending_files.append(name)
    assert offending_files == []
