"""Red means red: a teacher that answers prose to everything leaves no green run, and each gate says what was lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.quality.report import read_report
from lwv_dagster.demo import problems
from testing.openai_server import scripted_server
from tests.conftest import Factory, draw_page, draw_unlike_decks, write_recipe
from tests.identity.test_stale import failures

PROSE = "What a lovely set of pages this is! I would be glad to help you with whatever you have in mind for them."


@pytest.fixture
def prose(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Factory]:
    """Decks and photographs, before a teacher, a critic and a judge that know nothing but prose."""
    draw_unlike_decks(factory.sources / "lectures")
    for number, colour in enumerate(("white", "beige", "pink")):
        draw_page(factory.sources / "signs" / f"sign-{number}.png", f"Sign {number} of the harbour", colour=colour)
    monkeypatch.setenv("LWV_RECIPE", write_recipe(tmp_path, "groups = []\n"))
    with scripted_server(lambda body: PROSE) as server:
        for role in ("TEACHER", "CRITIC", "JUDGE"):
            monkeypatch.setenv(f"LWV_{role}_BASE_URL", server.url)
            monkeypatch.setenv(f"LWV_{role}_MODEL", "prose-1")
        yield factory


def test_a_teacher_that_answers_prose_to_everything_makes_every_run_red_and_each_gate_says_why(prose: Factory) -> None:
    lectures, signs = prose.scan()
    lost = {lectures: "long_outputs", signs: "instructions"}  # the requests for decks are fixed, those for images not
    for shard, asset in lost.items():
        result = prose.run("shard_job", shard)
        assert not result.success
        (said,) = problems(result.all_events)
        assert f"{asset} {shard}: 3 of 3 in quarantine, all `malformed`: " in said
        assert f"({shard.removesuffix('-001')}/" in said  # a file that people know
        report = read_report(prose.store, asset, shard)
        assert report is not None and not report["passed"]
    for gate in ("sft_dataset", "preference_dataset"):
        result = prose.run("training_job", assets=[gate])
        assert not result.success
        said = failures(result)
        for shard, asset in lost.items():
            assert f"{shard}/{asset}: failed quarantine_share (3 of 3 in quarantine, all `malformed`: " in said
    assert not prose.run("evaluation_job").success
    assert prose.run("report_job").success
    page = (prose.home / "reports" / "index.html").read_text()
    assert "lectures/" in page and "signs/sign-0.png" in page
