"""A teacher that misbehaves on purpose: what it gets wrong is mended and counted, or set aside with its reason."""

from pathlib import Path

import pytest

from resources.text.refusals import is_refusal
from testing.control import OFF, good_share, run, section_share
from testing.misbehaving import fault_of

DOCUMENTS = 60


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LWV_HOME", "LWV_RECIPE", "LWV_TEACHER_MODEL", "LWV_TEACHER_BASE_URL"):
        monkeypatch.setenv(name, "")  # `run` sets them; put back afterwards


def test_faults_are_mended_and_counted_or_set_aside_with_their_reason(tmp_path: Path, clean: None) -> None:
    metadata, rows, aside = run(tmp_path / "on", DOCUMENTS, "")
    assert len(rows) + len(aside) == DOCUMENTS
    for kind in (
        "plan_corrected",
        "continued",
        "rewritten_short",
        "rewritten_long",
        "rewritten_loop",
        "rewritten_language",
        "rewritten_repeat",
        "asked_again",
    ):
        assert metadata[f"repaired_{kind}"] > 0, kind
    assert {row["reason"].split(":")[0] for row in aside} <= {"language", "repeat", "loop", "refused", "malformed"}
    sections = [section for row in rows for section in row["sections"]]
    assert not any(is_refusal(section["text"]) for section in sections)
    assert all(section["text"].count("without an end") <= 2 for section in sections)

    _, plain, _ = run(tmp_path / "off", DOCUMENTS, OFF)
    assert good_share(rows) > good_share(plain) + 0.15
    assert section_share(rows) > section_share(plain) + 0.15


def test_what_stays_wrong_is_what_was_wrong_twice(tmp_path: Path, clean: None) -> None:
    _, rows, aside = run(tmp_path, DOCUMENTS, "")
    for row in aside:
        sample = int(row["example_id"])
        assert any(fault_of(sample, step, again=True) for step in range(14))
    assert all(row["words"] > 0 for row in rows)
