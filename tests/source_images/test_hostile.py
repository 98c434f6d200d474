"""Hostile files of each kind are set aside with a reason, within their limits; make test-hands has 300 more."""

import pytest

from tests.source_images.hostile import NAMED
from tests.source_images.hostile.watch import Watched, watched

# What the reason says of each; an empty one: it is read.
EXPECTED = {
    "form-of-itself.pdf": "",
    "forms-of-forms.pdf": "LWV_",
    "tiny-tiles.pdf": "LWV_PAGE_SECONDS=3",
    "box-strip.pdf": "strip",
    "circle-tree.pdf": "cannot be drawn",
    "many-pages.pdf": "LWV_MAX_PAGES",
    "white.pdf": "nothing on its only page",
    "image-broken-jbig2.pdf": "an image that cannot be decoded",
    "image-broken-jpeg.pdf": "an image that cannot be decoded",
    "nested-arrays.pdf": "damaged",
    "just-allowed.png": "nothing on its only page",
    "directories.tif": "LWV_MAX_PAGES",
    "bomb.png": "million pixels",
    "dot.png": "3 x 3 pixels",
    "strip.png": "strip of 12000 x 300",
    "scans.jpg": "",
    "canvas.webp": "",
    "entities.pptx": "",
    "text-huge.pptx": "3,300,000 characters",
    "bomb-small.pptx": "",
    "groups.pptx": "",
    "zip-empty.pptx": "no presentation",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "sources" / "c").mkdir(parents=True)
    for name in EXPECTED:
        (folder / "sources" / "c" / name).write_bytes(NAMED[name]())
    return watched(folder / "sources", folder / "home", readers=2, page_seconds=3)


def test_each_hostile_file_is_read_or_has_its_reason(found: Watched) -> None:
    assert found.code == 0, found.log[-2000:]
    said = {name: found.aside.get(f"c/{name}", "") for name in EXPECTED}
    assert {name: why for name, why in said.items() if EXPECTED[name] not in why} == {}


def test_hostile_files_stay_within_the_limits_connect_to_nothing_and_leave_nothing(found: Watched) -> None:
    assert found.peak_mb <= 2500
    assert found.connections == set()
    assert found.left == []
