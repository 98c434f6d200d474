"""What is imported is declared, what is declared is used, and hooks and CI run what `make test` runs."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("assets", "lwv_dagster", "resources")
OURS = {path.parent.name for path in ROOT.glob("*/__init__.py")}
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Declared and used without an import; pyproject.toml says beside each what for.
UNIMPORTED = {"dagster-webserver", "dagster-graphql", "onnxruntime", "torchvision", "tensorboard", "vllm", "gguf"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    """The distributions that an installation with these extras asks for."""
    wanted = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    return {canonical(re.split(r"[^\w.-]", line)[0]) for line in wanted}


def imported(folders: Iterable[str]) -> dict[str, str]:
    """Top-level modules of others that these folders import, anywhere in a file -> one file that does."""
    found = dict[str, str]()
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            for name in (name.split(".")[0] for name in names):
                if name not in sys.stdlib_module_names and name not in OURS:
                    found.setdefault(name, str(path.relative_to(ROOT)))
    return found


def undeclared(modules: dict[str, str], known: set[str]) -> dict[str, str]:
    """The modules that none of the distributions which bring them is declared for. A module of a package that is not
    installed here (an extra) counts by its own name."""
    bring = packages_distributions()
    return {
        module: path for module, path in modules.items() if not known & set(map(canonical, bring.get(module, [module])))
    }


def test_the_product_imports_only_what_it_declares() -> None:
    assert undeclared(imported(PRODUCT), declared("vllm", "smol")) == {}


def test_the_tests_import_only_what_the_dev_extra_adds() -> None:
    assert undeclared(imported(["tests"]), declared("dev")) == {}


def test_what_is_declared_is_imported_or_used_otherwise() -> None:
    bring = packages_distributions()
    used = {canonical(name) for module in imported(PRODUCT) for name in bring.get(module, [module])}
    assert declared("vllm", "smol") - used == UNIMPORTED


def test_an_import_that_nobody_declared_is_found() -> None:
    assert undeclared({"yaml": "a.py", "nobody": "b.py"}, {"pyyaml"}) == {"nobody": "b.py"}


def test_constraints_pin_a_version_of_everything_that_is_declared() -> None:
    pinned = {canonical(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().split()}
    assert declared("dev") - pinned == set()


def test_the_hooks_run_what_make_lint_and_types_run() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for repo in hooks for hook in repo["hooks"]]
    assert [repo["repo"] for repo in hooks] == ["local"]
    makefile = (ROOT / "Makefile").read_text()
    recipes = [
        re.findall(rf"^{target}: setup\n((?:\t.+\n)+)", makefile, re.MULTILINE)[0] for target in ("lint", "types")
    ]
    commands = [line.strip() for recipe in recipes for line in recipe.splitlines()]
    assert [entry.replace(".venv/bin/", "$(BIN)/") for entry in entries] == commands


def test_continuous_integration_runs_every_part_of_make_test_on_every_python_that_is_declared() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]
    parts = re.findall(r"^test: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    ran = [step["run"].split()[1] for step in job["steps"] if step.get("run", "").startswith("make ")]
    assert ran == parts
    assert f">={job['strategy']['matrix']['python'][0]}" == PROJECT["requires-python"]
