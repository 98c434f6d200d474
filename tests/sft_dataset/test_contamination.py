"""Nothing of the benchmark is trained on: copies are found however they were made, and what only looks alike is not."""

import io
import random
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from assets.preference_dataset.schema import PREFERENCE_DATASET
from assets.sft_dataset.contamination import Contamination, none_in_benchmark
from assets.sft_dataset.schema import SFT_DATASET
from assets.source_images.measure import detail_share, perceptual_hash
from assets.training_dataset import image_files, write_dataset
from resources.identity import TableIdentity
from resources.store import Store
from testing.rows import chinese, english, page, write_shard, written

SLIDE = "Rivers carry sand from the mountains to the sea and build new land where they slow down at last"


def picture(seed: int) -> Image.Image:
    """Something like a photograph: soft shapes, different for each seed."""
    draw = random.Random(seed)
    small = Image.new("L", (8, 6))
    small.putdata([draw.randrange(256) for _ in range(48)])
    return small.resize((320, 240), Image.Resampling.BICUBIC)


def slide(text: str, colour: str = "white") -> Image.Image:
    """The same frame and title bar for every text."""
    image = Image.new("RGB", (640, 360), colour)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, 640, 60), fill="navy")
    for number, start in enumerate(range(0, len(text), 40)):
        pen.text((30, 90 + 40 * number), text[start : start + 40], fill="black", font_size=24)
    return image


def put(store: Store, image: Image.Image, quality: int = 90) -> dict[str, Any]:
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=quality)
    jpeg = file.getvalue()
    return {"image": store.put_image(jpeg), "phash": perceptual_hash(jpeg)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def reason(store: Store, held_out: dict[str, Any], trained: dict[str, Any]) -> str | None:
    """Why a training page may not stand beside a benchmark page (keyword arguments of `page`)."""
    write_shard(store, "a-001", [], [page("held", split="benchmark", **held_out), page("train", **trained)])
    found = Contamination(store, ["a-001"]).reason([trained["image"]], "")
    return found.says if found else None


def test_the_same_image_is_found_and_another_is_not(store: Store) -> None:
    one, other = put(store, picture(1)), put(store, picture(2))
    assert reason(store, one, one) == "an image is that of held page 1"
    assert reason(store, one, other) is None


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: image.resize((200, 150)),
        lambda image: image.resize((900, 675)),
        lambda image: image.point(lambda level: min(255, int(level * 1.1))),
    ],
    ids=["smaller", "larger", "brighter"],
)
def test_a_copy_that_was_scaled_or_compressed_anew_is_found(store: Store, copy: Any) -> None:
    found = reason(store, put(store, picture(1)), put(store, copy(picture(1)), quality=40))
    assert found == "an image looks like that of held page 1"


@pytest.mark.parametrize("colour", ["white", "black", "beige"])
def test_a_blank_page_that_many_documents_share_keeps_nobody_out(store: Store, colour: str) -> None:
    blank = put(store, Image.new("RGB", (640, 360), colour))
    assert reason(store, blank, blank) is None
    assert reason(store, blank, put(store, Image.new("RGB", (640, 480), colour), quality=30)) is None


def test_all_but_blank_pages_are_the_same_only_where_their_bytes_are(store: Store) -> None:
    numbered = []
    for number in (3, 8):
        image = Image.new("RGB", (640, 360), "white")
        ImageDraw.Draw(image).text((580, 320), str(number), fill="black", font_size=30)
        numbered.append(put(store, image) | {"text": str(number)})
    assert reason(store, numbered[0], numbered[1]) is None


def test_slides_of_one_template_with_other_texts_are_not_the_same_slide(store: Store) -> None:
    one, other = SLIDE, "Bread rises because yeast eats sugar and breathes out a gas that the dough holds until baking"
    held, trained = put(store, slide(one)) | {"text": one}, put(store, slide(other)) | {"text": other}
    assert (int(held["phash"], 16) ^ int(trained["phash"], 16)).bit_count() < 20  # alike, as templates are
    assert reason(store, held, trained | {"phash": held["phash"]}) is None  # even at the same hash
    again = put(store, slide(one).resize((500, 281)), quality=50) | {"text": one.replace("last", "lasf")}  # OCR errs
    assert reason(store, held, again) == "an image looks like that of held page 1"


