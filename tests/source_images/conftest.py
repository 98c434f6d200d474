"""What the tests of source files share."""

from pathlib import Path

import pytest

from resources.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty folder of sources, and limits so low that a test reaches them."""
    (tmp_path / "sources").mkdir()
    return Settings(home=tmp_path / "home", sources=tmp_path / "sources", max_side=256, max_pages=5, max_file_mb=1)
