"""What refresh_job makes again: what is stale and what is made from it, once."""

from pathlib import Path

import pytest

from lwv_dagster.definitions import defs
from lwv_dagster.refresh import backfill_of, stale_tables, unfinished_backfill
from tests.conftest import Factory, draw_page, write_recipe


def test_what_is_made_from_a_stale_table_is_made_again_with_it_and_a_second_refresh_waits(
    factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path))
    draw_page(factory.sources / "signs" / "sign-a.png", "A sign that stands alone")
    (shard,) = factory.scan()
    assert factory.run("shard_job", shard, ["source_images", "instructions", "long_outputs", "segments"]).success
    graph = defs.resolve_asset_graph()
    assert stale_tables(factory.instance, graph) == []

    draw_page(factory.sources / "signs" / "sign-b.png", "Fresh bread and warm rolls", colour="beige")
    assert factory.scan() == [shard]
    assert factory.run("shard_job", shard, ["source_images"]).success
    tables = stale_tables(factory.instance, graph)
    assert [table.asset_key.to_user_string() for table in tables] == ["instructions", "long_outputs", "segments"]

    assert unfinished_backfill(factory.instance) is None
    backfill = backfill_of(factory.instance, graph, tables)
    factory.instance.add_backfill(backfill)
    assert unfinished_backfill(factory.instance) == backfill.backfill_id
