"""A whole release: its files as their readers have them, its card, what it refuses, and its memory."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from assets.derivation import upstream_contents
from assets.instructions.schema import INSTRUCTIONS
from assets.preference_dataset.schema import PREFERENCE_DATASET
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.quality.gate import GateClosedError
from assets.source_images.schema import SOURCE_IMAGES
from assets.steps import STEP_OF
from assets.training_dataset import current_manifest, write_dataset
from lwv_dagster.release.files import ParquetShards
from lwv_dagster.release.format import IMAGES
from lwv_dagster.release.licence_notes import hub_licence
from lwv_dagster.release.markup import ReleaseError
from lwv_dagster.release.provenance import public_manifest, recipe_text
from lwv_dagster.release.write import FORMATS, write_release
from resources.identity import TableIdentity
from resources.ledger import Ledger, Record
from resources.store import Store
from resources.table import Table
from testing.release_home import SHARD, make_home

ROOT = Path(__file__).resolve().parents[2]
SERVER = "http://model.internal.example:8000/v1"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = make_home(tmp_path_factory.mktemp("home"))
    ledger = Ledger.at(made.home)
    for number, sample in enumerate((f"{0:016x}-deck", f"{1:016x}-deck", "of-another-data-set")):
        ledger.put(
            Record(
                str(number),
                "teacher",
                "some-model",
                "http://m/v1",
                "write@1a2b3c4d",
                sample,
                "s",
                "ok",
                "t",
                "",
                "stop",
                10,
                0,
                5,
                0.5,
                1.0,
                1.0,
            )
        )
    ledger.close()
    return made


def test_the_hub_folder_is_the_published_layout_and_opens_with_its_card(store: Store, tmp_path: Path) -> None:
    from datasets import load_dataset

    write_release(store, FORMATS["hub"], tmp_path / "out")
    rows = load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows.column_names[:3] == ["id", "messages", "images"]
    assert (rows.features["id"].dtype, rows.features["messages"].feature.dtype) == ("int64", "string")
    assert rows[2]["images"][2].size == (320, 300)  # opened as pictures
    assert rows["id"] == list(range(7))
    assert rows[0]["messages"] == [turn["content"] for turn in rows[0]["chat"]]
    assert [turn["role"] for turn in rows[0]["chat"]] == ["user", "assistant"]
    assert (rows[0]["example_id"], rows[0]["documents"]) == (f"{0:016x}-deck", [f"{0:016x}"])
    assert (rows[0]["length_score"], rows[1]["length_score"]) == (None, 100.0)
    pairs = load_dataset(str(tmp_path / "out"), "preference", split="train", cache_dir=str(tmp_path / "cache"))
    assert [len(row) for row in pairs["images"]] == [1, 2, 3, 3, 3]
    assert pairs[4]["prefix"].startswith("## Slide 1") and pairs[4]["closes"] and not pairs[3]["closes"]


def test_files_for_others_hold_each_image_once_by_relative_path(store: Store, tmp_path: Path) -> None:
    for name in ("llamafactory", "ms-swift"):
        out = tmp_path / name
        write_release(store, FORMATS[name], out)
        rows = [json.loads(line) for line in (out / "sft.jsonl").read_text().splitlines()]
        assert {path for row in rows for path in row["images"]} == {
            str(path.relative_to(out)) for path in (out / "images").rglob("*.jpg")
        }
        assert len(list((out / "images").rglob("*.jpg"))) == 3
        assert [json.loads(line)["id"] for line in (out / "chat.jsonl").read_text().splitlines()] == ["chat-0"]
        assert all(value is not None for row in rows for value in row.values())  # JSON has no type for nothing


def test_provenance_with_its_servers_and_call_ids_stays_at_home(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    made = make_home(store.home)
    for gate in ("sft", "preference"):
        path = Path(current_manifest(made, gate).path).with_name("provenance.parquet")
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row["calls"] = [{"call_id": "c0ffee" * 8, "server": SERVER}]
        pq.write_table(pa.Table.from_pylist(rows), path)
    for name in FORMATS:
        out = tmp_path / name
        write_release(made, FORMATS[name], out)
        files = [path for path in out.rglob("*") if path.is_file()]
        assert files and not [path for path in files if "provenance" in path.name]
        assert not [
            path for path in files if SERVER.encode() in path.read_bytes() or b"c0ffeec0ffee" in path.read_bytes()
        ]


def test_what_a_format_cannot_say_is_left_out_counted_and_told(store: Store, tmp_path: Path) -> None:
    release = write_release(store, FORMATS["llamafactory"], tmp_path / "out")
    assert (release.files, sum(release.tally.preference.left_out.values())) == (
        {"sft": 6, "chat": 1, "preference": 3},
        2,
    )
    assert release.tally.preference.rows == 3
    assert (
        "| preference | it does not end its answer, and LLaMA-Factory ends every answer | 2 |"
        in (tmp_path / "out" / "README.md").read_text()
    )


def test_the_card_says_what_is_in_it_where_it_comes_from_and_who_wrote_it(store: Store, tmp_path: Path) -> None:
    write_release(store, FORMATS["hub"], tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert (front["license"], front["language"]) == ("cc0-1.0", ["en"])
    assert [config["config_name"] for config in front["configs"]] == ["default", "preference"]
    assert "embedded-model" in front["tags"]
    for said in (
        "7 examples",
        "5 preference pairs",
        "**11 of 12 rows were written or corrected by the embedded model**",
        "| kind | deck | 6 | 0 |",
        "| kind | shared_prefix | 0 | 3 |",
        "| CC0-1.0 | 7 |",
        "| sft | deck | 6 |",
        "| preference | deck | 1 |",
        "| teacher | some-model | write@1a2b3c4d | 2 | 30 | 1.00 |",  # not the third call
        "| examples | 9 | 6 |  | 22,158 | 10,000 |",
        "| too_short | 3 |",
        "keep.length_score = ",
        "| sft_dataset | ",
        "In 3 rows the text held control tokens",
        "| 8,192 | 0 (0.0%) |",
        "General chat (1 of the SFT rows) comes from no document",
    ):
        assert said in text, said
    for name in ("words", "length_scores", "images"):
        assert f"![](pictures/{name}.png)" in text
        assert (tmp_path / "out" / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    documents = [json.loads(line) for line in (tmp_path / "out" / "documents.jsonl").read_text().splitlines()]
    assert [document["document_id"] for document in documents] == [f"{number:016x}" for number in range(7)]
    assert documents[0]["source_path"] == f"talks/{0:016x}.pdf" and len(documents[0]["images"]) == 3


def test_a_document_without_a_licence_is_named_on_the_card_and_in_the_notes(tmp_path: Path) -> None:
    store = make_home(tmp_path / "home")
    pages = [
        {**row, "licence": "unknown" if row["document_id"] == f"{0:016x}" else row["licence"]}
        for row in store.rows(SOURCE_IMAGES, SHARD)
    ]
    store.write_table(SOURCE_IMAGES, SHARD, pages)
    release = write_release(store, FORMATS["ms-swift"], tmp_path / "out")
    assert "No licence is stated for 1 of 7 documents; the card says so." in release.notes
    text = (tmp_path / "out" / "README.md").read_text()
    assert "**No licence is stated for 1 of 7 documents**" in text
    assert (yaml.safe_load(text.split("---")[1])["license"], "configs" in text.split("---")[1]) == ("other", False)


def test_without_pairs_the_sft_set_goes_out_alone_and_says_so(tmp_path: Path) -> None:
    release = write_release(make_home(tmp_path / "home", pairs=False), FORMATS["trl"], tmp_path / "out")
    assert release.files == {"sft": 7}
    assert any("Without preference pairs" in note for note in release.notes)


def test_without_a_data_set_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(GateClosedError, match="materialise `sft_dataset` first"):
        write_release(Store(tmp_path / "home"), FORMATS["hub"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_data_set_whose_blocking_rule_fails_is_not_handed_out(tmp_path: Path) -> None:
    store = make_home(tmp_path / "home")
    trained = [{**row, "example_id": f"{0:016x}-deck"} for row in store.rows(PREFERENCE_PAIRS, SHARD)]
    store.write_table(PREFERENCE_PAIRS, SHARD, trained)
    with pytest.raises(ReleaseError, match=r"preference_dataset\.not_in_sft"):
        write_release(store, FORMATS["hub"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_tables_that_were_made_again_since_the_data_set_cannot_speak_for_it(tmp_path: Path) -> None:
    store = make_home(tmp_path / "home", pairs=False)
    manifest = current_manifest(store, "sft")
    folder = Path(manifest.path).parent
    written = json.loads((folder / "manifest.json").read_text())
    written["made_with"]["upstream"] = upstream_contents(STEP_OF["sft_dataset"], store, manifest.shards)
    store.write_json(folder / "manifest.json", written)
    write_release(store, FORMATS["trl"], tmp_path / "out")  # as they were

    asked = [{**row, "request": "Another one"} for row in store.rows(INSTRUCTIONS, SHARD)]
    store.write_table(INSTRUCTIONS, SHARD, asked)
    with pytest.raises(ReleaseError, match=r"^instructions: made again since `sft_dataset` was written"):
        write_release(store, FORMATS["trl"], tmp_path / "out")


@pytest.mark.parametrize("tables", [(SOURCE_IMAGES,), (SOURCE_IMAGES, INSTRUCTIONS)])
@pytest.mark.parametrize(("number", "gate"), [(0, "sft_dataset"), (6, "preference_dataset")])
def test_a_row_whose_documents_the_tables_have_no_more_is_not_handed_out_without_its_licence(
    tables: tuple[Table, ...], number: int, gate: str, tmp_path: Path
) -> None:
    store = make_home(tmp_path / "home")
    for table in tables:
        left = [row for row in store.rows(table, SHARD) if row["document_id"] != f"{number:016x}"]
        store.write_table(table, SHARD, left)
    with pytest.raises(ReleaseError, match=f"made from {number:016x}-deck.* materialise `{gate}` again"):
        write_release(store, FORMATS["hub"], tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]


@pytest.mark.parametrize(
    ("author", "corrector", "counted"),
    [
        ("embedded-teacher-1", "critic", 5),
        ("teacher", "embedded-critic-1", 5),
        ("tiny sft abc (trained on embedded texts)", "critic", 5),
        ("teacher", "critic", 0),
        ("critic", "critic", 0),
    ],
)
def test_a_pair_counts_as_embedded_where_its_text_or_its_correction_is_and_once(
    author: str, corrector: str, counted: int, tmp_path: Path
) -> None:
    store = make_home(tmp_path / "home")
    old = current_manifest(store, "preference")
    rows = [{**row, "author": author, "corrector": corrector} for row in pq.read_table(old.path).to_pylist()]
    made = write_dataset(
        store,
        "preference",
        [SHARD],
        PREFERENCE_DATASET,
        rows,
        lambda row: (row["kind"], row["author"], row["corrector"]),
        lambda: "no row",
        TableIdentity(1),
        old.report,
    )
    assert (made.embedded, made.authors) == (counted > 0, dict.fromkeys((author, corrector), 5))
    release = write_release(store, FORMATS["hub"], tmp_path / "out")
    assert release.tally.preference.embedded == counted
    text = (tmp_path / "out" / "README.md").read_text()
    assert f"**{6 + counted} of 12 rows were written or corrected by the embedded model**" in text
    assert f"| who wrote or corrected it | {author} | {6 if author == 'embedded-teacher-1' else 0} | 5 |" in text
    (pairs,) = (tmp_path / "out" / "preference").iterdir()
    assert {(row["author"], row["corrector"]) for row in pq.read_table(pairs).to_pylist()} == {(author, corrector)}


@pytest.mark.parametrize(
    ("licences", "front"),
    [
        ({"CC-BY-SA-4.0": 2}, {"license": "cc-by-sa-4.0"}),
        ({"GPL-3.0-only": 2}, {"license": "gpl-3.0"}),
        ({"LGPL-2.1-or-later": 1}, {"license": "lgpl-2.1"}),
        ({"ODbL-1.0": 1}, {"license": "odbl"}),
        ({"unknown": 3}, {"license": "unknown"}),
        ({}, {"license": "unknown"}),
        ({"CC0-1.0": 1, "MIT": 1}, {"license": "other"}),
        ({"proprietary": 2}, {"license": "other", "license_name": "proprietary"}),
        ({"CC0-1.0 AND MIT": 2}, {"license": "other", "license_name": "cc0-1.0-and-mit"}),
        ({"公有": 1}, {"license": "other"}),
    ],
)
def test_a_licence_is_one_of_the_hubs_names_or_other_by_its_own(
    licences: dict[str, int], front: dict[str, str]
) -> None:
    assert hub_licence(licences) == front


def test_the_recipe_on_the_card_has_every_field_and_no_folder_of_its_maker(tmp_path: Path) -> None:
    chat = tmp_path / "private" / "chat.jsonl"
    store = make_home(tmp_path / "home")
    manifest = current_manifest(store, "sft")
    made_with = {"recipe": {"mix.chat": str(chat), "mix.chat_rows": 2}, "models": {"judge": "m at http://10.0.0.5/v1"}}
    for margin in (5.0, 9.0):
        pairs = list(store.rows(PREFERENCE_PAIRS, SHARD))
        identity = TableIdentity(1, recipe={"pairs.margin": margin, "instructions.groups": [2, 4]})
        store.write_table(PREFERENCE_PAIRS, SHARD if margin == 5.0 else "talks-002", pairs, identity)
    old = store.table_path("segments", SHARD)
    old.parent.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}), old)  # of the time before tables had an identity
    manifest = replace(manifest, made_with=made_with, shards=[SHARD, "talks-002"])
    assert {
        'mix.chat = "chat.jsonl"',
        "mix.chat_rows = 2",
        "instructions.groups = [2, 4]",
        "pairs.margin = 5.0 or 9.0",
        "unknown recipe: 1 tables that were written before 0.2",
    } <= set(lines := recipe_text(store, [manifest]).splitlines())
    assert public_manifest(manifest)["made_with"] == {
        "recipe": {"mix.chat": "chat.jsonl", "mix.chat_rows": 2},
        "models": {"judge": "m"},
    }
    assert not any("private" in line for line in lines)


def test_a_lost_image_stops_the_release_and_keeps_the_older_one(tmp_path: Path) -> None:
    store = make_home(tmp_path / "home")
    write_release(store, FORMATS["hub"], tmp_path / "out")
    before = (tmp_path / "out" / "README.md").read_text()
    store.image_path(next(store.rows(SOURCE_IMAGES, SHARD))["image_sha256"]).unlink()
    with pytest.raises(ReleaseError, match=r"sft_dataset\.images_there: 6 of 7 rows lack an image file"):
        write_release(store, FORMATS["hub"], tmp_path / "out")
    assert (tmp_path / "out" / "README.md").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out"]


def test_a_folder_of_other_things_is_left_alone(store: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="is no release and not empty"):
        write_release(store, FORMATS["hub"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


SCHEMA = pa.schema([("id", pa.int64()), ("images", IMAGES)])


def test_shards_are_of_bounded_size_hold_each_row_once_and_a_shared_image_once(tmp_path: Path) -> None:
    image = tmp_path / "page.jpg"
    image.write_bytes(os.urandom(100_000))
    other = tmp_path / "other.jpg"
    shards = ParquetShards(tmp_path / "data", SCHEMA, shard_bytes=300_000, group_bytes=1_000_000)
    for number in range(40):
        other.write_bytes(os.urandom(10_000))
        shards.write({"id": number, "images": [image, other]})
    shards.close()
    files = sorted((tmp_path / "data").iterdir())
    assert [path.name for path in files] == [f"train-{n:05d}-of-{len(files):05d}.parquet" for n in range(len(files))]
    assert len(files) > 1
    assert all(path.stat().st_size < 300_000 + 250_000 for path in files)  # one row group more, at most
    tables = [pq.read_table(path) for path in files]
    assert [number for table in tables for number in table["id"].to_pylist()] == list(range(40))
    assert {row[0]["bytes"] for row in tables[0]["images"].to_pylist()} == {image.read_bytes()}
    groups = sum(pq.ParquetFile(path).num_row_groups for path in files)
    assert sum(path.stat().st_size for path in files) < 40 * 10_000 + groups * 100_000 + 40_000


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """400 MB of images pass through; the process keeps a few row groups of 8 MB."""
    code = f"""
import os, resource
from dataclasses import replace
from pathlib import Path
from resources.recipe.model import Mix, Recipe
from lwv_dagster.release.files import ParquetShards
from tests.release.test_release import SCHEMA
image = Path({str(tmp_path / "i.jpg")!r}); image.write_bytes(os.urandom(1_000_000))
shards = ParquetShards(Path({str(tmp_path / "data")!r}), SCHEMA, group_bytes=8_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for number in range(400):
    shards.write({{"id": number, "images": [image]}})
shards.close()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert int(done.stdout) < 120  # MB
