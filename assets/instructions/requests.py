"""What is asked of each document: a fixed request for decks, one written by the teacher for images."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from assets.recipe import Instructions
from resources.engine import ModelEngine
from resources.messages import Call, Image, system, user
from resources.prompts import load_prompt

SYSTEM = load_prompt(__file__, "system")
PROMPTS = {"single": load_prompt(__file__, "single"), "multi": load_prompt(__file__, "multi")}
DECK_REQUEST = {"en": "Write a lecture script for these slides.", "zh": "请为这些幻灯片写一份讲稿。"}
LENGTH_CLAUSE = {"en": "Write {words} words in total.", "zh": "总共写{words}字。"}
IMAGE_WORDS = {"single": 500, "multi": 800}


@dataclass(frozen=True)
class Document:
    """The pages of one document, as `source_images` has them, in page order."""

    document_id: str
    kind: Literal["single", "multi", "deck"]
    split: str
    language: str
    images: tuple[str, ...]


def group_documents(pages: Iterable[dict[str, Any]]) -> list[Document]:
    """Rows of source_images (a document's rows stand together, in page order) as documents.

    A document is Chinese when most of its pages with text are; everything else is written about in English.
    """
    grouped: dict[str, list[dict[str, Any]]] = {}
    for page in pages:
        grouped.setdefault(page["document_id"], []).append(page)
    documents = []
    for document_id, rows in grouped.items():
        languages = Counter(row["language"] for row in rows if row["language"] != "und")
        language = "zh" if languages and languages.most_common(1)[0][0] == "zh" else "en"
        documents.append(Document(document_id, rows[0]["kind"], rows[0]["split"], language,
                                  tuple(row["image_sha256"] for row in rows)))
    return documents


async def write_request(engine: ModelEngine, document: Document, recipe: Instructions) -> dict[str, Any]:
    """The instructions row of one document; raises AnswerUnusable where the teacher gives no request."""
    call_id, author = None, "fixed"
    if document.kind == "deck":
        request, words = DECK_REQUEST[document.language], recipe.words_per_page * len(document.images)
    else:
        prompt = PROMPTS[document.kind]
        reply = await engine.ask(Call(
            role="teacher", sample=document.document_id, step="request", template=prompt.version, max_tokens=300,
            messages=(system(SYSTEM.fill()),
                      user(*map(Image, document.images), prompt.fill(language=document.language)))))
        request = " ".join(reply.text.split())
        words, call_id, author = IMAGE_WORDS[document.kind], reply.call_id, reply.model
    clause = LENGTH_CLAUSE[document.language].format(words=words)
    return {
        "example_id": f"{document.document_id}-{document.kind}", "document_id": document.document_id,
        "kind": document.kind, "split": document.split, "language": document.language,
        "images": list(document.images), "request": request, "instruction": f"{request} {clause}",
        "required_words": words, "target_words": words, "length_from": "stated", "task": "open",
        "documents": [document.document_id], "pages": list(range(1, len(document.images) + 1)),
        "origin": document.kind, "author": author, "call_id": call_id,
    }
