"""More than 300 hostile and broken files go through a scan and a reading, and nothing breaks."""

import hashlib
from pathlib import Path

import pytest

from tests.source_images.hostile import write
from tests.source_images.hostile.watch import watched

MUTATIONS = 270
PAGE_SECONDS = 20


@pytest.mark.timeout(3600)
def test_no_file_hurts_the_factory(tmp_path: Path) -> None:
    files = write(tmp_path / "sources" / "hostile", MUTATIONS)
    found = watched(tmp_path / "sources", tmp_path / "home", readers=2, page_seconds=PAGE_SECONDS)
    summary = (
        f"{len(files)} files, {len(found.read)} read, {len(found.aside)} set aside; "
        f"scanned in {found.scanned_s:.0f} s, read in {found.read_s:.0f} s; at most {found.peak_mb:.0f} MB"
    )
    print(summary)
    (tmp_path / "summary.txt").write_text(summary + "\n" + "\n".join(f"{k}: {v}" for k, v in found.aside.items()))
    assert found.code == 0, found.log[-2000:]
    assert len(files) >= 300
    first = {hashlib.sha256(path.read_bytes()).digest(): path for path in sorted(files, reverse=True)}  # of those alike
    assert {f"hostile/{path.name}" for path in first.values()} == set(found.read) | set(found.aside)
    assert set(found.read).isdisjoint(found.aside)
    assert [path for path, why in found.aside.items() if path not in why or len(why) < len(path) + 15] == []
    assert [why for why in found.aside.values() if "Traceback" in why or "\n" in why] == []
    assert found.peak_mb <= 2500
    assert found.connections == set()
    assert found.left == []
