"""The overview and what it links to: counts are those of the tables, each loss leads to its rows, texts stay texts."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from assets.quality.outcome import Outcome, Rule, Violation
from assets.quality.quarantine import read_quarantine
from assets.quality.report import write_report
from assets.quality_report.overview import LATER, Overview
from assets.signals.schema import SIGNALS
from lwv_dagster.look.app import make_app
from resources.store import Store
from testing.look_home import Size, write_look_home
from testing.overview_home import FAILING, add_overview

SIZE = Size(documents=40, pages=4, in_shard=10, images=2)
LOSSES = ("instructions", "long_outputs")
SHARDS = [f"lectures-{number:03d}" for number in range(1, 5)]
PARTS = ("/overview", *(f"/overview/{name}" for name in LATER))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("overview")
    write_look_home(folder, SIZE)
    add_overview(Store(folder))
    return folder


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(make_app(home), base_url="http://127.0.0.1") as found:
        yield found


def text(client: TestClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def test_the_funnel_counts_pages_examples_texts_and_segments(client: TestClient) -> None:
    said = plain(text(client, "/overview"))
    assert "Documents read 160 pages of 40 documents" in said
    assert "Long outputs 40 texts of 40 documents" in said and "Segments 160 segments" in said


def test_every_loss_of_the_funnel_leads_to_as_many_rows(client: TestClient, home: Path) -> None:
    html = text(client, "/overview")
    found = re.findall(r'−<a href="(/losses[^"]*)">(\d+) ', html)
    assert found
    for address, rows in found:
        assert f"{rows} row" in plain(text(client, unescape(address))), address
    aside = sum(
        len(read_quarantine(Store(home), step, shard)) for step in ("instructions", "long_outputs") for shard in SHARDS
    )
    assert sum(int(rows) for _, rows in found) == aside > 0


def test_a_failed_rule_is_a_strip_of_shards_whose_cells_lead_to_its_violations(client: TestClient) -> None:
    html = text(client, "/overview")
    cells = re.findall(
        r'<a href="(/violations\?check=long_outputs\.length_near&amp;shard=[^"]*)"><rect class="h2"', html
    )
    assert len(cells) == len(SHARDS)  # in all of them, three rows: the shade of 2 and 3
    page = text(client, unescape(cells[0]))
    assert page.count('class="vi-page"') == 3 and page.count("planted") >= 3
    assert all(client.get(address).status_code == 200 for address in re.findall(r'src="(/image/[^"]*)"', page))


def test_from_a_failed_check_a_violation_is_its_page_with_its_file_and_the_queue_behind_it(client: TestClient) -> None:
    shard = next(
        shard for shard in SHARDS if "warns" in text(client, f"/violations?check=signals.headings_kept&shard={shard}")
    )
    page = text(client, f"/violations?check=signals.headings_kept&shard={shard}")
    assert re.search(r"lectures/deck-\d+\.pdf, page 4", page)
    (address,) = set(re.findall(r'href="(/queue\?at=[^"]*)"', page))
    assert client.get(unescape(address)).status_code == 200


def test_all_shards_of_a_check_come_in_pages(client: TestClient) -> None:
    page = text(client, "/violations?check=long_outputs.length_near")
    assert page.count('class="vi-page"') == 3 * len(SHARDS)
    assert "It holds in 4 shards" in plain(text(client, "/violations?check=long_outputs.ids_unique"))


@pytest.mark.parametrize(
    "address",
    [
        "/violations",
        "/violations?check=nothing.at_all",
        "/violations?check=long_outputs.no_such_rule",
        "/violations?check=long_outputs.length_near&shard=../../x",
        "/losses?step=nothing",
        "/overview/nothing",
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404 and plain(answer.text).endswith(".")


@pytest.mark.parametrize("page", ["0", "-1", "99999999999", "x", "٣"])
def test_any_page_number_is_a_page(client: TestClient, page: str) -> None:
    assert "planted" in text(client, f"/violations?check=long_outputs.length_near&page={page}")


def test_costs_add_up_by_step_role_model_prompt_and_shard(client: TestClient) -> None:
    said = plain(text(client, "/overview/cost"))
    total = int(re.search(r"([\d,]+) calls,", said)[1].replace(",", ""))  # type: ignore[index]
    assert total > 200
    for name in ("step", "role", "model", "prompt version", "shard"):
        table = re.search(rf"<th>by {name}</th>.*?</table>", text(client, "/overview/cost"), re.DOTALL)
        assert table is not None
        calls = [int(row.replace(",", "")) for row in re.findall(r'<td class="n">([\d,]+)</td></tr>', table[0])]
        assert sum(calls) == total, name
    assert "second tries and rewrites" in said and "answers of no use" in said and "documents in quarantine" in said
    assert "were forecast; it took" in said


def test_a_drifted_shard_is_named_with_the_signals_that_drifted(tmp_path: Path) -> None:
    write_look_home(tmp_path, Size(documents=120, pages=8, in_shard=20, images=1))
    store = Store(tmp_path)
    rows = [{**row, "words": row["words"] // 4} for row in store.rows(SIGNALS, "lectures-004")]
    store.write_table(SIGNALS, "lectures-004", rows)  # type: ignore[arg-type]
    said = plain(Overview(store).part("drift"))
    assert said.startswith("1 drifted, 4 as the shards before, 1 with too few rows to tell")
    assert re.search(r"lectures-004 words: median \d+ after 1\d\d", said)


def test_a_rule_over_all_shards_takes_the_whole_strip(tmp_path: Path) -> None:
    write_look_home(tmp_path, Size(documents=4, pages=2, in_shard=2, images=1))
    store = Store(tmp_path)
    add_overview(store)
    outcome = Outcome("ids_unique", False, {"bad": 1}, "twice", [Violation("a", "twice")])
    write_report(store, "sft_dataset", "all", [Rule("ids_unique", "")], [outcome], 0, 0)
    html = Overview(store).first()["rules"]
    assert re.search(r'check=sft_dataset\.ids_unique&amp;shard=all"><rect class="h1" x="0" width="2"', html)
    with TestClient(make_app(tmp_path), base_url="http://127.0.0.1") as client:
        assert "twice" in text(client, "/violations?check=sft_dataset.ids_unique&shard=all")


@pytest.mark.parametrize("address", PARTS)
def test_an_empty_home_has_every_part(tmp_path: Path, address: str) -> None:
    with TestClient(make_app(tmp_path), base_url="http://127.0.0.1") as client:
        assert client.get(address).status_code == 200


def test_what_cannot_be_read_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    write_look_home(tmp_path, Size(documents=4, pages=2, in_shard=2, images=1))
    store = Store(tmp_path)
    store.table_path("segments", "lectures-001").write_bytes(b"damaged")
    (tmp_path / "reports" / "quality" / "segments").mkdir(parents=True)
    (tmp_path / "reports" / "quality" / "segments" / "lectures-001.json").write_text("{")
    said = plain(Overview(store).first()["funnel"])
    assert "segments lectures-001 cannot be read" in said and "Segments 4 segments" in said


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{}", b"7", b"[" * 100_000, b'{"models": 1, "id": [], "outcomes": [0]}']
)
def test_files_of_another_form_are_no_error_of_the_program(tmp_path: Path, content: bytes) -> None:
    write_look_home(tmp_path, Size(documents=4, pages=2, in_shard=2, images=1))
    add_overview(Store(tmp_path))
    for name in ("datasets/sft/current", "datasets/preference/current", "scores/summary", "checkpoints/sft/current"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in tmp_path.glob("reports/**/*.json"):
        path.write_bytes(content)
    said_of_all_pages(tmp_path)


def test_tables_without_their_columns_are_no_error_of_the_program(tmp_path: Path) -> None:
    write_look_home(tmp_path, Size(documents=4, pages=2, in_shard=2, images=1))
    for path in tmp_path.glob("tables/*/lectures-001.parquet"):
        pq.write_table(pa.table({"other": [1, 2, 3]}), path)
    said_of_all_pages(tmp_path)


def said_of_all_pages(home: Path) -> None:
    """Each page is shown, or says in a sentence what cannot be read."""
    with TestClient(make_app(home), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        trails = [f"/row/{shard}" for shard in ("lectures-001", "lectures-002", "deck-0001")]
        for address in (*PARTS, "/queue", "/violations?check=segments.ids_unique", "/row", "/diff", *trails):
            answer = client.get(address)
            assert answer.status_code in (200, 404, 503), (address, plain(answer.text))
            assert "error of lwv look itself" not in answer.text, (address, plain(answer.text))


def test_what_models_files_and_servers_say_is_text(tmp_path: Path) -> None:
    bad = '<script>alert("x")</script>![](http://outside/x.png)'
    write_look_home(tmp_path, Size(documents=4, pages=2, in_shard=2, images=1))
    store = Store(tmp_path)
    outcome = Outcome("ids_unique", False, {"bad": 1}, bad, [Violation(bad, bad)])
    write_report(store, "segments", "lectures-001", [Rule("ids_unique", "")], [outcome], 1, 0)
    with TestClient(make_app(tmp_path), base_url="http://127.0.0.1") as client:
        for address in ("/overview", "/violations?check=segments.ids_unique"):
            page = text(client, address)
            assert "<script>alert" not in page and 'src="http' not in page
            assert "alert(" in plain(page)


def test_the_rules_of_the_home_fail_as_it_was_made(client: TestClient) -> None:
    html = text(client, "/overview")
    assert all(f"{asset}.{rule}" in html for asset, rule, share, _ in FAILING if share == 1.0)
