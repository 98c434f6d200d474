"""A recipe or a setting that cannot be used: one sentence wherever it is read, and no stack trace."""

from pathlib import Path

import dagster as dg
import pytest

from assets.recipe_nodes import node_key
from lwv_dagster.definitions import defs
from lwv_dagster.sensors import changed_recipe
from resources.recipe.read import RecipeError, read_recipe
from tests.conftest import Factory, draw_page
from tests.identity.test_stale import failures

UNUSABLE = {
    "LWV_RECIPE": (
        "[pairs\nmargin = 9",
        "is no TOML: line 1, column 7: Expected ']' at the end of a table declaration",
    ),
    "LWV_MAX_SIDE": ("wide", "LWV_MAX_SIDE must be a whole number of at least 56, is 'wide'"),
    "LWV_TEACHER_BASE_URL": ("ftp://here", "must start with http:// or https://"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_used_is_said_in_one_sentence(
    name: str, factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_page(factory.sources / "signs" / "sign.png", "A sign that stands alone")
    (shard,) = factory.scan()
    value, sentence = UNUSABLE[name]
    monkeypatch.delenv("LWV_RECIPE", raising=False)
    monkeypatch.setenv("LWV_TEACHER_MODEL", "a-model")
    if name == "LWV_RECIPE":
        (tmp_path / "recipe.toml").write_text(value)
        value = str(tmp_path / "recipe.toml")
    monkeypatch.setenv(name, value)

    skipped = changed_recipe(dg.build_sensor_context(instance=factory.instance, definitions=defs))
    assert isinstance(skipped, dg.SkipReason)
    observed = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=factory.instance, raise_on_error=False, asset_selection=[node_key("source_images")]
    )
    ran = factory.run("shard_job", shard, ["source_images"])  # the first step of all
    assert not observed.success and not ran.success
    for said in (skipped.skip_message, failures(observed), failures(ran)):
        assert said is not None and sentence in said
        assert len(said.splitlines()) == 1


def test_a_recipe_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(b"\xef\xbb\xbf[pairs]\nmargin = 9.0\n")
    assert read_recipe(str(tmp_path / "recipe.toml")).pairs.margin == 9.0


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "\0"])
def test_what_is_no_toml_at_all_is_said_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(RecipeError, match=r"recipe\.toml \(LWV_RECIPE\) is no TOML"):
        read_recipe(str(tmp_path / "recipe.toml"))


def test_the_home_of_nobody_is_no_place_for_a_recipe() -> None:
    with pytest.raises(RecipeError, match=r"~nobody-here/recipe\.toml"):
        read_recipe("~nobody-here/recipe.toml")
