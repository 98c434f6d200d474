"""Pairs follow from the edits alone: which ones there are, what they hold, what they weigh (docs/preferences.md)."""

from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.corrected_segments.critic import corrected_row
from assets.corrected_segments.schema import CORRECTED_SEGMENTS
from assets.drafts.draft import draft_author
from assets.partitions import SHARDS
from assets.preference_dataset.weights import kind_factors, kind_shares
from assets.preference_pairs.iterdpo import (
    Corrected,
    cumulative_pairs,
    prefix_weights,
    sampled_pair,
    shared_prefix_pairs,
    whole_pairs,
)
from assets.preference_pairs.pair_tally import PairTally
from assets.preference_pairs.ranking import Ranked, Sides
from assets.quality.quarantine import read_quarantine
from assets.quality.report import write_report
from assets.segments.schema import SEGMENTS
from assets.segments.splitter import split_output
from assets.training_dataset import current_manifest
from resources.recipe.model import Pairs
from testing.rows import page, write_shard, written
from testing.told import told
from tests.conftest import Factory

PAGE = st.sampled_from(["kept", "edited", "missing"])


@dataclass
class Deck:
    """A corrected document whose pages were kept, edited, or missing (and so written by the critic)."""

    pages: list[str]
    kind: str = "deck"

    @property
    def output(self) -> dict[str, Any]:
        return {
            "example_id": "e",
            "document_id": "d",
            "kind": self.kind,
            "request": "Write.",
            "instruction": "Write. Write 600 words in total.",
            "required_words": 600,
            "images": [f"image{i}" for i in range(len(self.pages))],
        }

    @property
    def corrected(self) -> list[Corrected]:
        return [
            Corrected(
                {
                    "original": "" if page == "missing" else f"original {i}",
                    "edited": page != "kept",
                    "text": f"original {i}" if page == "kept" else f"corrected {i}",
                    "corrector": "critic",
                },
                "writer",
            )
            for i, page in enumerate(self.pages)
        ]

    def cumulative(self, last_share: float = 0.5) -> list[dict[str, Any]]:
        return cumulative_pairs(self.output, self.corrected, last_share)

    def shared_prefix(self) -> list[dict[str, Any]]:
        return shared_prefix_pairs(self.output, self.corrected)

    def whole(self) -> list[dict[str, Any]]:
        return whole_pairs(self.output, self.corrected)

    def numbers(self) -> tuple[int, int, int, int, int]:
        """(N, k, f, m, e) as docs/preferences.md names them; f and e are N + 1 where there is no such page."""
        changed = [i for i, page in enumerate(self.pages, 1) if page != "kept"]
        written = [i for i, page in enumerate(self.pages, 1) if page != "missing"]
        count = len(self.pages)
        return (
            count,
            len(changed),
            min(changed, default=count + 1),
            self.pages.count("missing"),
            min(written, default=count + 1),
        )


DECKS = st.builds(Deck, st.lists(PAGE, min_size=1, max_size=30))


def test_the_worked_example_of_the_docs() -> None:
    deck = Deck(["kept", "edited", "kept", "missing", "kept"])
    pairs = deck.cumulative(last_share=0.5)
    assert [pair["upto"] for pair in pairs] == [2, 3, 4, 5]
    assert [len(pair["images"]) for pair in pairs] == [2, 3, 4, 5]
    assert [pair["weight"] for pair in pairs] == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert pairs[2]["chosen"] == "original 0\n\ncorrected 1\n\noriginal 2\n\ncorrected 3"
    assert pairs[2]["rejected"] == "original 0\n\noriginal 1\n\noriginal 2"
    assert page_weights(pairs, 5) == pytest.approx([1, 1, 5 / 6, 2 / 3, 1 / 2])
    assert page_weights(deck.cumulative(last_share=0), 5) == pytest.approx([1, 1, 3 / 4, 1 / 2, 1 / 4])
    (shared,) = deck.shared_prefix()
    assert (shared["upto"], shared["prefix"], shared["chosen"]) == (2, "original 0", "corrected 1")
    (whole,) = deck.whole()
    assert (whole["prompt"], len(whole["images"])) == ("Write. Write 600 words in total.", 5)


def page_weights(pairs: list[dict[str, Any]], pages: int) -> list[float]:
    """What each page weighs: page j stands in every pair i >= j."""
    return [sum(pair["weight"] for pair in pairs if pair["upto"] >= page) for page in range(1, pages + 1)]


