"""The rules of style that no linter holds: sizes, exemptions, and what may not be written."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path
    for package in ("connector", "state", "mappings")
    for path in (ROOT / package).rglob("*.py")
)
ALL_CODE = sorted(
    [
        *SOURCES,
        *(
            path
            for folder in ("tests", "bench", "deploy", "docs")
            for path in (ROOT / folder).rglob("*.py")
        ),
    ]
)
# Words that hide what a thing is: no part of a name may be one of them.
_METAPHORS = """
    cast circle circles complaint complaints course desk door doors fate fates firm firms flip
    flips givens nights noticing office portrait rehearsal rehearse rolling settle settled settles
    settling staff strike strikes telling town towns upset
"""
# Words that say nothing alone, or another thing in this field: never a whole name.
_EMPTY_WORDS = """
    bench box buried carrying chain chains covered each ending enrolling figures found
    give_back giving giving_back gone granting ground inside listed notice one ones other others
    pen proving questions reception releasing rest roll said say says sendings side standing
    starting tell tells tidying told turn turns who whoever whose writings
"""
# Words after which the noun is missing: never the last word of a name.
NOT_LAST = frozenset({"one", "ones", "other", "others"})
METAPHORS, EMPTY_WORDS = frozenset(_METAPHORS.split()), frozenset(_EMPTY_WORDS.split())
# As ruff's C901 counts, and as we do: with conditions inside expressions and comprehensions.
MAX_UNCOMMENTED_COMPLEXITY = 6
MAX_UNCOMMENTED_BRANCHES = 10
# Functions with more branches and no comment: it only ever falls.
MOST_UNCOMMENTED = 3
EXEMPTION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no)")
# Raise it only with a reason on the line that needs it.
MOST_EXEMPTIONS = 40


def _comments(path: Path) -> Iterator[str]:
    yield from (comment for _, comment in _numbered_comments(path))


def _numbered_comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each comment with its line."""
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _bound_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each name that a module gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.alias(asname=str(name))
            ):
                yield node.lineno, name


def _is_unwanted(name: str) -> bool:
    """Return whether a name is an empty word, holds a metaphor, or lacks its noun at the end.

    A test's own name is a sentence, in which any word may stand.
    """
    if name.startswith("test_"):
        return False
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    return (
        not METAPHORS.isdisjoint(words)
        or not NOT_LAST.isdisjoint(words[-1:])
        or name.strip("_").lower() in EMPTY_WORDS
    )


def _complexity(function: ast.AST) -> int:
    """Count the statements that branch, as ruff's C901 does."""
    branching = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)
    return 1 + sum(
        isinstance(node, branching) and not _is_default_case(node) for node in ast.walk(function)
    )


def _is_default_case(node: ast.AST) -> bool:
    return isinstance(node, ast.match_case) and ast.unparse(node.pattern) == "_"


def _branches(function: ast.AST) -> int:
    """Count the branches of a function, those inside of expressions included."""
    within_expressions = 0
    for node in ast.walk(function):
        match node:
            case ast.comprehension():
                within_expressions += 1 + len(node.ifs)
            case ast.IfExp():
                within_expressions += 1
            case ast.BoolOp():
                within_expressions += len(node.values) - 1
    return _complexity(function) + within_expressions


def _uncommented_functions(count: Callable[[ast.AST], int], most: int) -> Iterator[str]:
    """Yield the functions with more than `most` branches and no comment inside."""
    for path in SOURCES:
        comment_lines = [line for line, _ in _numbered_comments(path)]
        for node in _functions(path):
            is_commented = any(
                node.lineno < line <= (node.end_lineno or 0) for line in comment_lines
            )
            if count(node) > most and not is_commented:
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"


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


def test_names_are_nouns_and_verbs_of_the_field() -> None:
    unwanted = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in ALL_CODE
        for line, name in _bound_names(ast.parse(path.read_text(encoding="utf-8")))
        if _is_unwanted(name)
    ]
    unwanted += [str(path.relative_to(ROOT)) for path in ALL_CODE if _is_unwanted(path.stem)]
    assert unwanted == []


@pytest.mark.parametrize(
    ("name", "is_unwanted"),
    [
        ("told", True),
        ("_desk", True),
        ("open_door", True),
        ("HubSpotDoor", True),
        ("each", True),
        ("each_record", False),
        ("create_one", True),
        ("other_record", False),
        ("ground", True),
        ("former_customer_marks", False),
        ("IntactChain", False),
        ("test_nothing_is_told_at_the_door", False),
    ],
)
def test_what_makes_a_name_unwanted(name: str, *, is_unwanted: bool) -> None:
    assert _is_unwanted(name) is is_unwanted


def test_a_complex_function_has_comments_over_its_steps() -> None:
    assert list(_uncommented_functions(_complexity, MAX_UNCOMMENTED_COMPLEXITY)) == []
    uncommented = list(_uncommented_functions(_branches, MAX_UNCOMMENTED_BRANCHES))
    assert len(uncommented) <= MOST_UNCOMMENTED, "\n".join(uncommented)


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
