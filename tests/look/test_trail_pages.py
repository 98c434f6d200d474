"""The pages of a trail and of a difference: what they tell is what the commands tell, and nothing in a text acts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from click.testing import CliRunner
from starlette.testclient import TestClient

from assets.long_outputs.schema import LONG_OUTPUTS
from assets.quality.names import all_shards
from assets.sft_dataset.origins import Origins
from assets.sft_dataset.schema import SFT_DATASET
from assets.training_dataset import current_manifest, image_files, write_dataset
from lwv_dagster.cli import main
from lwv_dagster.diff.comparing import diff
from lwv_dagster.diff.diff_sides import NoSideError
from lwv_dagster.diff.difference import Spread
from lwv_dagster.look.app import make_app
from lwv_dagster.look.diff_page import bars
from lwv_dagster.trace.walking import trace
from resources.identity import TableIdentity
from resources.ledger import Ledger
from resources.messages import Image, assistant, system, user
from resources.sent_prompts import PromptKeeper
from resources.store import Store
from resources.training.rows.dataset_rows import SftRow
from testing.chromium import browser, chromium
from testing.openai_server import running
from testing.release_home import make_home
from tests.engine.test_ledger import ANSWERED

NASTY = "<script>document.title='taken'</script> ![x](http://example.invalid/x.png) <img src=http://example.invalid/y>"


def rows_and_shards(store: Store) -> tuple[list[SftRow], dict[str, str]]:
    """The examples of the sft split as rows of a data set, and the shard of each."""
    rows, shards = list[SftRow](), dict[str, str]()
    for shard in all_shards(store):
        for row in store.rows(LONG_OUTPUTS, shard):
            if row["split"] == "sft":
                shards[row["example_id"]] = shard
                rows.append(
                    {
                        "id": row["example_id"],
                        "messages": [
                            {"role": "user", "content": row["instruction"]},
                            {"role": "assistant", "content": row["output"]},
                        ],
                        "images": image_files(store, row["images"]),
                        "language": row["language"],
                        "kind": row["kind"],
                        "required_words": row["required_words"],
                        "words": row["words"],
                        "author": row["author"],
                    }
                )
    return rows, shards


def let_through(store: Store, rows: list[SftRow], shards: dict[str, str], score: float) -> str:
    return write_dataset(
        store,
        "sft",
        sorted(set(shards.values())),
        SFT_DATASET,
        rows,
        lambda row: (row["kind"], row["author"]),
        lambda: "no row",
        TableIdentity(1, {"keep.length_score": score}),
        origin_of=Origins(store, shards),
    ).id


@dataclass(frozen=True)
class Sets:
    """Two SFT data sets: of the second the first row is gone, and the next one's text is hostile."""

    store: Store
    old: str
    now: str
    gone: str
    changed: str


@pytest.fixture
def sets(home: Path, monkeypatch: pytest.MonkeyPatch) -> Sets:
    monkeypatch.setenv("LWV_HOME", str(home))
    store = Store(home)
    rows, shards = rows_and_shards(store)
    old = let_through(store, rows, shards, 80.0)
    gone, changed = rows[0]["id"], rows[1]["id"]
    rows[1]["messages"][1]["content"] += f" {NASTY}"
    return Sets(store, old, let_through(store, rows[1:], shards, 90.0), gone, changed)


def test_the_page_of_an_id_has_all_that_the_command_tells_of_it(client: TestClient, sets: Sets) -> None:
    page, trail = client.get(f"/row/{sets.changed}"), trace(sets.store, sets.changed)
    assert page.status_code == 200
    pages = [each.image for each in trail.pages]
    assert len(pages) == 4 and {row.data_set for row in trail.rows} == {sets.old, sets.now}
    for text in (sets.old, sets.now, trail.pages[0].file, "CC0-1.0", *pages, trail.examples[0].calls[0].call_id):
        assert text in page.text
    assert NASTY not in page.text and "&lt;script&gt;" in page.text
    document = trail.pages[0].document_id
    assert client.get("/row", params={"id": f"{document}#1"}).status_code == 200
    for shown in (f"{document}%231", trail.pages[0].file.replace("/", "%2F"), sets.old, f"{sets.old}:{sets.gone}"):
        assert client.get(f"/row/{shown}").status_code == 200


