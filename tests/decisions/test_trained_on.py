"""Which checkpoints learnt a row is told by their records: their data set, and the checkpoint they began from."""

import json
from pathlib import Path

from lwv_dagster.annotate.reach import checkpoints_of
from resources.store import Store


def record(home: Path, kind: str, name: str, text: str) -> None:
    path = home / "checkpoints" / kind / name / "training.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_a_checkpoint_learnt_what_its_data_set_holds_and_what_its_base_learnt(tmp_path: Path) -> None:
    base = "/elsewhere/.lwv/checkpoints/sft"  # the home was moved since
    for kind, name, data_set, begun in (
        ("sft", "a", "d1", "tiny"),
        ("sft", "b", "d2", "tiny"),
        ("dpo", "c", "p1", f"{base}/a"),
        ("dpo", "d", "p1", f"{base}/b"),
        ("dpo", "e", "d1", f"{base}/b"),  # another gate's data set of the same name
    ):
        record(tmp_path, kind, name, json.dumps({"dataset_id": data_set, "base": begun}))
    record(tmp_path, "sft", "cut", '{"dataset_id": "d1"')
    record(tmp_path, "sft", "odd", '["d1"]')
    record(tmp_path, "sft", "none", '{"dataset_id": "d1", "base": null}')
    store = Store(tmp_path)
    assert checkpoints_of(store, "sft", ["d1"]) == ["sft/a", "dpo/c"]
    assert checkpoints_of(store, "sft", ["d1", "d2"]) == ["sft/a", "sft/b", "dpo/c", "dpo/d", "dpo/e"]
    assert checkpoints_of(store, "preference", ["p1"]) == ["dpo/c", "dpo/d"]
    assert checkpoints_of(store, "sft", []) == checkpoints_of(store, "preference", ["d9"]) == []
