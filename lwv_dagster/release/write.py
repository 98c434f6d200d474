"""How a release is written: the current data sets, row by row, into a folder that can be shared."""

import json
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from assets.preference_dataset import checks as preference_rules
from assets.quality.gate import GateClosedError
from assets.sft_dataset import checks as sft_rules
from assets.training_dataset import Manifest, current_manifest
from lwv_dagster.release.card import Card, render_card
from lwv_dagster.release.card_pictures import draw
from lwv_dagster.release.files import JsonLines, ParquetShards, RowFile
from lwv_dagster.release.format import Format, LeftOut, Placed
from lwv_dagster.release.hub import HUB
from lwv_dagster.release.llamafactory import LLAMAFACTORY
from lwv_dagster.release.markup import ReleaseError
from lwv_dagster.release.ms_swift import MS_SWIFT
from lwv_dagster.release.provenance import (
    Verdict,
    gate_verdicts,
    public_manifest,
    read_documents,
    read_usage,
    read_verdicts,
    recipe_text,
    split_counts,
    tables_since,
)
from lwv_dagster.release.rows import read_examples, read_origins, read_pairs
from lwv_dagster.release.tally import PartTally, Tally
from lwv_dagster.release.trl import TRL
from resources.store import Store

FORMATS = {made.name: made for made in (HUB, TRL, LLAMAFACTORY, MS_SWIFT)}
MARK = "release.json"  # a folder that holds it is a release, and may be replaced


@dataclass(frozen=True)
class Release:
    """One that was written. files: name -> rows."""

    folder: Path
    format: str
    files: dict[str, int]
    tally: Tally
    notes: list[str]  # what a reader must know, a sentence each
    bytes: int


def write_release(store: Store, format: Format, out: Path) -> Release:
    """Write `out` (replaced where it is an older release).

    Raises CatalogError, GateClosedError or ReleaseError; nothing changes then.
    Rows stream: memory holds a row group, an id per row and the pictures' histograms.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise ReleaseError(f"{out} is no release and not empty: name another folder with --out.")
    sft = current_manifest(store, "sft")
    verdicts, blocked = gate_verdicts(store, "sft_dataset", sft_rules.CHECKS)
    manifests, notes = [sft], []
    try:
        manifests.append(current_manifest(store, "preference"))
        more, shut = gate_verdicts(store, "preference_dataset", preference_rules.CHECKS)
        verdicts, blocked = verdicts + more, blocked + shut
    except GateClosedError as error:
        notes.append(f"Without preference pairs: {error}")
    if blocked:
        raise ReleaseError(f"A blocking rule of the data sets failed: {'; '.join(blocked)}.")
    for manifest in manifests:
        if others := tables_since(store, manifest):
            raise ReleaseError(
                f"{', '.join(others)}: made again since `{manifest.gate}_dataset` was written: the card could not say "
                f"what made its rows. Materialise `{manifest.gate}_dataset` again."
            )

    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        files, tally = write_rows(store, format, manifests, work)
        notes += write_documentation(store, format, manifests, verdicts, files, tally, work)
        work.chmod(0o755)
        shutil.rmtree(out, ignore_errors=True)
        work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Release(out, format.name, files, tally, notes, size)


def write_rows(store: Store, format: Format, manifests: list[Manifest], folder: Path) -> tuple[dict[str, int], Tally]:
    """Both data sets as the format has them; returns rows by file, in the format's order, and the counts."""
    shards = sorted({shard for manifest in manifests for shard in manifest.shards})
    origins, tally, written = read_origins(store, shards), Tally(), Counter[str]()
    with ExitStack() as stack:
        open_files: dict[str, RowFile] = {}

        def place(placed: Placed | LeftOut, part: PartTally) -> bool:
            """Write the row, or count why it is left out; whether it was written."""
            if isinstance(placed, LeftOut):
                part.left_out[placed.reason] += 1
                return False
            name = placed.file
            if name not in open_files:
                schema = format.files[name]
                open_files[name] = ParquetShards(folder / name, schema) if schema else JsonLines(folder, name)
                stack.callback(open_files[name].close)
            open_files[name].write(placed.row)
            written[name] += 1
            return True

        for manifest in manifests:
            if manifest.gate == "sft":
                for example in read_examples(manifest, origins):
                    if place(format.example(example), tally.sft):
                        tally.add_example(example)
            else:
                for pair in read_pairs(manifest, origins):
                    if place(format.pair(pair), tally.preference):
                        tally.add_pair(pair)
    if not written:
        raise ReleaseError(f"The format {format.name} can express none of the rows.")
    return {name: written[name] for name in format.files if written[name]}, tally


def write_documentation(
    store: Store,
    format: Format,
    manifests: list[Manifest],
    verdicts: list[Verdict],
    files: dict[str, int],
    tally: Tally,
    folder: Path,
) -> list[str]:
    """The card with its pictures, documents.jsonl, the format's own files and release.json; returns notes."""
    shards = sorted({shard for manifest in manifests for shard in manifest.shards})
    licences = Counter[str]()
    with (folder / "documents.jsonl").open("w", encoding="utf-8") as lines:
        for document in read_documents(store, shards, tally.documents):
            licences[document["licence"]] += 1
            lines.write(json.dumps(document, ensure_ascii=False) + "\n")
    pictures = {f"pictures/{name}": png for name, png in draw(tally).items()}
    (folder / "pictures").mkdir()
    for name, png in pictures.items():
        (folder / name).write_bytes(png)
    for name, value in format.extra(files).items():
        (folder / name).write_text(json.dumps(value, indent=2))
    card = Card(
        format.name,
        format.usage,
        files,
        [name for name in files if format.files[name]],
        tally,
        manifests,
        split_counts(store, shards),
        dict(licences.most_common()),
        read_usage(store, tally.samples),
        [*read_verdicts(store, shards), *verdicts],
        recipe_text(store, manifests),
        list(pictures),
    )
    (folder / "README.md").write_text(render_card(card), encoding="utf-8")
    (folder / MARK).write_text(
        json.dumps(
            {
                "format": format.name,
                "files": files,
                "data_sets": [public_manifest(manifest) for manifest in manifests],
                "left_out": {"sft": tally.sft.left_out, "preference": tally.preference.left_out},
            },
            indent=2,
        )
    )
    notes = []
    if card.embedded:
        notes.append(f"{card.embedded:,} rows were written or corrected by the embedded model; the card says so.")
    if licences["unknown"]:
        notes.append(
            f"No licence is stated for {licences['unknown']:,} of {licences.total():,} documents; the card says so."
        )
    return notes
