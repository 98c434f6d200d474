"""What the docs and comments point at is there: pages, numbered sections of docs/method.md, links, headings."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("assets", "bench", "docs", "lwv_dagster", "resources", "samples", "testing", "tests")

# What may follow a page: `docs/method.md 3.2 to 3.4, 5`.
SECTIONS = r"((?:,? (?:to |and )?\d+(?:\.\d+)*\b)*)"
CITATION = re.compile(r"(?<![\w/.-])((?:docs|bench/\w+)/[\w-]+\.md|[a-z][a-z_-]*\.md)" + SECTIONS)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)" + SECTIONS)
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*")
MODULE = re.compile(r"[\w/]+\.py")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def files(*suffixes: str) -> list[Path]:
    """The repository's own files with one of these suffixes; not this one, whose citations are wrong on purpose."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*")
    return sorted(path for path in found if path.suffix in suffixes and path != Path(__file__).resolve())


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def headings(page: Path) -> list[str]:
    return HEADING.findall(FENCE.sub("", read(page)))


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


METHOD = ROOT / "docs" / "method.md"
METHOD_SECTIONS = {heading.split()[0] for heading in headings(METHOD) if heading[0].isdigit()}


def missing_sections(cited: str) -> list[str]:
    return [number for number in re.findall(r"\d+(?:\.\d+)*", cited) if number not in METHOD_SECTIONS]


def wrong_citations(text: str) -> Iterator[str]:
    """Pages that a text names, from the root of the repository, and that are not there; sections that it has not."""
    for page, cited in CITATION.findall(re.sub(r"\]\([^)]*\)", "]", text)):  # links stand from where their page is
        if not (ROOT / page).is_file():
            yield f"{page} is not there"
        elif ROOT / page == METHOD:
            yield from (f"{page} has no section {number}" for number in missing_sections(cited))


def wrong_links(page: Path, text: str) -> Iterator[str]:
    """Relative links of a markdown page that lead nowhere."""
    for target, cited in LINK.findall(FENCE.sub("", text)):
        if re.match(r"\w+:", target):
            continue
        name, _, heading = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        if not found.exists():
            yield f"{target} is not there"
        elif heading and heading not in map(anchor, headings(found)):
            yield f"{target}: no such heading"
        elif found == METHOD:
            yield from (f"{target} has no section {number}" for number in missing_sections(cited))


def test_every_page_and_section_that_a_file_cites_is_there() -> None:
    found = {str(path.relative_to(ROOT)): list(wrong_citations(read(path))) for path in files(".py", ".toml", ".md")}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_relative_links_lead_to_a_file_and_a_heading() -> None:
    found = {str(path.relative_to(ROOT)): list(wrong_links(path, read(path))) for path in files(".md")}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {target for target, _ in LINK.findall(read(ROOT / "README.md"))}
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} <= linked


def is_there(name: str) -> bool:
    """Whether a file or folder of ours is there, named in full or by its last parts; true for any other text."""
    if PATH.fullmatch(name):
        return (ROOT / name).exists()
    return not MODULE.fullmatch(name) or any(path.as_posix().endswith(f"/{name}") for path in files(".py"))


def missing_files(text: str) -> list[str]:
    """Files and folders of ours that a page names between backticks and that are not there."""
    return [name for name in CODE.findall(FENCE.sub("", text)) if not is_there(name)]


def test_modules_and_folders_that_a_page_names_are_there() -> None:
    found = {str(path.relative_to(ROOT)): missing_files(read(path)) for path in files(".md")}
    assert {name: missing for name, missing in found.items() if missing} == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`resources/store.py`, `store.py`, `dpo/tree.py`, `assets/quality` and `tables/<asset>/<shard>.parquet`", []),
        ("`sft_checkpoint/packing.py` and `assets/release`", ["sft_checkpoint/packing.py", "assets/release"]),
    ],
)
def test_a_module_that_moved_is_found(text: str, expected: list[str]) -> None:
    assert missing_files(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docs/method.md 3.2 to 3.4, 5 and README.md", []),
        ("(docs/method.md 3.9)", ["docs/method.md has no section 3.9"]),
        ("docs/method.md 1.1 to 1.7.", ["docs/method.md has no section 1.7"]),
        ("(training.md 3)", ["training.md is not there"]),
        ("see docs/rooms.md", ["docs/rooms.md is not there"]),
        ("bench/engine/NUMBERS.md", ["bench/engine/NUMBERS.md is not there"]),
    ],
)
def test_a_wrong_citation_is_found(text: str, expected: list[str]) -> None:
    assert list(wrong_citations(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[method](method.md) 6.1, [eq](https://x.org/y.md), [one](method.md#61-longwriters-loss)", []),
        ("[method](method.md) 9", ["method.md has no section 9"]),
        ("[old](rooms.md)", ["rooms.md is not there"]),
        ("[method](method.md#61-loss)", ["method.md#61-loss: no such heading"]),
    ],
)
def test_a_wrong_link_is_found(text: str, expected: list[str]) -> None:
    assert list(wrong_links(METHOD, text)) == expected
