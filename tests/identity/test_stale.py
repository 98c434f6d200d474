"""What a change of the recipe or of a prompt makes stale: exactly the steps that use it, and what follows them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from assets import derivation
from assets.derivation import derivations
from assets.recipe_nodes import changed_nodes
from assets.steps import STEP_OF, STEPS, steps_of
from lwv_dagster.definitions import defs
from lwv_dagster.refresh import stale_tables
from resources.recipe.model import Recipe
from resources.recipe.read import read_recipe
from resources.recipe.view import THRESHOLDS, all_fields
from resources.settings import Settings
from tests.conftest import Factory, draw_page, draw_unlike_decks, write_recipe

GATES = ("sft_dataset", "preference_dataset")
NOTHING: set[str] = set()
FROM_PAIRS = {"preference_pairs", "preference_dataset"}


def descendants(step: str) -> set[str]:
    """The steps that need a step, itself included."""
    found = {step}
    for other in (*STEPS, *STEPS):  # twice: the list is in no order of dependency that this test relies on
        if found & ({*other.upstream} - {*other.optional}):
            found.add(other.name)
    return found


def follows(step: str) -> set[str]:
    """Of the assets that the fixture makes, the step and those that need it."""
    return descendants(step) & {*steps_of("shard_job"), *GATES}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Factory, str]]:
    """Two shards and both training datasets, made by the real jobs."""
    folder = tmp_path_factory.mktemp("stale")
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setenv("LWV_HOME", str(folder / "home"))
        patch.setenv("LWV_SOURCES", str(folder / "sources"))
        patch.setenv("LWV_RECIPE", write_recipe(folder))
        factory = Factory(folder / "home", folder / "sources", instance)
        draw_unlike_decks(factory.sources / "talks")
        draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
        for shard in factory.scan():
            assert factory.run("shard_job", shard).success
        trained = factory.run("training_job", assets=list(GATES))
        assert trained.success, failures(trained)
        yield factory, str(folder / "recipe.toml")


def failures(result: dg.ExecuteInProcessResult) -> str:
    """What the steps that failed say."""
    found = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return "; ".join(
        data.user_failure_data.description or "" if data.user_failure_data else data.error_display_string
        for data in found
    )


def stale(factory: Factory) -> set[str]:
    """The assets that Dagster calls stale; each of those with shards is so in all of them or in none."""
    look(factory)
    graph = defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(factory.instance, graph, LoadingContextForTest(factory.instance))
    tables = stale_tables(factory.instance, graph)
    found = {table.asset_key.to_user_string() for table in tables}
    shards = factory.instance.get_dynamic_partitions("shard")
    assert len(tables) == len(found) * len(shards)
    return found | {gate for gate in GATES if resolver.get_status(dg.AssetKey(gate)) == StaleStatus.STALE}


def look(factory: Factory) -> None:
    """What the sensor does."""
    for observation in changed_nodes(factory.instance, read_recipe(), Settings()):
        factory.instance.report_runless_asset_event(observation)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", NOTHING),
        ("[pairs]\nmargin = 9.0\n", FROM_PAIRS),
        ("[pairs]\nlast_share = 0.25\n", FROM_PAIRS),
        ("[pairs]\ntemperature = 0.5\n", NOTHING),  # of drafts, which were never made
        ("[corrections]\ndrafts = 'teacher'\n", follows("segments")),
        ("[writing]\nband = [0.7, 1.4]\n", follows("long_outputs")),
        ("[keep]\nlength_score = 50\n", {"sft_dataset"}),
        ("[gate]\nmixed_recipes = true\n", set(GATES)),
        ("[training]\nbeta = 0.2\n", NOTHING),  # of a checkpoint, which was never made
    ],
)
def test_a_changed_field_makes_the_steps_that_use_it_stale_and_what_follows_them(
    table: str, expected: set[str], made: tuple[Factory, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, recipe = made
    monkeypatch.setenv("LWV_HOME", str(factory.home))
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, table))
    assert stale(factory) == expected
    monkeypatch.setenv("LWV_RECIPE", recipe)  # as it was: nothing was made since, so nothing is stale
    assert stale(factory) == NOTHING


def test_a_changed_prompt_of_the_critic_makes_its_step_stale_and_what_follows_it(
    made: tuple[Factory, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, recipe = made
    monkeypatch.setenv("LWV_RECIPE", recipe)
    copy = tmp_path / "assets"
    shutil.copytree(derivation.FOLDER, copy)
    monkeypatch.setattr(derivation, "FOLDER", copy)
    assert stale(factory) == NOTHING
    prompt = copy / "corrected_segments" / "prompts" / "correct.txt"
    prompt.write_text(prompt.read_text() + "\nBe kind.\n")
    assert stale(factory) == follows("corrected_segments")
    monkeypatch.undo()
    look(factory)


def test_an_editors_lock_and_the_line_ends_of_windows_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, copy = STEP_OF["corrected_segments"], tmp_path / "assets"
    before = derivation.template_hashes(step)
    shutil.copytree(derivation.FOLDER, copy)
    monkeypatch.setattr(derivation, "FOLDER", copy)
    prompts = copy / "corrected_segments" / "prompts"
    (prompts / ".#correct.txt").symlink_to("somebody@somewhere.1234")  # Emacs, while the file is edited
    for prompt in prompts.glob("[!.]*.txt"):
        prompt.write_bytes(prompt.read_bytes().replace(b"\n", b"\r\n"))
    assert derivation.template_hashes(step) == before != {}


def test_a_shard_that_is_made_again_is_stale_no_longer_and_the_others_are(
    made: tuple[Factory, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, _ = made
    monkeypatch.setenv("LWV_HOME", str(factory.home))
    monkeypatch.setenv("LWV_SOURCES", str(factory.sources))
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, "[pairs]\nmargin = 9.0\n"))
    signs, talks = factory.scan()
    assert factory.run("shard_job", talks, ["preference_pairs"]).success
    tables = stale_tables(factory.instance, defs.resolve_asset_graph())
    assert {(table.asset_key.to_user_string(), table.partition_key) for table in tables} == {
        ("preference_pairs", signs)
    }
    refused = factory.run("training_job", assets=["preference_dataset"])
    said = failures(refused)
    old, new = (factory.store.identity("preference_pairs", shard) for shard in (signs, talks))
    assert old and new and old.recipe_hash != new.recipe_hash
    assert f"1 shard ({signs}) under recipe {old.recipe_hash}, 1 shard ({talks}) under {new.recipe_hash}" in said
    assert "differ in pairs.margin" in said
    assert "gate.mixed_recipes = true" in said

    allowed = write_recipe(tmp_path, "[pairs]\nmargin = 9.0\n[gate]\nmixed_recipes = true\n")
    monkeypatch.setenv("LWV_RECIPE", allowed)
    assert factory.run("training_job", assets=["preference_dataset"]).success
    assert factory.run("shard_job", signs, ["preference_pairs"]).success
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, "[pairs]\nmargin = 9.0\n"))
    assert factory.run("training_job", assets=["preference_dataset"]).success


def test_the_checks_of_a_good_shard_pass_whatever_the_recipe_says_by_now(
    made: tuple[Factory, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checks read the recipe that the table was made under, not the environment."""
    from assets.preference_pairs.checks import CHECKS
    from assets.quality.asset_checks import check_shard

    factory, _ = made
    changed = "[pairs]\nmargin = 99.0\nsamples = 9\ncumulative = 0.0\nshared_prefix = 0.0\nwhole = 0.0\n"
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, changed))
    for shard in factory.scan():
        outcomes = check_shard(factory.store, "preference_pairs", shard, CHECKS)
        assert all(outcome.passed for outcome in outcomes.values())


