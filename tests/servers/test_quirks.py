"""Any server people use: for each quirk the documents come out whole, or what is wrong is said in one sentence."""

import pytest

from resources.text.thoughts import model_markup
from testing.quirky_server import Quirk
from tests.servers.case import DOCUMENTS, PLAIN, Case, Runner
from tests.servers.quirks import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.quirk.name)
def test_a_server_with_a_quirk_gives_whole_rows_or_one_sentence(case: Case, runner: Runner) -> None:
    plain = runner.plain_texts()
    came = runner.run(case.quirk, case.env, case.side)
    seen, found = runner.server.seen, " ".join((came.failure, *came.reasons))
    told = f"failure: {came.failure!r}, reasons: {came.reasons}, {seen.refused} refused, {seen.answered} answered"
    assert all(piece in found for piece in case.says), told
    assert seen.refused <= case.taught, told
    assert seen.answered <= PLAIN + case.made, told
    if case.right == "stop":
        assert came.failure and "\n" not in came.failure, told
        assert "LWV_" in came.failure or "lwv " in came.failure, told
        assert not case.kind or came.metadata.get(f"failed_{case.kind}"), (told, came.metadata)
        return
    aside = {"rows": 0, "some": case.aside, "aside": DOCUMENTS}[case.right]
    assert not came.failure, told
    assert (len(came.texts), len(came.reasons)) == (DOCUMENTS - aside, aside), told
    assert all(reason.startswith(f"{case.kind}: ") for reason in came.reasons), told
    assert not [text for text in came.texts.values() if model_markup(text)]
    if case.same:
        assert came.texts == {name: plain[name] for name in came.texts}


def test_no_two_quirks_have_one_name() -> None:
    names = [case.quirk.name for case in CASES]
    assert sorted(set(names)) == sorted(names)
    assert len(CASES) >= 110
    assert all(isinstance(case.quirk, Quirk) and case.quirk.source for case in CASES)
