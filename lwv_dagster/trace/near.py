"""Ids that are near one that nothing has: of the same document, of the same beginning, or of a file named alike."""

import json
import re
from difflib import get_close_matches

from assets.quality.names import all_shards
from lwv_dagster.trace.evidence import Evidence, read_where
from lwv_dagster.trace.naming import Asked

MOST = 5
LEAST_ALIKE = 4  # digits that two ids begin with
GRAM = 3
_PATH = re.compile(rb'"path": ("(?:[^"\\]|\\.)*")')
_DOCUMENT = re.compile(rb'"document_id": "([0-9a-f]{16})"')
_TABLES = {
    "long_outputs": "example_id",
    "segments": "segment_id",
    "preference_pairs": "pair_id",
}


def near_ids(evidence: Evidence, asked: Asked) -> list[str]:
    """At most MOST of them, the nearest first."""
    if asked.form == "path":
        return alike(asked.text, [json.loads(found) for found in set(_PATH.findall(evidence.register))])
    siblings = _of_document(evidence, asked.text[:16])
    if siblings:
        return get_close_matches(asked.text, siblings, MOST, 0.5) or siblings[:MOST]
    documents = {found.decode() for found in _DOCUMENT.findall(evidence.register)}
    known = documents | {each.shown.id for each in evidence.data_sets} | {each.id for each in evidence.checkpoints}
    shared = {name: digits for name in known if (digits := _common(name, asked.text)) >= LEAST_ALIKE}
    return sorted(shared, key=lambda name: (-shared[name], name))[:MOST]


def alike(text: str, names: list[str]) -> list[str]:
    """Those that share most runs of three characters, if they share a third of them. Pure."""
    whole, last = _grams(text), _grams(text.rpartition("/")[2])
    scored = [(max(_share(whole, name), _share(last, name.rpartition("/")[2])), name) for name in names]
    return [name for share, name in sorted(scored, key=lambda each: (-each[0], each[1])) if share >= 1 / 3][:MOST]


def _share(mine: set[str], name: str) -> float:
    theirs = _grams(name)
    return len(mine & theirs) / len(mine | theirs)


def _grams(text: str) -> set[str]:
    plain = text.casefold()
    return {plain[at : at + GRAM] for at in range(max(1, len(plain) - GRAM + 1))}


def _of_document(evidence: Evidence, document_id: str) -> list[str]:
    """Every id of an example, segment or pair of a document, and the document's own."""
    entries = evidence.entries(document_id, "document_id")
    shards = [str(entry["shard"]) for entry in entries] or (all_shards(evidence.store) if not evidence.register else [])
    found = [document_id] if entries else []
    for shard in dict.fromkeys(shards):
        for table, column in _TABLES.items():
            path = evidence.store.table_path(table, shard)
            found += [row[column] for row in read_where(path, [column], "document_id", [document_id])]
    return found


def _common(one: str, other: str) -> int:
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