@pytest.mark.parametrize("field", all_fields())
def test_each_field_of_the_recipe_changes_the_derivations_of_those_that_use_it_and_no_other(field: str) -> None:
    recipe, settings = Recipe(), Settings()
    section, name = field.split(".")
    part = getattr(recipe, section)
    changed = recipe.model_copy(update={section: part.model_copy(update={name: another(getattr(part, name))})})
    before, after = derivations(STEPS, recipe, settings), derivations(STEPS, changed, settings)
    users = {step.name for step in STEPS if field in step.fields}
    assert users, f"no step uses {field}"
    stale = {name for name in before if before[name] != after[name]}
    # A threshold changes no row, so nothing that is made of the rows.
    assert stale == (users if field in THRESHOLDS else set().union(*map(descendants, users)))


def another(value: object) -> object:
    """A value that differs, as JSON has it; it need not be one that a recipe may have."""
    return not value if isinstance(value, bool) else "another"


def test_pairs_and_what_follows_them_up_to_the_report() -> None:
    assert descendants("preference_pairs") == {
        *FROM_PAIRS,
        "dpo_checkpoint",
        "benchmark_scores",
        "quality_report",
    }
    assert "drafts" in STEP_OF["segments"].optional  # a checkpoint that is trained anew does not redo the whole corpus
