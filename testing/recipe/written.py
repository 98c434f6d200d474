"""The tables instructions and long_outputs of the catalogue, written without a model; some rows break a rule."""

from collections.abc import Iterator
from typing import cast

from assets.instructions.schema import INSTRUCTIONS, Instruction
from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput, Section
from assets.quality.report import write_report
from resources.store import Store
from resources.text.words import count_words
from testing.recipe.catalogue import Document, image_names
from testing.recipe.texts import draw, text

STATED = 0.226  # of examples
COPIES = ("duplicate", "near_duplicate", "in_benchmark_text")
REFUSAL = "I'm sorry, but I can't help with that."


def write_outputs(store: Store, found: dict[str, list[Document]]) -> None:
    everything = [document for inside in found.values() for document in inside]
    for shard, inside in found.items():
        rows = [output_row(document, everything[document.planted]) for document in inside]
        store.write_table(LONG_OUTPUTS, shard, rows)
        store.write_table(INSTRUCTIONS, shard, map(instruction_row, rows))
        for asset in ("instructions", "long_outputs"):
            write_report(store, asset, shard, [], [], 0, 0)


def output_row(document: Document, copied: Document) -> LongOutput:
    """The long_outputs row of a document; `copied` is the one that a planted document takes its text from."""
    output, example_id = written_text(document, copied), f"{document.document_id}-{document.kind}"
    language = copied.language if document.plant in COPIES else document.language
    words = count_words(output)
    required = words if draw(document.index, "stated") < STATED else None
    if document.plant == "length":
        required = 3 * words
    if document.plant == "refusal":
        language = "en"
    if document.plant == "language":
        language = "zh" if language == "en" else "en"
    images = [image_names(document.image(page))[0] for page in range(1, document.pages + 1)]
    sections = list(cut(output, document.pages if document.kind == "deck" else 1, document.pages))
    return {
        "example_id": example_id,
        "document_id": document.document_id,
        "documents": [document.document_id],
        "kind": document.kind,
        "split": document.split,
        "language": language,
        "images": images,
        "task": "open",
        "request": "Write about it.",
        "instruction": "Write about it.",
        "output": output,
        "sections": sections,
        "plan_call_id": "none",
        "words": words,
        "required_words": required,
        "target_words": words,
        "length_from": "none" if required is None else "back_translated",
        "repairs": [],
        "length_score": None,
        "prompt_tokens": 0,
        "cached_tokens": 0,
        "completion_tokens": 0,
        "cost_usd": 0.0,
        "author": "bench",
    }


def written_text(document: Document, copied: Document) -> str:
    if document.plant == "duplicate":
        return own_text(copied)
    if document.plant in COPIES:
        more = copied.words // (25 if document.plant == "near_duplicate" else 2)
        return f"{own_text(copied)} {text(f'{document.index} end', more, copied.language)}"
    if document.plant == "repetition":
        return " ".join([text(document.index, 12, document.language)] * max(4, document.words // 12))
    if document.plant == "refusal":
        return f"{REFUSAL} {text(document.index, document.words)}"
    return own_text(document)


def own_text(document: Document) -> str:
    return text(document.index, document.words, document.language)


def cut(output: str, parts: int, pages: int) -> Iterator[Section]:
    """The text in sections of about the same length; a single one covers every page."""
    size = len(output) // parts + 1
    for index in range(parts):
        piece = output[index * size : (index + 1) * size] or "."
        yield {
            "index": index,
            "heading": "",
            "target_words": 0,
            "text": piece,
            "words": count_words(piece),
            "pages": [index + 1] if parts > 1 else list(range(1, pages + 1)),
            "call_id": "none",
        }


def instruction_row(row: LongOutput) -> Instruction:
    same = {name: row.get(name) for name in INSTRUCTIONS.schema.names}
    return cast(Instruction, same | {"origin": row["kind"], "pages": [1]})
