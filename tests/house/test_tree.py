"""The tree explains itself: the map is true, folders say what they hold, no import circle."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("connector", "state", "mappings")
FOLDERS = sorted(
    path.parent for package in PRODUCT for path in (ROOT / package).rglob("__init__.py")
)
MODULES = sorted(
    path
    for folder in (*PRODUCT, "tests", "bench", "deploy", "docs")
    for path in (ROOT / folder).rglob("*.py")
)
SCREEN_LINES = 45
# What is tested across the rooms, and what the tests themselves are made of.
TEST_FOLDERS_WITHOUT_ROOM = {
    "benchmarks", "fakes", "house", "journeys", "oracle", "recorded", "simulation",
}  # fmt: skip
# They are run by name, or are what tests are made with: the sandbox is a portal for tests.
USED_FROM_OUTSIDE = ("connector/sandbox/", "deploy/", "state/migrations/")


def _drawn_tree() -> list[str]:
    """Return the lines of the first block of the architecture, which is the tree."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return text.split("```")[1].strip("\n").splitlines()


def _drawn_paths() -> set[str]:
    """Return every path that the tree names; four columns are a level, a line may name many."""
    paths, parents = set(), [""]
    for line in _drawn_tree():
        indent, names = re.match(r"([│├└─ ]*)((?:[\w.]+/?[ ]?)+)(?: |$)", line).groups()
        depth = len(indent) // 4
        parents[depth + 1 :] = []
        for name in names.split():
            paths.add(parents[depth] + name)
        parents.append(parents[depth] + names.split()[-1])
    return paths


def test_the_map_names_every_folder_of_the_product_and_fits_one_screen() -> None:
    folders = {
        f"{path.relative_to(ROOT)}/" for path in FOLDERS if len(path.relative_to(ROOT).parts) <= 3
    }
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "connector").glob("*.py")
        if not path.stem.startswith("__")
    }
    assert _drawn_paths() & {*folders, *modules} == {*folders, *modules}
    assert [path for path in _drawn_paths() if not (ROOT / path).exists()] == []
    assert len(_drawn_tree()) <= SCREEN_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_says_in_a_sentence_what_lives_there(folder: Path) -> None:
    tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
    sentence = ast.get_docstring(tree) or ""
    assert sentence.endswith(".")
    assert len(sentence.splitlines()) == 1
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)


def test_the_folders_of_the_tests_are_those_of_the_product() -> None:
    rooms = {str(path.relative_to(ROOT)).removeprefix("connector/") for path in FOLDERS}
    test_rooms = {
        str(path.parent.relative_to(ROOT / "tests")) for path in (ROOT / "tests").rglob("test_*.py")
    }
    strange = {
        room for room in test_rooms - rooms if room.split("/")[0] not in TEST_FOLDERS_WITHOUT_ROOM
    }
    assert strange == set()
    first_rooms = {room.split("/")[0] for room in rooms} - {"connector"}
    assert first_rooms - {room.split("/")[0] for room in test_rooms} == set()


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import; the name is empty where the module itself is meant."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def test_no_import_leads_back_to_its_module_in_the_tests_neither() -> None:
    names = {_module_name(path): path for path in MODULES}
    imports = {}
    for name, path in names.items():
        targets = {
            f"{module}.{imported}" if f"{module}.{imported}" in names else module
            for module, imported in _imported_names(path)
        }
        imports[name] = (targets & names.keys()) - {name}
    assert len(list(TopologicalSorter(imports).static_order())) == len(names)


def test_the_import_contract_has_at_most_twelve_layers() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.search(r"containers = \[\]\nlayers = \[\n(.*?)\n\]", text, re.DOTALL)
    assert layers
    assert len(layers[1].splitlines()) <= 12


def test_what_only_tests_call_is_not_in_the_product() -> None:
    assert [f"{path}: {name}" for path, name in _unused_definitions()] == []


def _unused_definitions() -> Iterator[tuple[str, str]]:
    """Yield the public functions and classes of modules that no module of the product names."""
    sources = [path for path in MODULES if path.relative_to(ROOT).parts[0] in PRODUCT]
    uses: Counter[tuple[str, str]] = Counter()
    for path in sources:
        uses.update(_uses(path, {_module_name(source) for source in sources}))
    scripts = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for path in sources:
        relative_path = str(path.relative_to(ROOT))
        if relative_path.startswith(USED_FROM_OUTSIDE):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.FunctionDef | ast.ClassDef)
                # What a decorator takes is registered: a command, a route.
                and not (isinstance(node, ast.FunctionDef) and node.decorator_list)
                and not uses[_module_name(path), node.name]
                and f"{_module_name(path)}:{node.name}" not in scripts
            ):
                yield relative_path, node.name


def _uses(path: Path, modules: set[str]) -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that a module uses, its own definitions included."""
    aliases: dict[str, str] = {}
    imported: dict[str, tuple[str, str]] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in modules:
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                else:
                    imported[alias.asname or alias.name] = (node.module, alias.name)
        elif isinstance(node, ast.Import):
            aliases.update({alias.asname or alias.name: alias.name for alias in node.names})
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=name) if ast.unparse(value) in aliases:
                yield aliases[ast.unparse(value)], name
            case ast.Name(id=name):
                yield imported.get(name, (_module_name(path), name))
            # The command line names what it loads when it is called.
            case ast.Constant(value=str(text)) if re.fullmatch(r"[\w.]+:\w+", text):
                module, _, name = text.partition(":")
                yield module, name