@given(DECKS)
def test_the_numbers_of_pairs_follow_the_formulas(deck: Deck) -> None:
    count, edited, first, missing, written = deck.numbers()
    assert len(deck.cumulative()) == max(0, count - max(first, written) + 1)
    assert len(deck.shared_prefix()) == edited - missing
    assert len(deck.whole()) == (edited > 0 and written <= count)


@given(DECKS, st.floats(0, 0.99))
def test_no_side_is_empty_or_identical_and_the_pairs_of_a_document_and_kind_weigh_1(deck: Deck, share: float) -> None:
    for pairs in (deck.cumulative(share), deck.shared_prefix(), deck.whole()):
        assert all(pair["chosen"] and pair["rejected"] and pair["chosen"] != pair["rejected"] for pair in pairs)
        assert all(pair["weight"] > 0 for pair in pairs)
        assert sum(pair["weight"] for pair in pairs) == pytest.approx(1.0 if pairs else 0.0)
        assert len({pair["pair_id"] for pair in pairs}) == len(pairs)


@given(DECKS, st.floats(0.01, 0.99))
def test_no_page_weighs_more_than_one_through_the_last_share_times_another(deck: Deck, share: float) -> None:
    if pairs := deck.cumulative(share):
        weights = page_weights(pairs, len(deck.pages))
        assert max(weights) <= min(weights) / share + 1e-9
        assert weights == sorted(weights, reverse=True)


@given(st.integers(1, 60))
def test_without_a_last_share_page_1_weighs_as_often_as_it_stands_in_a_pair(count: int) -> None:
    assert prefix_weights(count, 0.0) == pytest.approx([1 / count] * count)


@given(DECKS)
def test_a_decks_prefix_has_the_images_of_its_pages_and_ends_the_answer(deck: Deck) -> None:
    for pair in deck.cumulative():
        assert pair["images"] == deck.output["images"][: pair["upto"]]
        assert pair["closes"] and not pair["prefix"]
        assert pair["prompt"] == "Write."


@given(DECKS)
def test_a_shared_prefix_is_corrected_and_comes_before_the_segment_that_differs(deck: Deck) -> None:
    for pair in deck.shared_prefix():
        i = pair["upto"] - 1
        assert (pair["chosen"], pair["rejected"]) == (f"corrected {i}", f"original {i}")
        assert pair["prefix"] == "\n\n".join(segment.row["text"] for segment in deck.corrected[:i])
        assert pair["closes"] == (i == len(deck.pages) - 1)
        assert (pair["images"], pair["prompt"]) == (deck.output["images"], "Write.")


@given(DECKS)
def test_a_whole_pair_is_the_last_prefix_asked_for_with_its_length(deck: Deck) -> None:
    for pair in deck.whole():
        last = deck.cumulative()[-1]
        assert [pair[name] for name in ("chosen", "rejected", "images")] == [
            last[name] for name in ("chosen", "rejected", "images")
        ]
        assert (pair["prompt"], pair["closes"]) == (deck.output["instruction"], True)


@given(DECKS)
def test_a_pair_names_who_wrote_its_text_and_who_corrected_it(deck: Deck) -> None:
    for pair in (*deck.cumulative(), *deck.shared_prefix(), *deck.whole()):
        assert (pair["author"], pair["corrector"]) == ("writer", "critic")
    sampled = sampled_pair(
        deck.output, Sides(Ranked("better", 19.0, True), Ranked("worse", 10.0, True)), "tiny sft 1", "judge"
    )
    assert (sampled["author"], sampled["corrector"]) == ("tiny sft 1", "judge")


@pytest.mark.parametrize(
    ("author", "embedded"),
    [
        ("embedded-teacher-1", True),
        (draft_author("1", {"student": "tiny", "embedded": True}), True),
        (draft_author("1", {"student": "tiny", "embedded": False}), False),
        ("teacher", False),
    ],
)
def test_a_data_set_whose_texts_the_embedded_model_wrote_says_so_whoever_corrected_them(
    author: str, embedded: bool, factory: Factory
) -> None:
    store, shard = factory.store, "a-001"
    factory.instance.add_dynamic_partitions(str(SHARDS.name), [shard])
    output = written("deck", "## Slide 1\n\nThe river is long.", kind="deck", split="preference")
    segments = split_output({**output, "author": author})
    corrections = {"text": "## Slide 1\n\nThe river is short.", "errors": ["factual"], "reason": "It is short."}
    write_shard(store, shard, [output], [page("deck", output["images"][0], "preference")])
    store.write_table(SEGMENTS, shard, segments)
    store.write_table(
        CORRECTED_SEGMENTS,
        shard,
        [corrected_row(segment, corrections, "critic", "call") for segment in segments],
    )
    factory.run("shard_job", shard, ["preference_pairs"])
    for asset in ("segments", "corrected_segments", "preference_pairs"):
        write_report(store, asset, shard, [], [], 0, 0)
    factory.run("training_job", assets=["preference_dataset"])
    manifest = current_manifest(store, "preference")
    assert (manifest.authors, manifest.embedded) == ({author: 3, "critic": 3}, embedded)
    rows = pq.read_table(manifest.path).to_pylist()
    assert {(row["author"], row["corrector"]) for row in rows} == {(author, "critic")}


