"""The table that `instructions` writes: a row per example (a document and what is asked of it)."""

from typing import Literal, TypedDict

from assets.source_images.schema import Kind
from assets.source_images.splits import Split
from resources.table import Int32, Table

LengthFrom = Literal["stated", "back_translated", "none"]


class Instruction(TypedDict):
    """An example: a document, or part or group of documents, and what is asked of it."""

    example_id: str  # <document_id>-<kind>, with -<nn> for a chapter; <document_id>-group<n>
    document_id: str  # the first of `documents`
    documents: list[str]  # whose images it has: more than one of a group of single images
    kind: Kind
    split: Split
    language: str  # of the instruction and the wanted answer: en | zh
    images: list[str]  # sha256 of each page, in page order
    pages: list[Int32]  # page of its document, 1-based, of each image: a chapter has not all of them
    request: str  # what is asked, without any length
    instruction: str  # the request with the length that is asked, as the model sees it
    required_words: Int32 | None  # stated in the instruction; null where none is stated (yet)
    target_words: Int32  # what the plan aims at, stated or not
    length_from: LengthFrom  # back_translated: stated once it is written
    task: str  # open, a family of MMLongBench-Write, or a deck task (resources/recipe/model.py)
    origin: str  # single | multi | group | deck | deck_rewritten: how the request was made
    author: str  # `fixed`, or the model that wrote it; `embedded-…` is the embedded model
    call_id: str | None  # ledger key of the call that wrote it; null for fixed requests


INSTRUCTIONS = Table("instructions", Instruction)
