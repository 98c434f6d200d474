"""A student that is built here has a folder of its own: another student on the same data is not taken for it."""

from pathlib import Path

from assets.sft_checkpoint.asset import base_folder
from resources.store import Store


def test_two_students_on_the_same_data_have_two_bases(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = {base_folder(store, student, "abc") for student in ("tiny", "smol")}
    assert len(folders) == 2
    assert {folder.parent for folder in folders} == {tmp_path / "checkpoints" / "base"}
