"""Which folders may import which: read from the source files, so that imports inside functions count as well."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from assets.steps import NAMES

ROOT = Path(__file__).resolve().parents[1]

# A folder, and the modules that no file in it may import, with all that is in them.
NEVER = [
    ("tests", "bench"),
    ("bench", "tests"),
    ("testing", "tests"),
    ("testing", "bench"),
    ("resources", "assets"),
    ("resources", "lwv_dagster"),
    ("assets", "lwv_dagster"),
    *((folder, other) for folder in ("assets", "resources", "lwv_dagster") for other in ("testing", "tests", "bench")),
]


PRODUCT = ("lwv_dagster", "assets", "resources")
LEAVES = (
    "resources/recipe/model.py",
    "resources/text",
    "resources/table.py",
    "resources/json_types.py",
    "resources/identity.py",
    "resources/authors.py",
    "resources/charts.py",
    "resources/op_tags.py",
    "resources/failures.py",
    "resources/secrets.py",
    "resources/secret_values.py",
    "resources/logs.py",
    "resources/wanted.py",
)


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


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


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


@pytest.mark.parametrize("name", NAMES)
def test_a_step_imports_the_steps_before_it_alone(name: str) -> None:
    """Those before it in assets/steps.py; what no step owns (assets/*.py, quality, judging) is for all."""
    later = NAMES[NAMES.index(name) + 1 :]
    assert [found for other in later for found in files_that_import(f"assets/{name}", f"assets.{other}")] == []


@pytest.mark.parametrize("path", [*sorted(path.name for path in (ROOT / "assets").glob("*.py")), "quality", "judging"])
def test_what_no_step_owns_imports_no_step(path: str) -> None:
    target = ROOT / "assets" / path
    files = [target] if target.is_file() else sorted(target.rglob("*.py"))
    steps = tuple(f"assets.{name}." for name in NAMES)
    assert files
    assert [
        f"{file.name} imports {name}" for file in files for name in imports_of(file) if name.startswith(steps)
    ] == []


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_imports_nothing_of_ours_but_leaves(leaf: str) -> None:
    target = ROOT / leaf
    files = [target] if target.is_file() else sorted(target.rglob("*.py"))
    allowed = tuple(other.removesuffix(".py").replace("/", ".") for other in LEAVES)
    strange = [
        f"{file.name} imports {name}"
        for file in files
        for name in imports_of(file)
        if name.split(".")[0] in PRODUCT and not name.startswith(allowed)
    ]
    assert files
    assert strange == []


def test_training_knows_nothing_of_dagster() -> None:
    """But for `dagster_pipes`, through which a process that Dagster started says how far it is."""
    assert list(files_that_import("resources/training", "dagster")) == []


def test_there_is_no_import_circle() -> None:
    graph = {module_name(path): imports_of(path) for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")}
    order = TopologicalSorter({name: {found for found in imports if found in graph} for name, imports in graph.items()})
    assert len(graph) > 200
    order.prepare()  # raises CycleError, which names the circle


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
