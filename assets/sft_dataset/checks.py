"""The rules that the SFT data set must keep before anything is trained on it."""

from collections import Counter

from assets.instructions.schema import INSTRUCTIONS
from assets.quality.model_markup import NO_MODEL_MARKUP, markup_in
from assets.quality.outcome import Outcome, Rule, WholeRules, violations
from assets.sft_dataset.contamination import none_in_benchmark
from assets.sft_dataset.mix_report import mix_of
from assets.training_dataset import Manifest, current_manifest, image_here, rows_of
from resources.store import Store

RULES = (
    Rule("ids_unique", "No two rows have the same id."),
    Rule("images_there", "Every image file of every row is there."),
    Rule("two_turns", "Every row is a user turn and an assistant turn, both with text."),
    Rule("held_out_stays_out", "No row comes from the preference or the benchmark split."),
    NO_MODEL_MARKUP,
    Rule("not_in_benchmark", "No image and no text of the benchmark split stands in a row."),
    Rule(
        "enough_long_texts",
        "The shares of long and of short texts, kinds and buckets are those of the recipe.",
        blocking=False,
    ),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    manifest = current_manifest(store, "sft")
    ids, lost, odd = Counter[str](), list[str](), list[str]()
    for row in rows_of(manifest, ["id", "images", "messages"]):
        ids[row["id"]] += 1
        if not all(image_here(store, image).is_file() for image in row["images"]):
            lost.append(row["id"])
        if [turn["role"] for turn in row["messages"]] != ["user", "assistant"] or not all(
            turn["content"].strip() for turn in row["messages"]
        ):
            odd.append(row["id"])
    held_out = {
        row["example_id"]
        for shard in manifest.shards
        for row in store.rows(INSTRUCTIONS, shard, ["example_id", "split"])
        if row["split"] != "sft"
    }
    doubled = sorted(name for name, count in ids.items() if count > 1)
    found = (
        violations("ids_unique", doubled, manifest.rows, "ids are not unique", "several rows have this id"),
        violations("images_there", lost, manifest.rows, "rows lack an image file", "an image file of it is gone"),
        violations(
            "two_turns", odd, manifest.rows, "rows have other turns", "it is not a user turn and an answer with text"
        ),
        violations(
            "held_out_stays_out",
            sorted(held_out & set(ids)),
            manifest.rows,
            "rows are held out",
            "its document is of another split",
        ),
        markup_in(rows_of(manifest), "id"),
        none_in_benchmark(store, manifest),
        enough_long_texts(manifest),
    )
    return {outcome.rule: outcome for outcome in found}


def enough_long_texts(manifest: Manifest) -> Outcome:
    """Whether the mix has the recipe's shares; where not, which mix.size would."""
    report = mix_of(manifest)
    if report is None:
        return Outcome("enough_long_texts", False, {}, "the data set was written without a report of its mix")
    have, aim = report["trained_on"], report["aim"]
    short_of = [
        f"{have[name]:.1%} {what} instead of {aim[name]:.1%}"
        for name, what in (("long", "over 4,000 words"), ("short", "under 1,500 words"))
        if have[name] * have["examples"] < aim[name] * have["examples"] - 1
    ]
    off = report["off"]
    said = "; ".join(short_of) or f"a share of kinds or buckets is {off:.1%} off"
    size = report["largest_size"]
    advice = f"mix.size = {size} would meet every share" if size else "no mix.size meets every share: write more texts"
    return Outcome(
        "enough_long_texts",
        off == 0,
        {"off": off, "long_share": have["long"], "short_share": have["short"], "largest_size": size},
        "" if off == 0 else f"{said}; {advice}",
    )


CHECKS = WholeRules(RULES, evaluate)
