"""How files are counted in a sentence: what should have been read first, and each number in its form."""

from assets.source_files.schema import SourceFile
from assets.source_files.summary import FileTally
from assets.source_images import not_read
from assets.source_images.not_read import Became


def row(became: Became, cause: str) -> SourceFile:
    return {
        "path": cause,
        "bytes": 1,
        "type": "",
        "became": became,
        "cause": cause,
        "why": "",
        "document_id": "",
        "collection": "",
        "shard": "",
        "licence": "",
        "mtime": 0.0,
    }


def test_what_was_refused_is_named_first_and_always_and_each_number_has_its_form() -> None:
    tally = FileTally()
    for kind in range(20):
        for _ in range(2):
            tally.add(row("ignored", f".{kind}"))
    for verdict in (not_read.OUTSIDE, not_read.DEAD_LINK, not_read.NOT_TEXT, not_read.LICENCES_FORM):
        tally.add(row(verdict.became, verdict.cause))
    for cause in ("in quarantine", "in quarantine", "a", "b", "c", "d"):
        tally.add(row("refused", cause))
    assert tally.sentence() == (
        "50 of 50 files were not read: 2 in quarantine, 1 LICENCES.csv that is no plain file (give its collection a "
        "CSV file of this name), 1 a, 1 b, 1 c, 1 d, 1 link out of the sources folder (put a copy there instead), "
        "1 link that leads nowhere (remove the link or put the file there), 1 name that is not UTF-8 (rename the file "
        "or the folder), 2 .0, 2 .1, 2 .10, 2 .11, 2 .12, 2 .13, 2 .14, 2 .15, 24 of other kinds"
    )
    several = {
        not_read.SYSTEM: "2 files of the",
        not_read.DEAD_LINK: "2 links that lead",
        not_read.LOCK: "2 lock files",
    }
    for verdict, says in several.items():
        tally = FileTally()
        for _ in range(2):
            tally.add(row(verdict.became, verdict.cause))
        assert tally.sentence().startswith(f"2 of 2 files were not read: {says} ")
    tally = FileTally()
    tally.add(row("ignored", not_read.by_ending("x", "").cause))
    assert tally.sentence().startswith("1 of 1 file was not read: 1 file without an ending (")