def test_pairs_that_stand_in_two_shards_are_trained_on_once_and_the_double_has_its_reason(factory: Factory) -> None:
    store, shards = factory.store, ["a-001", "b-001"]
    factory.instance.add_dynamic_partitions(str(SHARDS.name), shards)
    for shard in shards:  # a document that moved from one collection to another
        output = written("deck", "## Slide 1\n\nThe river is long.", kind="deck", split="preference")
        write_shard(store, shard, [output], [page("deck", output["images"][0], "preference")])
        segments = split_output({**output, "author": "teacher"})
        store.write_table(SEGMENTS, shard, segments)
        store.write_table(
            CORRECTED_SEGMENTS,
            shard,
            [
                corrected_row(
                    segment,
                    {"text": "## Slide 1\n\nThe river is short.", "errors": ["factual"], "reason": "It is short."},
                    "critic",
                    "call",
                )
                for segment in segments
            ],
        )
        factory.run("shard_job", shard, ["preference_pairs"])
        for asset in ("segments", "corrected_segments", "preference_pairs"):
            write_report(store, asset, shard, [], [], 0, 0)
    done = factory.run("training_job", assets=["preference_dataset"])
    metadata = told(done.asset_materializations_for_node("preference_dataset")[0].metadata)
    ids = pq.read_table(current_manifest(store, "preference").path).column("id").to_pylist()
    assert len(ids) == len(set(ids)) == store.read_table("preference_pairs", "a-001").num_rows == 3
    assert metadata["dropped_duplicate"] == 1
    assert [(row["example_id"], row["reason"]) for row in read_quarantine(store, "preference_dataset", "all")] == [
        ("deck", "duplicate: the same example stands in shard a-001")
    ]


def test_a_text_about_one_image_keeps_its_image_and_ends_only_with_its_last_section() -> None:
    text = Deck(["edited", "kept", "edited"], "single")
    output = {**text.output, "images": ["image0"]}
    pairs = cumulative_pairs(output, text.corrected, 0.5)
    assert [pair["closes"] for pair in pairs] == [False, False, True]
    assert all(pair["images"] == ["image0"] for pair in pairs)


def test_a_deck_whose_request_names_its_length_has_no_prefix_but_the_whole_and_a_text_that_does_not_end_has() -> None:
    for kind, prefixes in (("deck", [3]), ("multi", [1, 2, 3])):
        deck = Deck(["edited", "kept", "edited"], kind)
        output = {**deck.output, "instruction": "Write 600 words.", "request": "Write 600 words."}
        pairs = cumulative_pairs(output, deck.corrected, 0.5)
        assert [pair["upto"] for pair in pairs] == prefixes
        assert [pair["closes"] for pair in pairs] == [upto == 3 for upto in prefixes]


KINDS = ("cumulative", "shared_prefix", "whole", "sampled")


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0.01, 1)), min_size=1, max_size=40),
    st.fixed_dictionaries({kind: st.sampled_from([0.0, 0.1, 0.3, 1.0]) for kind in KINDS}),
)
def test_after_the_gate_kinds_weigh_as_the_recipe_says_and_a_pair_weighs_1_on_average(
    pairs: list[tuple[str, float]], shares: dict[str, float]
) -> None:
    before, after = PairTally(), PairTally()
    for kind, weight in pairs:
        before.add({"kind": kind, "weight": weight, "chosen": "a", "rejected": ""})
    normalised = kind_shares(Pairs(**shares), before.pairs)
    factors = kind_factors(before.weight, before.pairs, normalised)
    assert set(factors) == {kind for kind, _ in pairs if shares[kind]}
    for kind, weight in pairs:
        if kind in factors:
            after.add({"kind": kind, "weight": weight * factors[kind], "chosen": "a", "rejected": ""})
    if factors:
        whole = sum(shares[kind] for kind in factors)
        assert after.weight_shares() == pytest.approx({kind: shares[kind] / whole for kind in factors})
        assert after.weight_shares() == pytest.approx(normalised)
        assert sum(after.weight.values()) == pytest.approx(sum(after.pairs.values()))
