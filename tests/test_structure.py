"""The shape of the source tree: file names, file lengths, docstrings."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("assets", "resources", "lwv_dagster")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
# A name that says what a file is to its folder may be in each folder; any other is in one.
ROLES = {
    "__init__.py",
    "asset.py",
    "checks.py",
    "hyperparameters.py",
    "schema.py",
    "step.py",
    "train.py",
    "trainer.py",
}
MOST_LINES = 400


def test_no_file_name_stands_twice() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        if path.name not in ROLES:
            homes[path.name].append(path.relative_to(ROOT).as_posix())
    assert {name for name, paths in homes.items() if len(paths) > 1} == set()


def test_no_file_is_longer_than_it_can_be_read() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in FILES}
    assert {name for name, lines in lengths.items() if lines > MOST_LINES} == set()


def undocumented(source: str) -> list[str]:
    """Names of a module's public functions, classes and methods without a docstring, and the module's own."""

    def visit(node: ast.AST, prefix: str) -> list[str]:
        missing = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and child.name[0] != "_":
                name = f"{prefix}{child.name}"
                missing += [] if ast.get_docstring(child) else [name]
                missing += visit(child, f"{name}.") if isinstance(child, ast.ClassDef) else []
        return missing

    tree = ast.parse(source)
    empty = not tree.body  # an __init__.py that only makes a package
    return ([] if empty or ast.get_docstring(tree) else ["the module"]) + visit(tree, "")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_public_function_class_and_method_has_a_docstring(folder: str) -> None:
    missing = {
        name: found
        for path in FILES
        if (name := path.relative_to(ROOT).as_posix()).startswith(f"{folder}/")
        if (found := undocumented(path.read_text()))
    }
    assert missing == {}


def test_what_has_no_docstring_is_named() -> None:
    source = '"""Module."""\ndef a(): ...\nclass B:\n    """Class."""\n    def c(self): ...\n    def _d(self): ...\n'
    assert undocumented(source) == ["a", "B.c"]
    assert undocumented("import re\n") == ["the module"]
    assert undocumented("") == []
