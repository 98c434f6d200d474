"""`provenance.parquet` beside a data set: a row per example, with where its rows come from, whatever became of the
tables since; how it is written with the rows, and read."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, Self, TypedDict, cast

import pyarrow as pa
import pyarrow.parquet as pq

from resources.identity import TableIdentity
from resources.picked_rows import picked_rows
from resources.store import BATCH_ROWS, Store
from resources.table import Float32, Float64, Int32, Int64, Table
from resources.text.words import count_words

FILE = "provenance.parquet"
HASH_BYTES = 12

Gate = Literal["sft", "preference"]  # that let a data set through
Does = Literal["request", "plan", "write", "correct", "judge"]


class TracedPage(TypedDict):
    """A page that an example shows, in the order of its images."""

    document_id: str
    page: Int32  # 1-based, of its document
    image: str  # sha256
    source_path: str  # relative to LWV_SOURCES
    licence: str  # SPDX expression, or `unknown`


class TracedCall(TypedDict):
    """A model call that an example's texts are made of, as the ledger had it; only its id where that forgot it."""

    call_id: str
    does: Does
    segment: Int32 | None  # index, 0-based, of the segment that it wrote or corrected
    role: str
    model: str
    server: str  # base URL
    template: str  # version of the prompt template
    step: str  # as in the ledger
    prompt: str  # of the messages that were sent, in the ledger; empty where they were not kept
    tokens: Int64  # of the prompt and the answer
    cost_usd: Float64
    at: Float64  # Unix time, seconds


class TracedSegment(TypedDict):
    """A segment of an example."""

    segment_id: str
    page: Int32 | None  # as in segments
    words: Int32  # as the rows have it
    doubt: Int32 | None  # 0-100, of its signals at that time; null where there were none, and of a person's text
    decision_id: str | None  # of the person whose text stands there; null where a model's does


class TracedRow(TypedDict):
    """A row of the data set, by hashes: texts are compared without being read."""

    id: str
    kind: str  # of an SFT row: single | multi | deck | chat; of a pair: as in preference_pairs
    upto: Int32 | None  # number of segments that it reaches, from the first; null: all
    asked: str  # hash of the prompt
    text: str  # hash of the answer; of a pair, of prefix, chosen and rejected
    shown: str  # hash of the images
    images: Int32  # number of them: the first ones of the example's
    words: Int32  # of the answer; of a pair, of `chosen` without its prefix
    doubt: Int32 | None  # the highest of its segments
    weight: Float32  # in the loss; 1 of an SFT row


class Origin(TypedDict):
    """Where the rows of one example come from."""

    shard: str  # empty of general chat
    document_kind: str  # single | multi | deck | chat
    language: str  # that was asked for
    drafted_by: str  # teacher | checkpoint: who wrote the text; empty where nobody is known
    documents: list[str]  # whose pages it shows
    pages: list[TracedPage]
    segments: list[TracedSegment]
    calls: list[TracedCall]
    cost_usd: Float64  # of all of it: calls whose answers were replaced too


class Provenance(Origin):
    """An example with its rows in the data set."""

    example_id: str  # of general chat, the row's id
    author: str
    corrector: str  # empty of an SFT row
    rows: list[TracedRow]


PROVENANCE = Table("provenance", Provenance)
OriginOf = Callable[[str], Origin]
# Recipe field, setting, prompt file or role -> its value (JSON) in each table behind the data set, without doubles.
MadeUnder = Mapping[str, list[str]]
_MADE_UNDER = b"lwv.made_under"


def no_origin(_example_id: str) -> Origin:
    """Of a row that was made of no document and by no call of this factory."""
    return {
        "shard": "",
        "document_kind": "chat",
        "language": "",
        "drafted_by": "",
        "documents": [],
        "pages": [],
        "segments": [],
        "calls": [],
        "cost_usd": 0.0,
    }


def hash_of(*texts: str) -> str:
    """Hash (hex) of texts in order, to compare them by."""
    digest = blake2b(digest_size=HASH_BYTES)
    for text in texts:
        piece = text.encode("utf-8", "surrogatepass")
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()


