"""`lwv trace` walks every row, checkpoint and score back to its files, and every page forward, also once the tables
were made anew under another recipe."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from assets.benchmark_scores.score_files import MODELS
from assets.generation import WrittenAnswers
from assets.long_outputs.schema import LONG_OUTPUTS
from assets.preference_pairs.schema import PREFERENCE_PAIRS
from assets.source_images.register import FILE as REGISTER
from assets.source_images.schema import SOURCE_IMAGES
from assets.training_dataset import current_manifest, read_manifest, rows_of
from lwv_dagster.cli import main
from lwv_dagster.diff.comparing import diff
from lwv_dagster.trace.evidence import Evidence
from lwv_dagster.trace.trail_text import trail_lines
from lwv_dagster.trace.walking import UnknownIdError, trace
from resources.ledger_forget import LedgerCleaner, Which
from resources.store import Store
from testing.rows import english
from testing.trails import missing_back, missing_forward
from tests.conftest import UNLIKE_DECKS, Factory, draw_page, draw_unlike_decks, factory_in, write_recipe
from tests.scores.test_scores import checkpoint

SFT, DPO = "5" * 16, "d" * 16
GATES = ["sft_dataset", "preference_dataset"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """A factory with a shard of decks and one of pictures, both data sets, checkpoints and scores."""
    folder = tmp_path_factory.mktemp("traced")
    with pytest.MonkeyPatch.context() as patch, factory_in(folder, patch) as factory:
        patch.setenv("LWV_RECIPE", write_recipe(folder))
        draw_unlike_decks(factory.sources / "lectures")
        for name, line in (("a", "Seven boats at noon"), ("b", "A street in the rain"), ("c", "Two owls asleep")):
            draw_page(factory.sources / "pictures" / f"{name}.png", line, f"It is called {name}")
        state(factory.sources / "pictures", "CC-BY-4.0", "a.png", "b.png", "c.png")
        state(factory.sources / "lectures", "CC0-1.0", *UNLIKE_DECKS)
        for shard in factory.scan():
            assert factory.run("shard_job", shard).success
        assert factory.run("training_job", assets=GATES).success
        trained_and_scored(factory, patch)
        yield factory


def state(collection: Path, licence: str, *names: str) -> None:
    (collection / "LICENCES.csv").write_text("file,licence\n" + "".join(f"{name},{licence}\n" for name in names))


def trained_and_scored(factory: Factory, patch: pytest.MonkeyPatch) -> None:
    """Checkpoints that were trained on the data sets of now and write without a model, and a real evaluation."""
    sft, preference = (current_manifest(factory.store, gate).id for gate in ("sft", "preference"))
    checkpoint(factory.store, "sft", SFT, "/models/base", sft)
    checkpoint(factory.store, "dpo", DPO, f"{factory.home}/checkpoints/sft/{SFT}", preference)

    def write_answers(*given: Any, **_: object) -> WrittenAnswers:
        found: dict[tuple[str, str], Any] = {
            (model, each["item_id"]): {"text": english(model.partition("/")[0], 90), "finish": "stop"}
            for model in given[1]
            for each in given[2]
        }
        return WrittenAnswers(found, {})

    patch.setattr("assets.benchmark_scores.asset.write_answers", write_answers)
    assert factory.run("evaluation_job").success


def forward(factory: Factory) -> list[str]:
    return [says for shard in factory.scan() for says in missing_forward(factory.store, shard)]


def called(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["trace", *arguments])
    return result.exit_code, result.output


def test_every_trail_goes_back_to_its_files_and_every_page_on_to_what_learnt_from_it(made: Factory) -> None:
    assert missing_back(made.store) == []
    assert forward(made) == []
    assert {page.licence for page in trace(made.store, DPO).pages} == {"CC0-1.0", "CC-BY-4.0"}
    evidence = Evidence(made.store)
    assert len(evidence.data_sets) == 2 and len(evidence.checkpoints) == 2
    assert {score.model for score in evidence.scores(models=MODELS)} == set(MODELS)
    rows = sum(each.shown.rows for each in evidence.data_sets)
    assert rows > 6  # the walk above had something to walk


def test_the_same_id_by_whatever_name_has_the_same_trail(made: Factory) -> None:
    page = next(row for shard in made.scan() for row in made.store.rows(SOURCE_IMAGES, shard) if row["kind"] == "deck")
    document, file = page["document_id"], page["source_path"]
    whole = trace(made.store, document)
    for name in (file, f"./{file}", document + "0" * 48):
        assert trace(made.store, name).rows == whole.rows != []
    one = trace(made.store, f"{document}#{page['page']}")
    for name in (f"{document} page {page['page']}", f"{file}, page {page['page']}", page["image_sha256"]):
        found = trace(made.store, name)
        assert (found.kind, found.rows, found.pages) == ("page", one.rows, one.pages)
    assert one.pages == [each for each in whole.pages if each.page == page["page"]]
    for example in whole.examples:
        for call in example.calls:
            found = trace(made.store, call.call_id)
            assert found.kind == "call" and found.cost_usd == call.cost_usd
            assert call.call_id in [each.call_id for mine in found.examples for each in mine.calls]
        for segment in example.segments:
            assert trace(made.store, segment.segment_id).kind == "segment"


def test_a_row_is_made_of_the_calls_up_to_the_segment_that_it_reaches_alone(made: Factory) -> None:
    pairs = [pair["pair_id"] for shard in made.scan() for pair in made.store.rows(PREFERENCE_PAIRS, shard)]
    found = [trace(made.store, pair) for pair in pairs]
    assert found
    for trail in found:
        (row,), (example,) = trail.rows, trail.examples
        written = [call.segment for call in example.calls if call.does == "write"]
        assert written == list(range(row.upto or 0)) and row.kind in trail.id


def test_after_the_shards_were_made_anew_under_another_recipe_the_old_rows_are_told_as_they_were(
    made: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {each.shown.gate: each.shown.id for each in Evidence(made.store).data_sets}
    before = {name: trace(made.store, name) for name in _row_ids(made, old)}
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, words_per_page=45))
    for shard in made.scan():
        assert made.run("shard_job", shard).success
    for name, then in before.items():
        now = trace(made.store, name)
        assert [each for each in now.examples if each.data_set] == [each for each in then.examples if each.data_set]
        assert now.messages.items() >= then.messages.items()
    assert missing_back(made.store) == []
    assert made.run("training_job", assets=GATES).success
    assert {each.shown.id for each in Evidence(made.store).data_sets} > set(old.values())
    assert missing_back(made.store) == []
    assert forward(made) == []
    (found,) = diff(made.store, old["sft"], current_manifest(made.store, "sft").id)
    lines = {line.name: (line.a, line.b) for line in found.recipe}
    assert lines["instructions.words_per_page"] == (["30"], ["45"])
    assert found.counts.text == found.counts.changed > 0
    assert (found.counts.only_a, found.counts.only_b) == (0, 0)
    words = next(spread for spread in found.spreads if spread.what == "words")
    assert (words.mean_b or 0) > (words.mean_a or 0) > 0


def _row_ids(made: Factory, data_sets: dict[str, str]) -> list[str]:
    return [
        f"{data_set}:{row['id']}"
        for gate, data_set in data_sets.items()
        for row in rows_of(read_manifest(made.store, gate, data_set), ["id"])  # type: ignore[arg-type]
    ]


def test_an_unknown_id_is_a_sentence_with_ids_that_are_near(made: Factory) -> None:
    document = next(made.store.rows(SOURCE_IMAGES, made.scan()[0]))
    example = next(made.store.rows(LONG_OUTPUTS, made.scan()[0]))["example_id"]
    for asked, near in (
        (f"{example}-099", f"{example}-00"),
        (document["source_path"].upper()[:-1], document["source_path"]),
        (document["document_id"][:12] + "ffff", document["document_id"]),
    ):
        code, says = called(asked)
        assert code == 1 and says.count("\n") == 1
        assert asked in says and "Near it: " in says and near in says
    for asked in ("x" * 3000, "../../etc/passwd", "\x1b[31m", "0" * 64, ":", "sft:", "#1", "a#99", "{}", "-deck", "'"):
        code, says = called("--", asked)
        assert code == 1 and "is the id of no file" in says and "\x1b" not in says


def test_json_has_the_prompts_in_full_and_text_their_beginnings(made: Factory) -> None:
    example = next(made.store.rows(LONG_OUTPUTS, made.scan()[0]))
    code, said = called(example["example_id"], "--json")
    found = json.loads(said)
    assert code == 0 and found["kind"] == "example" and found["cost_usd"] == 0
    calls = found["examples"][0]["calls"]
    for call in calls:
        message, chain = found["messages"][call["prompt"]], []
        while message:
            chain.append(message)
            message = found["messages"].get(message["parent"])
        assert chain[-1]["parent"] == ""
        shown = {part["image"] for each in chain for part in each["parts"] if isinstance(part, dict)}
        assert shown and shown <= {*example["images"]}
    (instructions,) = chain[-1]["parts"]
    line = instructions.splitlines()[-1]
    assert line not in called(example["example_id"])[1]
    assert line in called(example["example_id"], "--prompts")[1]


def test_what_is_forgotten_is_said_to_be_and_the_rest_of_the_trail_stays(made: Factory) -> None:
    row = next(name for name in _row_ids(made, {"sft": current_manifest(made.store, "sft").id}))
    before = trace(made.store, row)
    cleaner = LedgerCleaner(made.home)
    assert cleaner.forget(Which(sample=before.rows[0].example_id)) > 0
    cleaner.close()
    after = trace(made.store, row)
    assert after.messages == {} and before.messages != {}
    kept = [each for each in after.examples if each.data_set == before.rows[0].data_set]
    assert kept == [each for each in before.examples if each.data_set == before.rows[0].data_set]
    assert any("is forgotten" in line for line in trail_lines(after, False))
    with pytest.raises(UnknownIdError):
        trace(made.store, before.examples[0].calls[0].call_id)


def test_a_folder_without_anything_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWV_HOME", str(tmp_path / "none"))
    code, says = called("0123456789abcdef")
    assert code == 1 and "is the id of no file" in says
    assert not (tmp_path / "none").exists()


def test_a_file_is_found_by_its_path_whatever_its_letters(tmp_path: Path) -> None:
    path = "lectures/茶文化 🍵.pptx"
    entry = json.dumps({"path": path, "document_id": "0" * 16}, ensure_ascii=False)
    register = tmp_path / REGISTER
    register.parent.mkdir(parents=True, exist_ok=True)
    register.write_text(entry + "\n", encoding="utf-8")
    assert [found["path"] for found in Evidence(Store(tmp_path)).entries(path, "path")] == [path]