def test_an_unknown_id_is_a_page_with_a_sentence(client: TestClient) -> None:
    page = client.get("/row/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert page.status_code == 404 and "is the id of no file" in page.text and "<script>" not in page.text


def test_a_message_is_shown_once_however_many_calls_had_it(client: TestClient, sets: Sets) -> None:
    example = trace(sets.store, sets.gone).examples[-1]
    chat = (system("S"), user(Image("a" * 64), "Begin, please."), assistant("A plan."), user("Go on <b>now</b>."))
    ledger = Ledger.at(sets.store.home)
    keeper = PromptKeeper(ledger)
    for call, length in zip(example.calls[:2], (2, 4), strict=True):
        keeper.put(replace(ANSWERED, call_id=call.call_id, sample=sets.gone), chat[:length])
    ledger.close()
    page = client.get(f"/row/{sets.gone}").text
    assert page.count("Begin, please.") == 1 and "Go on &lt;b&gt;now&lt;/b&gt;." in page
    assert "After the 2 messages above" in page


def test_a_difference_is_the_same_on_the_page_and_in_the_command(client: TestClient, sets: Sets) -> None:
    told = json.loads(CliRunner().invoke(main, ["diff", sets.old, sets.now, "--json"]).output)[0]
    assert told["changed"] == [{"id": sets.changed, "by": ["text"]}]
    assert (told["only_a"], told["only_b"], told["weights"]["changed"]) == ([sets.gone], [], 0)
    assert told["recipe"] == [{"name": "keep.length_score", "a": ["80.0"], "b": ["90.0"]}]
    assert told["costs"]["a"] - told["costs"]["b"] == pytest.approx(told["costs"]["only_a"]) != 0
    assert len(told["worst"][0]) == told["a"]["rows"] and told["worst"][0][0]["doubt"] >= told["worst"][0][-1]["doubt"]
    page = client.get("/diff", params={"a": sets.old, "b": sets.now})
    assert page.status_code == 200
    for text in (sets.changed, sets.gone, "keep.length_score", "80.0", "90.0"):
        assert text in page.text
    row = client.get("/diff/row", params={"a": sets.old, "b": sets.now, "id": sets.changed}).text
    assert "<ins>" in row and "&lt;script&gt;" in row and NASTY not in row
    shown = CliRunner().invoke(main, ["diff", sets.old, sets.now]).output
    assert f"  {sets.changed}: text\n" in shown and "recipe: keep.length_score: A 80.0, B 90.0" in shown


def test_what_is_no_data_set_is_a_sentence_that_says_what_there_is(client: TestClient, sets: Sets) -> None:
    for a in ("nothing", str(sets.store.home / "x")):
        page = client.get("/diff", params={"a": a, "b": sets.now})
        assert page.status_code == 200 and f"{sets.now} (sft)" in page.text
        assert f"{a} is no data set of this factory" in page.text
        result = CliRunner().invoke(main, ["diff", a, sets.now])
        assert result.exit_code == 1 and result.output.count("\n") == 1
        assert f"{a} is no data set and no home" in result.output


def test_the_page_compares_no_other_home(client: TestClient, sets: Sets, tmp_path: Path) -> None:
    make_home(tmp_path / "other")
    page = client.get("/diff", params={"a": str(tmp_path / "other"), "b": sets.now})
    assert page.status_code == 200 and "is no data set of this factory" in page.text


def test_a_row_that_neither_side_has_is_not_there(client: TestClient, sets: Sets) -> None:
    assert client.get("/diff/row", params={"a": sets.old, "b": sets.now, "id": "x"}).status_code == 404


def test_data_sets_of_two_gates_are_not_compared(tmp_path: Path) -> None:
    store = make_home(tmp_path / "other")
    one, other = current_manifest(store, "sft").id, current_manifest(store, "preference").id
    with pytest.raises(NoSideError, match="name two data sets of one gate"):
        diff(store, one, other)


def test_a_home_against_itself_differs_in_nothing_and_by_its_path_is_the_same(sets: Sets, tmp_path: Path) -> None:
    other = make_home(tmp_path / "other")
    for found in [
        *diff(other, str(other.home), str(other.home)),
        *diff(sets.store, f"{sets.store.home}:{sets.old}", sets.old),
    ]:
        assert found.counts.same == found.a.rows > 0
        assert found.counts == replace(found.counts, only_a=0, only_b=0, changed=0)
        assert (found.recipe, found.weights.changed) == ([], 0)


def test_provenance_that_is_damaged_or_of_another_version_is_a_sentence(client: TestClient, sets: Sets) -> None:
    path = sets.store.home / "datasets" / "sft" / sets.now / "provenance.parquet"
    whole = path.read_bytes()
    for broken in (b"", b"no parquet", whole[: len(whole) // 2], b"\0" * 1000):
        path.write_bytes(broken)
        trail = trace(sets.store, sets.gone)
        assert [row.data_set for row in trail.rows] == [sets.old]
        assert [note for note in trail.notes if str(path) in note and "cannot be read" in note]
        assert "cannot be read" in " ".join(trace(sets.store, sets.now).notes)
        with pytest.raises(NoSideError, match=r"cannot be read .*materialise `sft_dataset` again"):
            diff(sets.store, sets.old, sets.now)
        assert client.get(f"/row/{sets.gone}").status_code == 200
        page = client.get("/diff", params={"a": sets.old, "b": sets.now})
        assert page.status_code == 200 and "cannot be read" in page.text
    pq.write_table(pq.read_table(pa.BufferReader(whole)).drop_columns(["documents", "segments"]), path)
    assert trace(sets.store, sets.gone).rows
    path.unlink()
    assert "written before there was provenance" in " ".join(trace(sets.store, sets.changed).notes)


def test_bars_are_shares_of_each_side() -> None:
    found = bars(Spread("words", {"few": (1, 0), "many": (3, 5)}))
    assert [(bar.name, bar.share_a, bar.share_b) for bar in found] == [("few", 0.25, 0.0), ("many", 0.75, 1.0)]
    assert bars(Spread("words", {})) == []


@pytest.mark.skipif(chromium() is None, reason="no Chromium is installed")
def test_nothing_is_wider_than_the_screen_and_nothing_leaves(sets: Sets) -> None:
    between = f"a={sets.old}&b={sets.now}"
    server = uvicorn.Server(uvicorn.Config(make_app(sets.store.home), host="127.0.0.1", port=0, log_level="error"))
    with running(server), browser() as page:
        base = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        shown = (f"/row/{sets.changed}", f"/row/{sets.now}", f"/diff?{between}", "/diff", "/row")
        for address in (*shown, f"/diff/row?{between}&id={sets.changed}"):
            for width, dark in ((1440, False), (390, True)):
                page.screen(width, 900, dark)
                page.open(base + address)
                assert page.too_wide == 0, address
                assert page.run("document.title") != "taken"
        assert page.said == []
        assert {address for address in page.asked if not address.startswith(base)} == set()