def traced_row(row: Mapping[str, object], segments: list[TracedSegment]) -> TracedRow:
    """A row of either data set. segments: of its example."""
    names = [Path(image["path"]).stem for image in cast(list[Mapping[str, str]], row["images"])]
    upto = cast("int | None", row.get("upto"))
    reached = segments[:upto] if upto is not None else segments
    doubts = [segment["doubt"] for segment in reached if segment["doubt"] is not None]
    found: TracedRow = {
        "id": str(row["id"]),
        "kind": str(row["kind"]),
        "upto": upto,
        "asked": "",
        "text": "",
        "shown": hash_of(*names),
        "images": len(names),
        "words": 0,
        "doubt": max(doubts, default=None),
        "weight": 1.0,
    }
    if "messages" in row:
        said = [f"{turn['role']}\0{turn['content']}" for turn in cast(list[Mapping[str, str]], row["messages"])]
        found |= {"asked": hash_of(*said[:-1]), "text": hash_of(*said[-1:]), "words": cast(int, row["words"])}
        return found
    prefix, chosen, rejected = (str(row[name]) for name in ("prefix", "chosen", "rejected"))
    new = reached[-1:] if row["kind"] == "shared_prefix" else reached
    known = row["kind"] != "sampled" and bool(new)
    found |= {
        "asked": hash_of(str(row["prompt"])),
        "text": hash_of(prefix, chosen, rejected),
        "words": sum(segment["words"] for segment in new) if known else count_words(chosen),
        "weight": cast(float, row["weight"]),
    }
    return found


class ProvenanceWriter:
    """Writes the provenance of rows as they come; those of one example stand together."""

    def __init__(self, path: Path, origin_of: OriginOf, made_under: MadeUnder) -> None:
        self._origin_of, self._made_under = origin_of, made_under
        self._writer = pq.ParquetWriter(path, PROVENANCE.schema, compression="zstd")
        self._examples: list[Provenance] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        metadata = TableIdentity(PROVENANCE.version).as_metadata()
        self._writer.add_key_value_metadata({**metadata, _MADE_UNDER.decode(): json.dumps(self._made_under)})
        self._writer.close()

    def add(self, row: Mapping[str, object]) -> None:
        """The next row of the data set."""
        name = str(row.get("example_id") or row["id"])
        if not self._examples or self._examples[-1]["example_id"] != name:
            if len(self._examples) >= BATCH_ROWS:
                self._flush()
            origin = self._origin_of(name)
            self._examples.append(
                {
                    **origin,
                    "language": origin["language"] or str(row.get("language") or ""),
                    "example_id": name,
                    "author": str(row["author"]),
                    "corrector": str(row.get("corrector") or ""),
                    "rows": [],
                }
            )
        example = self._examples[-1]
        example["rows"].append(traced_row(row, example["segments"]))

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._examples, schema=PROVENANCE.schema))
        self._examples = []


def made_under(store: Store, gate: TableIdentity, tables: Sequence[str], shards: Sequence[str]) -> MadeUnder:
    """Under what the tables of these shards were made, and what the gate itself used."""
    found: dict[str, set[str]] = {}
    identities = (store.identity(name, shard) for name in tables for shard in shards if store.has_table(name, shard))
    for identity in (gate, *filter(None, identities)):
        for part in (identity.recipe, identity.templates, identity.models):
            for name, value in part.items():
                found.setdefault(name, set()).add(json.dumps(value, ensure_ascii=False, sort_keys=True))
    return {name: sorted(values) for name, values in sorted(found.items())}


def read_made_under(path: Path) -> MadeUnder:
    """Of a provenance.parquet; empty where it does not tell."""
    found: MadeUnder = json.loads((pq.read_metadata(path).metadata or {}).get(_MADE_UNDER, b"{}"))
    return found


def provenance_of(path: Path, example_ids: Collection[str]) -> list[Provenance]:
    """The rows of some examples out of a provenance.parquet."""
    return cast(list[Provenance], picked_rows(path, "example_id", example_ids))


def provenance_of_document(path: Path, document_id: str) -> list[Provenance]:
    """… of all examples that show a page of a document."""
    return cast(list[Provenance], picked_rows(path, "documents", [document_id]))
