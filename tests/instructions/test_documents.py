"""What examples are made of: every page once, groups of one split, chapters of even length, lengths by hash."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.instructions.lengths import length_from, stated_words, target_words
from assets.instructions.materials import Document, chapters, group_documents, materials
from assets.instructions.requests import parse_decision
from resources.recipe.model import Instructions
from resources.recipe.read import RecipeError, read_recipe


def singles(count: int, split: str = "sft", collection: str = "photos", language: str = "en") -> list[Document]:
    return [
        Document(
            f"{split}{collection}{language}{number:04d}",
            "single",
            split,
            language,
            collection,
            (f"image-{split}-{number}",),
        )
        for number in range(count)
    ]


def deck(pages: int) -> Document:
    return Document("deck0", "deck", "sft", "en", "talks", tuple(f"page-{page}" for page in range(1, pages + 1)))


@given(st.integers(1, 500), st.integers(1, 40))
def test_chapters_have_every_page_once_in_order_and_are_as_few_and_even_as_can_be(pages: int, most: int) -> None:
    parts = chapters(pages, most)
    assert [page for part in parts for page in part] == list(range(1, pages + 1))
    assert len(parts) == -(-pages // most)
    assert max(map(len, parts)) <= most and max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_deck_of_400_pages_is_sixteen_chapters_of_25_and_a_deck_of_one_page_is_itself() -> None:
    found = materials([deck(400)], Instructions())
    assert [len(part.images) for part in found] == [25] * 16
    assert [part.example_id for part in found][:2] == ["deck0-deck-01", "deck0-deck-02"]
    assert found[1].pages[0] == 26 and found[1].images[0] == "page-26"
    (only,) = materials([deck(1)], Instructions())
    assert (only.example_id, only.pages, only.part) == ("deck0-deck", (1,), (1, 1))


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([(2, 4), (2,), (4,), ()]), st.floats(0, 1))
def test_groups_are_of_one_split_and_no_image_stands_in_two(first: int, second: int, sizes, share: float) -> None:
    documents = singles(first) + singles(second, "preference")
    recipe = Instructions(groups=sizes, group_share=share)
    found = [material for material in materials(documents, recipe) if material.kind == "multi"]
    used = Counter(name for material in found for name in material.documents)
    assert all(count == 1 for count in used.values())
    assert all(len(material.images) in sizes for material in found)
    splits = {document.document_id: document.split for document in documents}
    assert all({splits[name] for name in material.documents} == {material.split} for material in found)
    if sizes and share == 1:
        assert sum(used.values()) >= max(0, first - min(sizes) + 1)
    assert [material.example_id for material in found] == [
        material.example_id for material in materials(documents, recipe) if material.kind == "multi"
    ]


def test_a_page_in_a_third_language_is_written_about_in_english_and_chinese_pages_in_chinese() -> None:
    def rows(name: str, *languages: str) -> list[dict[str, object]]:
        return [
            {
                "document_id": name,
                "kind": "deck",
                "split": "sft",
                "language": language,
                "collection": "c",
                "image_sha256": f"{name}-{number}",
            }
            for number, language in enumerate(languages)
        ]

    pages = [*rows("french", "fr", "fr"), *rows("chinese", "zh", "en", "zh"), *rows("mixed", "en", "und", "en", "zh")]
    found = {document.document_id: document.language for document in group_documents(pages, Instructions())}
    assert found == {"french": "en", "chinese": "zh", "mixed": "en"}


def test_documents_without_text_are_asked_for_in_chinese_by_share() -> None:
    rows = [
        {
            "document_id": str(number),
            "kind": "single",
            "split": "sft",
            "language": "und",
            "collection": "c",
            "image_sha256": str(number),
        }
        for number in range(400)
    ]
    chinese = sum(document.language == "zh" for document in group_documents(rows, Instructions(chinese_share=0.25)))
    assert 70 <= chinese <= 130
    assert all(document.language == "en" for document in group_documents(rows, Instructions(chinese_share=0)))


def test_lengths_are_stated_before_after_or_not_by_their_shares_and_always_for_held_out_ones() -> None:
    recipe = Instructions(stated_share=0.4, back_translated_share=0.25, groups=())
    found = Counter(length_from(material, recipe) for material in materials(singles(2000), recipe))
    assert abs(found["stated"] / 2000 - 0.4) < 0.05
    assert abs(found["back_translated"] / 2000 - 0.25) < 0.05
    held_out = materials(singles(50, "benchmark"), recipe)
    assert {length_from(material, recipe) for material in held_out} == {"stated"}
    assert {target_words(material, recipe) for material in held_out} <= set(recipe.words.single)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("Write a 2,000-word essay.", 2000),
        ("Write a 3k-word guide", 3000),
        ("写一篇1500字的文章", 1500),
        ("Write 500 words, at most 800 words.", 800),
        ("Explain the 3 words on the sign.", None),
        ("Describe it.", None),
        ("Write a novel of 50,000 words.", 50_000),
        ("A 1.5k-word article, please", 1500),
        ("写一篇两千字的影评", 2000),
        ("写2千字左右", 2000),
        ("不少于1.2万字", 12_000),
        ("写一万二千五百字", 12_500),
        ("写2000多字", 2000),
        ("写八百个汉字", 800),
        ("In 1,200 Chinese characters", 1200),
        ("讲讲这一个字的来历", None),
        (f"Write {'9' * 40} words.", None),
    ],
)
def test_a_length_that_the_request_itself_names_is_the_length(request_: str, words: int | None) -> None:
    assert stated_words(request_) == words


@pytest.mark.parametrize(
    ("text", "decision"),
    [
        ('{"relevant": true, "long": false, "reason": "short"}', (True, False, "short")),
        ('Sure: ```json\n{"long": true}\n```', (True, True, "")),
        ('The form is {"long": …}. {"relevant": true, "long": false, "reason": "r"} [so {it} is]', (True, False, "r")),
        ("Yes.", (True, True, "")),
        ("no", (True, False, "")),
        ("是", (True, True, "")),
        ("是的，需要长文", (True, True, "")),
        ("不需要", (True, False, "")),
        ("It depends.", None),
        ("Nothing.", None),
        ('{"long": "maybe"}', None),
        ('{"relevant": "false", "long": true}', None),
        ('{"a":' * 5000 + "}", None),
    ],
)
def test_a_decision_is_read_tolerantly(text: str, decision: object) -> None:
    assert parse_decision(text) == decision


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[instructions]\nwords_a_page = 3\n", "[instructions]: `words_a_page`"),
        ("[keep]\nlength_score = 200\n", "[keep]: `length_score`"),
        ("[instructions]\nwords = { single = [] }\n", "[instructions]: `words.single`"),
        ("[instructions]\nwords = { multi = [0] }\n", "[instructions]: `words.multi[1]`"),
        ("[instructions]\ndeck_tasks = []\n", "[instructions]: `deck_tasks`"),
        ("[writing]\nband = [1.25, 0.8]\n", "low <= 1"),
        ("[instructions]\nstated_share = 0.9\nback_translated_share = 0.9\n", "add up to more than 1"),
        ("[keep", "TOML"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_one_sentence_that_names_file_and_field(tmp_path, text: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=r"mine\.toml") as error:
        read_recipe(str(tmp_path / "mine.toml"))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_lengths_that_a_recipe_leaves_out_are_the_defaults(tmp_path) -> None:
    (tmp_path / "mine.toml").write_text("[instructions]\nwords = { single = [900] }\n")
    words = read_recipe(str(tmp_path / "mine.toml")).instructions.words
    assert (words.single, words.multi) == ((900,), Instructions().words.multi)


def test_every_preset_can_be_read() -> None:
    assert read_recipe("paper").mix.size == 10_000
    assert read_recipe("default").writing.length_control
    assert read_recipe("embedded").instructions.chapter_pages == 6
    with pytest.raises(RecipeError, match="`default`, `embedded` or `paper`"):
        read_recipe("nowhere")
