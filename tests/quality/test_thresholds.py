"""Thresholds of checks are the recipe's: a table's own decide, and changing one makes just its step's tables stale."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from assets.derivation import derivations, step_recipe
from assets.drafts.checks import mostly_whole
from assets.long_outputs.checks import CHECKS as LONG_OUTPUTS_CHECKS
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.asset_checks import check_shard
from assets.quality.outcome import Context, limits_of
from assets.recipe_nodes import node_metadata
from assets.steps import STEP_OF, STEPS
from resources.identity import TableIdentity
from resources.recipe.model import Checks, Recipe
from resources.recipe.view import LATER, THRESHOLDS, all_fields, field_values, recipe_of_values
from resources.settings import Settings
from resources.store import Store


def with_checks(**values: Any) -> Recipe:
    return Recipe().model_copy(update={"checks": Checks(**values)})


OTHER: dict[str, Any] = {
    "instruction_characters": 5000,
    "length_score": 60,
    "repeated_share": 0.5,
    "whole_drafts": 0.9,
    "unfaithful_share": 0.5,
    "drift_rows": 200,
    "drift_psi": 0.5,
    "drift_ks": 0.5,
    "judged_share": 0.5,
}


def test_every_threshold_but_the_oldest_is_a_later_field_and_has_another_value_here() -> None:
    thresholds = {name for name in all_fields() if name.startswith("checks.")} - {"checks.quarantine_share"}
    assert thresholds == {*THRESHOLDS} == {f"checks.{name}" for name in OTHER}


def test_the_default_recipe_is_what_it_was_before_there_were_thresholds() -> None:
    for step in STEPS:
        values = step_recipe(step, Recipe(), Settings()).values
        assert not {*values} & {*LATER}
    assert step_recipe(STEP_OF["segments"], Recipe(), Settings()).recipe_hash == "ead41eca0c5f"  # as 0.3 has it


@pytest.mark.parametrize("field", OTHER)
def test_a_changed_threshold_makes_the_tables_of_its_own_step_stale_and_no_other(field: str) -> None:
    before, after = (
        derivations(STEPS, recipe, Settings()) for recipe in (Recipe(), with_checks(**{field: OTHER[field]}))
    )
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {step.name for step in STEPS if f"checks.{field}" in step.fields} != set()


def test_what_a_recipe_has_of_thresholds_comes_back_from_a_table_and_the_rest_is_the_default() -> None:
    values = field_values(with_checks(length_score=60), STEP_OF["long_outputs"].fields)
    assert values["checks.length_score"] == 60 and "checks.repeated_share" not in values
    limits = recipe_of_values(values).checks
    assert (limits.length_score, limits.repeated_share) == (60, 0.3)
    assert limits_of(None).length_score == limits_of(TableIdentity(1)).length_score == 80


def test_the_ui_shows_thresholds_that_have_their_default_too() -> None:
    shown = node_metadata(STEP_OF["long_outputs"], Recipe(), Settings())["uses"].value  # type: ignore[union-attr]
    assert "checks.length\\_score" in str(shown) or "checks.length_score" in str(shown)


def checked(values: dict[str, object], table: pa.Table, rule: Callable[[Context], Any], store: Store) -> bool:
    return bool(rule(Context(store, "s-001", table, TableIdentity(1, recipe=values))).passed)


@pytest.mark.parametrize(("whole", "passes"), [(0.5, True), (0.51, False)])
def test_a_check_reads_the_threshold_of_the_table_and_not_of_the_environment(
    whole: float, passes: bool, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipe.toml").write_text("[checks]\nwhole_drafts = 1.0\n")
    monkeypatch.setenv("LWV_RECIPE", str(tmp_path / "recipe.toml"))
    table = pa.table({"example_id": ["a", "b"], "sample": [0, 0], "finish": ["stop", "length"]})
    values = field_values(with_checks(whole_drafts=whole), STEP_OF["drafts"].fields)
    assert checked(values, table, mostly_whole, Store(tmp_path)) is passes


@pytest.mark.parametrize(("least", "passes"), [(80, False), (70, True)])
def test_expectations_take_the_threshold_of_the_table_too(least: float, passes: bool, tmp_path: Any) -> None:
    row: dict[str, Any] = {field.name: None for field in LONG_OUTPUTS.schema} | {
        "example_id": "x",
        "language": "en",
        "output": "word " * 60,
        "words": 60,
        "length_score": 75.0,
        "sections": [],
    }
    store = Store(tmp_path)
    identity = TableIdentity(1, recipe=field_values(with_checks(length_score=least), STEP_OF["long_outputs"].fields))
    store.write_table(LONG_OUTPUTS, "s-001", [row], identity)  # type: ignore[list-item]
    outcome = check_shard(store, "long_outputs", "s-001", LONG_OUTPUTS_CHECKS)["length_near"]
    assert outcome.passed is passes
    assert passes or (outcome.description, outcome.found[0].why) == (
        "1 of 1 rows: length_score is under 80: x",
        "length_score is under 80: 75",
    )
