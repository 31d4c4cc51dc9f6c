"""The house's own rules, held as tests: sizes, docstrings, floors, complete docs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "filmroom"
MODULES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 400  # lines
LONGEST_FUNCTION = 40  # lines, docstring and signature included
NAMES = [str(path.relative_to(SOURCE)) for path in MODULES]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {
        name: ast.parse(path.read_text(encoding="utf-8"))
        for name, path in zip(NAMES, MODULES, strict=True)
    }


def test_no_file_is_longer_than_the_house_allows() -> None:
    lengths = {
        name: len(path.read_text(encoding="utf-8").splitlines())
        for name, path in zip(NAMES, MODULES, strict=True)
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_no_function_is_longer_than_the_house_allows(trees: dict[str, ast.Module]) -> None:
    long = {
        f"{name}:{function.name}": lines
        for name, tree in trees.items()
        for function in functions(tree)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_nothing_is_imported_inside_a_function(trees: dict[str, ast.Module]) -> None:
    inside = [
        f"{name}:{node.lineno}"
        for name, tree in trees.items()
        for function in functions(tree)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_every_module_class_and_public_function_says_what_it_is(
    trees: dict[str, ast.Module],
) -> None:
    silent = []
    for name, tree in trees.items():
        if tree.body and ast.get_docstring(tree) is None:
            silent.append(name)
        for node in tree.body:
            if not isinstance(node, ast.ClassDef | Function) or node.name.startswith("_"):
                continue
            if ast.get_docstring(node) is None:
                silent.append(f"{name}:{node.name}")
    assert silent == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "common", "base", "manager", "misc", "service"}
    assert [name for name in NAMES if Path(name).stem in empty] == []


def test_the_floors_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    checked = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:  # an unpacked source archive has no history
        return MODULES
    return [ROOT / line for line in listed.stdout.splitlines()]


def test_no_file_names_a_registry_or_a_path_of_somebodys_machine() -> None:
    telling = re.compile(
        r"registry\.npmjs\.org|pypi\.org/simple|files\.pythonhosted\.org|(?<![\w.])/(?:work|root)/"
    )
    told = []
    for path in tracked():
        if path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        told += [f"{path.relative_to(ROOT)}: {match[0]}" for match in telling.finditer(text)]
    assert told == []


def test_every_bench_program_is_explained() -> None:
    explained = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    programs = [path.name for path in (ROOT / "bench").glob("*.py")]
    assert [name for name in programs if f"`{name}`" not in explained] == []


def test_every_decision_is_numbered_once_and_short() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    assert {p.name for p in pages if len(p.read_text("utf-8").splitlines()) > 40} == set()


def test_every_changelog_fragment_has_a_kind() -> None:
    kinds = {"added", "changed", "fixed", "removed"}
    fragments = [path for path in (ROOT / "changes").iterdir() if path.name != "README.md"]
    assert [f.name for f in fragments if f.name.split(".")[-2:-1][0] not in kinds] == []