def test_a_page_whose_text_stands_in_the_benchmark_is_found_whatever_it_looks_like(store: Store) -> None:
    text = english("page", 120)
    held = put(store, picture(1)) | {"text": text}
    assert "of a page's text stands in held page 1" in str(reason(store, held, put(store, picture(2)) | {"text": text}))
    assert reason(store, held, put(store, picture(3)) | {"text": english("other", 120)}) is None
    footer = english("footer", 40)  # a licence line on every page
    assert (
        reason(
            store,
            held | {"text": f"{text} {footer}"},
            put(store, picture(4)) | {"text": f"{english('third', 120)} {footer}"},
        )
        is None
    )


@pytest.mark.parametrize("write", [english, chinese])
def test_an_answer_that_takes_much_of_a_reference_is_found_and_stock_phrases_are_not(store: Store, write: Any) -> None:
    stock = [write(f"stock-{number}", 40) for number in range(50)]
    references = [" ".join([write(f"reference-{number}", 800), *stock[number : number + 5]]) for number in range(46)]
    write_shard(
        store, "a-001", [written(f"held-{number}", text, split="benchmark") for number, text in enumerate(references)]
    )
    contamination = Contamination(store, ["a-001"])
    copied = " ".join([write("own", 500), references[7][: int(0.5 * len(references[7]))]])
    found = contamination.reason([], copied)
    assert found is not None
    assert found.kind == "in_benchmark"
    assert "held-7" in found.says
    assert contamination.reason([], write("own", 1000)) is None
    all_stock = " ".join([write("own", 800), *stock])  # each phrase stands in five references, none has many
    assert contamination.reason([], all_stock) is None


def test_detail_grows_from_a_blank_page_to_a_photograph(store: Store) -> None:
    images = (Image.new("L", (640, 360), 255), slide("One line"), picture(1))
    shares = [detail_share(store.read_image(put(store, image)["image"])) for image in images]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[2] > 0.5


def test_both_data_sets_fail_their_check_when_a_row_of_the_benchmark_is_in_them(store: Store) -> None:
    image, other = put(store, picture(1)), put(store, picture(2))
    reference = english("reference", 600)
    write_shard(
        store,
        "a-001",
        [written("held", reference, [image["image"]], split="benchmark")],
        [page("held", split="benchmark", **image), page("mine", **other), page("copy", **image)],
    )

    def sft_row(name: str, sha256: str, answer: str) -> dict[str, Any]:
        turns = [{"role": "user", "content": "Write."}, {"role": "assistant", "content": answer}]
        return {
            "id": name,
            "messages": turns,
            "images": image_files(store, [sha256]),
            "language": "en",
            "kind": "single",
            "required_words": None,
            "words": 600,
            "author": "model",
        }

    def pair(name: str, sha256: str, answer: str) -> dict[str, Any]:
        return {
            **dict.fromkeys(PREFERENCE_DATASET.schema.names),
            "id": name,
            "images": image_files(store, [sha256]),
            "chosen": answer,
            "rejected": "No.",
            "kind": "whole",
        }

    left_out: dict[str, dict[str, str]] = {}
    sides = (
        ("p1", other["image"], english("good", 600)),
        ("p2", other["image"], reference),
        ("p3", image["image"], english("own", 600)),
    )
    pairs = [
        {"pair_id": name, "document_id": "d", "example_id": "e", "images": [sha256], "chosen": answer}
        for name, sha256, answer in sides
    ]
    assert [row["pair_id"] for row in Contamination(store, ["a-001"]).clean_pairs(pairs, left_out)] == ["p1"]
    assert sorted(left_out) == ["p2", "p3"]
    assert left_out["p3"]["reason"] == "in_benchmark: an image is that of held page 1"

    rows = [
        ("good", other["image"], english("good", 600)),
        ("image", image["image"], english("own", 600)),
        ("text", other["image"], reference),
    ]
    for gate, table, make in (("sft", SFT_DATASET, sft_row), ("preference", PREFERENCE_DATASET, pair)):
        manifest = write_dataset(
            store,
            gate,
            ["a-001"],
            table,
            [make(*row) for row in rows],
            lambda row: ("single", "model"),
            lambda: "empty",
            TableIdentity(1),
        )
        outcome = none_in_benchmark(store, manifest)
        assert not outcome.passed
        assert [each.id for each in outcome.found] == ["image", "text"]
        good = write_dataset(
            store,
            gate,
            ["a-001"],
            table,
            [make(*rows[0])],
            lambda row: ("single", "model"),
            lambda: "empty",
            TableIdentity(1),
        )
        assert none_in_benchmark(store, good).passed
