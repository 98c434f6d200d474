"""The table of decisions, on SQLite and a real Postgres: rows are added once, by anyone at once, and none is lost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from resources.authors import EMBEDDED_STUDENT, is_embedded, with_person
from resources.decisions.decision import Decision
from resources.decisions.people import People, decisions_of
from resources.failures import LedgerError
from resources.ledger import DECISIONS, Ledger
from tests.engine.test_ledger import postgres, url  # noqa: F401 (fixtures)

ONE = Decision(
    "Ännä", 1.5, "segment", "e-000", "0" * 64, "corrected", "河水 \n很短 𝄞", ("factual", "missing"), "So.", 31.0
)


@pytest.fixture
def people_url(url: str) -> str:  # noqa: F811
    engine = create_engine(url)
    DECISIONS.drop(engine, checkfirst=True)
    engine.dispose()
    return url


def test_what_is_added_is_read_as_it_was_and_added_once(people_url: str) -> None:
    ledger = Ledger(people_url)
    people, other = People(ledger), replace(ONE, target="e-001", at=0.5)
    assert people.append([ONE, other, ONE]) == 2
    assert people.append([ONE]) == 0
    assert people.decisions() == [other, ONE]
    assert people.decisions(["e-000", *map(str, range(2000))]) == [ONE]
    assert people.decisions([]) == []
    ledger.close()


def test_people_at_the_same_page_at_once_lose_nothing(people_url: str) -> None:
    Ledger(people_url).close()

    def decide(who: int) -> int:
        ledger = Ledger(people_url)
        try:
            return sum(People(ledger).append([replace(ONE, who=f"p{who}", at=float(at)), ONE]) for at in range(10))
        finally:
            ledger.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(decide, range(6))) == 61
    ledger = Ledger(people_url)
    assert len(People(ledger).decisions()) == 61
    ledger.close()


def test_what_one_says_again_is_not_added_again_and_what_changes_is(people_url: str) -> None:
    ledger = Ledger(people_url)
    people, fine = People(ledger), replace(ONE, at=3.0, verdict="fine", text="", errors=())
    said = [ONE, replace(ONE, at=2.0), fine, replace(fine, at=4.0), replace(ONE, at=5.0), replace(ONE, at=6.0, who="B")]
    assert [people.append_once(each) for each in said] == [True, False, True, False, True, True]
    assert [each.at for each in people.decisions()] == [1.5, 3.0, 5.0, 6.0]
    ledger.close()


def test_of_several_processes_that_save_one_decision_one_adds_it(tmp_path: Path) -> None:
    Ledger.at(tmp_path).close()

    def decide(number: int) -> bool:
        ledger = Ledger.at(tmp_path)
        try:
            return People(ledger).append_once(replace(ONE, at=float(number)))
        finally:
            ledger.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(decide, range(1, 33))) == 1
    assert len(decisions_of(tmp_path)) == 1


def test_one_that_cannot_be_written_leaves_none_of_its_file(people_url: str) -> None:
    ledger = Ledger(people_url)
    broken = replace(ONE, who=None)  # type: ignore[arg-type]
    with pytest.raises(LedgerError):
        People(ledger).append([ONE, broken])
    assert People(ledger).decisions() == []
    ledger.close()


def test_a_ledger_from_before_there_were_decisions_gets_their_table(tmp_path: Path) -> None:
    Ledger.at(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE decisions"))
    engine.dispose()
    assert decisions_of(tmp_path) == []


@pytest.mark.parametrize("author", ["embedded-critic-1", f"tiny sft 1 {EMBEDDED_STUDENT}", "gpt-x"])
def test_a_person_takes_the_mark_of_the_embedded_model_from_no_text(author: str) -> None:
    assert is_embedded(with_person(author)) == is_embedded(author)
    assert with_person(with_person(author)) == with_person(author)
