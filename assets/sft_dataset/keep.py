"""Which written examples may be trained on: one decision per row, from the row and the recipe alone."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Literal

from assets.long_outputs.schema import LongOutput
from assets.quality.quarantine import SetAside
from assets.source_images.measure import language_of
from resources.recipe.model import Keep
from resources.text.headings import SEPARATOR, without_heading
from resources.text.length_score import length_score
from resources.text.refusals import is_refusal
from resources.text.repetition import repeated_share
from resources.text.words import count_words, written_in_chinese

ReasonKind = Literal[
    "moved",
    "dropped",
    "refusal",
    "language",
    "coverage",
    "repetition",
    "length",
    "in_benchmark",
    "over_budget",
    "duplicate",
    "near_duplicate",
]
COLUMNS = [
    "example_id",
    "document_id",
    "documents",
    "split",
    "kind",
    "language",
    "images",
    "instruction",
    "output",
    "sections",
    "words",
    "required_words",
    "author",
]  # of long_outputs, that the decisions need
TELLING_WORDS = 50  # of a shorter text, Latin languages cannot be told apart
TELLING_CHARACTERS = 2000  # so much of a long one is enough


@dataclass(frozen=True)
class Reason:
    """Why an example is left out. kind: what is counted; says: one clause for people."""

    kind: ReasonKind
    says: str

    def set_aside(self, document_id: str, example_id: str) -> SetAside:
        """The row for the quarantine of what is left out."""
        says = f"{self.kind}: {self.says}"
        return {"item": "", "document_id": document_id, "example_id": example_id, "reason": says}


def reason_to_drop(row: LongOutput, keep: Keep, accepted: Container[str] = ()) -> Reason | None:
    """The first reason why a long_outputs row (COLUMNS) may not be trained on, in the order of ReasonKind; or None.
    accepted: kinds that a person lets it through."""
    return next((reason for reason in _reasons(row, keep) if reason.kind not in accepted), None)


def _reasons(row: LongOutput, keep: Keep) -> Iterator[Reason]:
    if keep.refusals and any(
        is_refusal(paragraph) for section in row["sections"] for paragraph in section["text"].split(SEPARATOR)
    ):
        yield Reason("refusal", "a paragraph is a refusal or an error text")
    if keep.language and (written := written_language(row["output"])) != row["language"]:
        yield Reason("language", f"asked for in {row['language']}, written in {written}")
    if keep.coverage and (missing := missing_pages(row)):
        yield Reason("coverage", f"nothing is written on page {', '.join(map(str, missing[:10]))}")
    if (repeated := repeated_share(row["output"])) > keep.repeated_share:
        yield Reason("repetition", f"{repeated:.0%} of its sentences are repeats")
    if row["required_words"] and (score := length_score(row["words"], row["required_words"])) < keep.length_score:
        yield Reason(
            "length", f"{row['words']} words for {row['required_words']} that are asked: length score {score:.0f}"
        )


def written_language(text: str) -> str:
    """ISO 639-1 code of what a text is written in: zh by its characters, any other by its letters, en where unclear."""
    if written_in_chinese(text):
        return "zh"
    if count_words(text) < TELLING_WORDS:
        return "en"
    middle = max(0, (len(text) - TELLING_CHARACTERS) // 2)
    found = language_of(text[middle : middle + TELLING_CHARACTERS])
    return "en" if found in ("und", "zh") else found


def missing_pages(row: LongOutput) -> list[int]:
    """Pages of the example, 1-based, that no section with text is about."""
    covered = {page for section in row["sections"] if without_heading(section["text"]) for page in section["pages"]}
    return sorted(set(range(1, len(row["images"]) + 1)) - covered)
