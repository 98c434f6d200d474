"""From a failed check as Dagster has it, one link leads to all that breaks it, each with its page."""

import re
from html import unescape

import dagster as dg
import pytest
from starlette.testclient import TestClient

from lwv_dagster.look.app import make_app
from tests.conftest import Factory, draw_unlike_decks, write_recipe


@pytest.fixture
def failed(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> tuple[Factory, dg.AssetCheckEvaluation]:
    """A shard whose recipe asks for a length score that no text has."""
    monkeypatch.setenv("LWV_RECIPE", write_recipe(factory.home.parent, "[checks]\nlength_score = 100\n"))
    monkeypatch.setenv("LWV_LOOK_PORT", "4321")
    draw_unlike_decks(factory.sources / "talks")
    (shard,) = factory.scan()
    result = factory.run("shard_job", shard, ["source_images", "instructions", "long_outputs"])
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert not found["length_near"].passed
    return factory, found["length_near"]


def test_a_failed_check_has_a_sentence_a_table_of_reasons_and_a_link_to_a_page_of_all_violations(
    failed: tuple[Factory, dg.AssetCheckEvaluation],
) -> None:
    factory, check = failed
    assert check.description is not None and "length_score is under 100" in check.description
    table, link = check.metadata["violations"], check.metadata["all"]
    assert isinstance(table, dg.TableMetadataValue) and isinstance(link, dg.UrlMetadataValue)
    rows = [record.data for record in table.records]
    assert rows and all(str(row["what"]).startswith("talks/") and "under 100" in str(row["why"]) for row in rows)
    address = str(link.value).removeprefix("http://127.0.0.1:4321")
    assert address.startswith("/violations?check=long_outputs.length_near&shard=talks-001")
    with TestClient(make_app(factory.home), base_url="http://127.0.0.1") as client:
        page = client.get(address)
        assert page.status_code == 200
        pictures = re.findall(r'<img class="vi-page" src="([^"]*)"', page.text)
        assert len(pictures) == len(rows)
        assert all(client.get(unescape(picture)).status_code == 200 for picture in pictures)
        assert all(str(row["id"]) in page.text for row in rows)


def test_no_value_of_a_check_hides_behind_a_button(failed: tuple[Factory, dg.AssetCheckEvaluation]) -> None:
    hidden = (dg.JsonMetadataValue, dg.MarkdownMetadataValue)
    assert not [name for name, value in failed[1].metadata.items() if isinstance(value, hidden)]
