"""A step declares what it uses: no field, setting, prompt or table that its code reads is left out of its step.py.

The code of a step is its asset.py and checks.py with all modules of assets/ that they import, but for the shared ones.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from assets.derivation import FOLDER, template_hashes
from assets.step import SHARE, Step
from assets.steps import NAMES, STEP_OF, STEPS
from resources.recipe import model
from resources.recipe.model import Part, Recipe, UndeclaredFieldError
from resources.recipe.view import all_fields, field_values, recipe_of_values, restrict

ROOT = FOLDER.parent
SECTION_OF = {type(getattr(Recipe(), name)).__name__: name for name in Recipe.model_fields}
FOLDERS = (*NAMES, "judging")  # where the code of steps is
READS = ("rows", "read_table", "upstream", "has_table", "table_path")
TABLE_OF = {name.upper(): name for name in NAMES}


@dataclass(frozen=True)
class Module:
    """A file's top-level definitions by name, where each imported name comes from, and what its names stand for."""

    path: Path
    parts: Mapping[str, ast.stmt]
    imported: Mapping[str, tuple[Path, str]]


@cache
def module(path: Path) -> Module:
    parts: dict[str, ast.stmt] = {}
    imported: dict[str, tuple[Path, str]] = {}
    for node in ast.walk(tree := ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = node.module.split(".")
            source = ROOT.joinpath(*names).with_suffix(".py")
            ours = (names[0] == "assets" and len(names) > 1 and names[1] in FOLDERS) or names[:2] == [
                "resources",
                "training",
            ]
            if ours and source.exists():
                imported |= {alias.asname or alias.name: (source, alias.name) for alias in node.names}
    for node in tree.body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        for name in [getattr(node, "name", ""), *(found.id for target in targets for found in names_in(target))]:
            parts[name] = node
    return Module(path, parts, imported)


def names_in(node: ast.AST) -> list[ast.Name]:
    return [found for found in ast.walk(node) if isinstance(found, ast.Name)]


def code_of(step: Step, files: tuple[str, ...] = ("asset", "checks")) -> list[tuple[Path, ast.stmt]]:
    """Every top-level definition that the step's files reach by name, in the folders of assets and in training."""
    start = [path for name in files if (path := FOLDER / step.name / f"{name}.py").exists()]
    waiting = [(path, name) for path in start for name in module(path).parts]
    seen: set[tuple[Path, str]] = set()
    while waiting:
        path, name = waiting.pop()
        if (path, name) in seen or name not in module(path).parts:
            continue
        seen.add((path, name))
        for found in names_in(module(path).parts[name]):
            waiting.append(module(path).imported.get(found.id, (path, found.id)))
    return [(path, module(path).parts[name]) for path, name in sorted(seen)]


def fields_read(tree: ast.stmt) -> set[str]:
    """Recipe fields that a definition reads: attributes of names that are annotated with a section of the recipe
    (parameters, fields of a class), or of `….recipe.<section>`, or of names that such a section was assigned to."""
    typed: dict[str, str] = {}  # name -> section, or "" for the whole recipe
    for node in ast.walk(tree):
        annotation = getattr(node, "annotation", None)
        if isinstance(annotation, ast.Name):
            name = node.arg if isinstance(node, ast.arg) else getattr(getattr(node, "target", None), "id", "")
            if annotation.id in SECTION_OF:
                typed[name] = SECTION_OF[annotation.id]
            elif annotation.id == "Recipe":
                typed[name] = ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target, value in assigned(node):
                if isinstance(target, ast.Name) and (section := section_of(value, typed)) is not None:
                    typed[target.id] = section
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (section := section_of(node.value, typed)):
            found.add(f"{section}.{node.attr}")
    return found & {*all_fields()}


def assigned(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    target = node.targets[0]
    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        return list(zip(target.elts, node.value.elts, strict=True))
    return [(target, node.value)]


def section_of(node: ast.expr, typed: dict[str, str]) -> str | None:
    """Which section of the recipe an expression is; "" for the recipe itself, None for anything else."""
    if isinstance(node, ast.Name):
        return typed.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    if node.attr in Recipe.model_fields and section_of(node.value, typed) == "":
        return node.attr
    if node.attr == "recipe" and section_of(node.value, typed) is None:
        return typed.get("recipe", "")  # shard.recipe, made_with.recipe; self.recipe as its class annotates it
    return typed.get(node.attr) if isinstance(node.value, ast.Name) and node.value.id == "self" else None


def settings_read(tree: ast.stmt) -> set[str]:
    """Settings that a definition reads of `settings`, `shard.settings` or `made_with.settings`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            named = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
            names |= {node.attr} if named == "settings" else set()
    return names


def tables_read(tree: ast.stmt) -> set[str]:
    """Tables that a definition names in a call of the store or of a check's context."""
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in READS
            and node.args
        ):
            first = node.args[0]
            if isinstance(first, ast.Name) and first.id in TABLE_OF:
                found.add(TABLE_OF[first.id])
            elif isinstance(first, ast.Constant) and first.value in NAMES:
                found.add(first.value)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_field_that_a_steps_code_reads_is_declared(name: str) -> None:
    step = STEP_OF[name]
    read = {field for _, code in code_of(step) for field in fields_read(code)}
    assert read - {*step.fields} == set()


def test_the_reader_of_fields_sees_what_the_steps_read() -> None:
    """So that the test above cannot pass by seeing nothing."""
    read = {field for step in STEPS for _, code in code_of(step) for field in fields_read(code)}
    unseen = {field for step in STEPS for field in step.fields} - read
    # Read by name (getattr), which the restricted recipe guards at run time.
    by_name = {f"pairs.{kind}" for kind in ("cumulative", "shared_prefix", "whole")}
    by_name |= {f"training.{field}" for field in model.Training.model_fields}
    by_name |= {SHARE}  # read from a table's identity, in assets/quality
    assert unseen - by_name == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_table_that_a_steps_code_reads_is_upstream_of_it(name: str) -> None:
    step = STEP_OF[name]
    read = {table for _, code in code_of(step, ("asset",)) for table in tables_read(code)}
    assert read - {*step.upstream, step.name} == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_that_a_steps_code_reads_is_declared_or_says_where_things_are(name: str) -> None:
    where = {"home", "sources"}
    step = STEP_OF[name]
    read = {setting for _, code in code_of(step, ("asset",)) for setting in settings_read(code)}
    from resources.settings import Settings

    effort = {"shard_documents", "readers"}  # which documents make a shard, how many are read at once: nothing written
    assert (read & {*Settings.model_fields}) - {*step.settings} - where - effort == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_that_a_steps_code_loads_is_declared(name: str) -> None:
    step = STEP_OF[name]
    loaded: set[str] = set()
    for path, code in code_of(step, ("asset",)):
        for node in ast.walk(code):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load_prompt":
                chosen = node.args[1]
                name = chosen.value if isinstance(chosen, ast.Constant) else "*"  # one of several: any of them
                loaded |= {
                    found.relative_to(FOLDER).as_posix() for found in (path.parent / "prompts").glob(f"{name}.txt")
                }
    declared = {*template_hashes(step)}
    assert loaded - declared == set()
    assert bool(declared) == bool(loaded)


def test_a_field_that_is_not_declared_cannot_be_read() -> None:
    seen = restrict(Recipe(), ["pairs.margin"])
    assert seen.pairs.margin == Recipe().pairs.margin
    for read in (lambda: seen.pairs.samples, lambda: seen.mix):
        with pytest.raises(UndeclaredFieldError, match="does not declare it"):
            read()


def test_a_recipe_comes_back_from_the_values_that_a_table_holds() -> None:
    fields = [name for name in all_fields() if not name.startswith("training.")]
    seen = recipe_of_values({**field_values(Recipe(), fields), "LWV_STUDENT": "tiny", "pairs.of_another_time": 1})
    for section in Recipe.model_fields:
        if section != "training":
            assert getattr(seen, section) == getattr(Recipe(), section)
    assert isinstance(seen.instructions.words, Part)


def test_a_sharded_step_has_the_field_that_its_share_rule_asks_for_without_naming_it() -> None:
    assert Step("x", group="g", jobs=()).fields == (SHARE,)
    assert Step("x", group="g", jobs=(), sharded=False).fields == ()
    assert [step.name for step in STEPS if step.sharded and step.fields.count(SHARE) != 1] == []


def test_a_step_that_declares_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no pairs\.nothing"):
        Step("x", group="g", jobs=(), fields=("pairs.nothing",))
    with pytest.raises(ValueError, match="not upstream"):
        Step("x", group="g", jobs=(), optional=("drafts",))
