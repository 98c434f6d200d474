"""The rules that the SFT data set must keep before anything is trained on it."""

from pathlib import Path

import pyarrow.parquet as pq

from assets.door import current_manifest
from assets.quality.bridge import whole_checks
from assets.quality.outcome import Outcome, Rule, offenders
from resources.store import Store

RULES = (
    Rule("ids_unique", "No two rows have the same id."),
    Rule("images_there", "Every image file of every row is there."),
    Rule("two_turns", "Every row is a user turn and an assistant turn, both with text."),
    Rule("held_out_stays_out", "No row comes from the preference or the benchmark split."),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    manifest = current_manifest(store, "sft")
    rows = pq.read_table(manifest.path, columns=["id", "images", "messages"]).to_pylist()
    ids = [row["id"] for row in rows]
    doubled = sorted({name for name in ids if ids.count(name) > 1})
    lost = [row["id"] for row in rows if not all(Path(image["path"]).is_file() for image in row["images"])]
    odd = [row["id"] for row in rows if [turn["role"] for turn in row["messages"]] != ["user", "assistant"]
           or not all(turn["content"].strip() for turn in row["messages"])]
    held_out = {row["example_id"] for shard in manifest.shards for row in store.rows("instructions", shard)
                if row["split"] != "sft"}
    found = (offenders("ids_unique", doubled, len(ids), "ids stand twice"),
             offenders("images_there", lost, len(ids), "rows lack an image file"),
             offenders("two_turns", odd, len(ids), "rows have other turns"),
             offenders("held_out_stays_out", sorted(held_out & set(ids)), len(ids), "rows are held out"))
    return {outcome.rule: outcome for outcome in found}


sft_dataset_checks = whole_checks("sft_dataset", RULES, evaluate)
