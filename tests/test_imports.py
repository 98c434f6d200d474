"""Which folders may import which: read from the source files, so that imports inside functions count as well."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A folder, and the modules that no file in it may import, with all that is in them.
NEVER = [
    ("tests", "bench"),
    ("bench", "tests"),
    ("testing", "tests"),
    ("testing", "bench"),
    *((folder, other) for folder in ("assets", "resources", "lwv_dagster") for other in ("testing", "tests", "bench")),
]


def imports_of(path: Path) -> set[str]:
    """Full names of the modules that a file imports anywhere: in functions and under TYPE_CHECKING as well.

    `from a.b import c` gives `a.b`, and `a.b.c` too where that is a module of this repository.
    """
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(path, node)
            found.add(module)
            found.update(name for alias in node.names if is_module(name := f"{module}.{alias.name}"))
    return found


def absolute(path: Path, node: ast.ImportFrom) -> str:
    """The module that a `from` statement names; one dot stands for the file's own folder."""
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1].relative_to(ROOT)
    return ".".join((*folder.parts, *(node.module or "").split("."))).rstrip(".")


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def files_that_import(folder: str, module: str) -> Iterator[str]:
    """The files of a folder, at any depth, that import the module or anything in it, each with what it imports."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    assert paths, f"there is no code in {folder}/"
    for path in paths:
        for name in sorted(imports_of(path)):
            if f"{name}.".startswith(f"{module}."):
                yield f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize(("folder", "module"), NEVER)
def test_imports_go_one_way(folder: str, module: str) -> None:
    assert list(files_that_import(folder, module)) == []


def test_imports_are_found_wherever_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    for name in (
        "resources/text/words.py",
        "resources/settings.py",
        "tests/conftest.py",
        "tests/engine/test_engine.py",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    path = tmp_path / "tests" / "engine" / "test_all.py"
    path.write_text(
        "import os, bench.engine.run as run\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from resources import text, settings as s\n"
        "def later():\n    from ..conftest import Factory\n    from . import test_engine\n"
    )
    assert imports_of(path) == {
        "os",
        "bench.engine.run",
        "typing",
        "resources",
        "resources.text",
        "resources.settings",
        "tests.conftest",
        "tests.engine",
        "tests.engine.test_engine",
    }
