"""The data-set card: what is in the release, where it comes from, who wrote it, and what its checks found."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from assets.sft_dataset.mix_report import mix_of, mix_table
from assets.training_dataset import Manifest
from lwv_dagster.release.licence_notes import hub_licence
from lwv_dagster.release.provenance import Usage, Verdict
from lwv_dagster.release.tally import PartTally, Tally
from lwv_dagster.release.token_counts import BYTES_PER_TOKEN, CUTOFFS, PAPER_PIXELS
from resources.secrets import mask
from resources.text.shown import markdown, visible

_HUB_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class Card:
    """All that the card says. files: name -> rows. licences: SPDX expression -> documents."""

    format: str
    usage: str
    files: Mapping[str, int]
    parquet: Sequence[str]  # those of `files` that are Parquet, the first the default
    tally: Tally
    manifests: Sequence[Manifest]
    splits: Mapping[str, Mapping[str, int]]  # documents by split and kind
    licences: Mapping[str, int]
    calls: Sequence[Usage]
    verdicts: Sequence[Verdict]
    recipe: str
    pictures: Sequence[str]

    @property
    def embedded(self) -> int:
        """Rows of both data sets that the embedded model wrote or corrected."""
        return self.tally.sft.embedded + self.tally.preference.embedded


def render_card(card: Card) -> str:
    """README.md, with the hub's YAML in front."""
    tally = card.tally
    parts = [
        f"---\n{yaml.safe_dump(front_matter(card), sort_keys=False, allow_unicode=True)}---",
        "# Long, image-faithful writing data",
        (
            f"{tally.sft.rows:,} examples for supervised fine-tuning and {tally.preference.rows:,} preference pairs, "
            "made with the LongWriter-V recipe ([arXiv 2502.14834](https://arxiv.org/abs/2502.14834)) by lwv-dagster; "
            f"format `{card.format}`."
        ),
        *_written_by_embedded(card),
        "## How to load it",
        card.usage.strip(),
        "## Rows",
        _table(("file", "rows"), card.files.items()),
        _counts(("kind", "language", "who wrote or corrected it"), tally.sft, tally.preference),
        *_left_out(tally),
        *_mix(card.manifests),
        "## Distributions",
        "\n".join(f"![]({name})" for name in card.pictures),
        "## Tokens",
        _tokens(tally),
        "## Sources and licences",
        _table(("licence (SPDX)", "documents"), card.licences.items()),
        _licence_note(card),
        "All documents of these shards, released or not; the benchmark split is held out from training:",
        _table(
            ("split", "kind", "documents"),
            [
                (split, kind, count)
                for split, kinds in sorted(card.splits.items())
                for kind, count in sorted(kinds.items())
            ],
        ),
        (
            "`documents.jsonl` has a row for each document that a row was made from: its file, licence, collection, "
            "shard and the sha256 of each page image. A row leads there by its `documents`, or by its id, which begins "
            "with the document's."
        ),
        "## Models and prompts",
        _calls(card.calls),
        "## Recipe",
        "As the tables and data sets themselves say that they were made; where shards differ, each value is listed.",
        f"```\n{card.recipe}\n```",
        "## Checks",
        _checks(card.verdicts),
        "## Identity",
        _table(
            ("data set", "id", "rows", "shards"),
            [(manifest.gate, manifest.id, manifest.rows, len(manifest.shards)) for manifest in card.manifests],
        ),
    ]
    return visible(mask("\n\n".join(parts))) + "\n"


def front_matter(card: Card) -> dict[str, object]:
    """The card's YAML, as the hub reads it: licence, languages, size, and which files a configuration loads."""
    rows = card.tally.sft.rows + card.tally.preference.rows
    languages = sorted((set(card.tally.sft.languages) | set(card.tally.preference.languages)) - {"und"})
    matter: dict[str, object] = {
        **hub_licence(card.licences),
        "language": languages,
        "task_categories": ["image-text-to-text"],
        "pretty_name": "Long, image-faithful writing data",
        "tags": [
            "long-form-writing",
            "synthetic",
            "longwriter-v",
            "lwv-dagster",
            *(["embedded-model"] if card.embedded else []),
        ],
        "size_categories": [next((name for limit, name in _HUB_SIZES if rows < limit), "1M<n<10M")],
    }
    if card.parquet:
        matter["configs"] = [
            {
                "config_name": "default" if name == card.parquet[0] else name,
                "data_files": [{"split": "train", "path": f"{name}/train-*"}],
            }
            for name in card.parquet
        ]
    return matter


def _written_by_embedded(card: Card) -> list[str]:
    if not card.embedded:
        return []
    rows = card.tally.sft.rows + card.tally.preference.rows
    return [
        (
            f"> **{card.embedded:,} of {rows:,} rows were written or corrected by the embedded model**, or by a "
            "student that learnt from its texts: written-down heuristics that show the factory at work. They say "
            "nothing about a model's quality and are not meant for training one."
        )
    ]


def _counts(names: Sequence[str], *parts: PartTally) -> str:
    rows = []
    for name, counters in zip(
        names,
        ([part.kinds for part in parts], [part.languages for part in parts], [part.authors for part in parts]),
        strict=True,
    ):
        values = sorted(set().union(*counters))
        rows += [(name, value, *(counter[value] for counter in counters)) for value in values]
    for kind, weight in sorted(parts[1].weights.items()):
        rows.append(("pair weight", kind, "", f"{weight / max(1e-9, sum(parts[1].weights.values())):.1%}"))
    return _table(("", "", "SFT rows", "preference rows"), rows)


def _left_out(tally: Tally) -> list[str]:
    rows = [
        (name, reason, count)
        for name, part in (("SFT", tally.sft), ("preference", tally.preference))
        for reason, count in part.left_out.items()
    ]
    notes = []
    if rows:
        notes.append("Left out, because this format cannot express them:\n\n" + _table(("", "why", "rows"), rows))
    changed = tally.sft.changed + tally.preference.changed
    if changed:
        notes.append(
            f"In {changed:,} rows the text held control tokens (`<|…|>`) or media tags (`<image>` and the "
            "like); they stand as `<…>` and `(image)`, so that no reader of this file takes them for its own."
        )
    return notes


def _tokens(tally: Tally) -> str:
    rows = [
        (
            f"{cutoff:,}",
            *(
                _share(part.over[cutoff, size], part.rows)
                for part in (tally.sft, tally.preference)
                for size in ("stored", "paper")
            ),
        )
        for cutoff in CUTOFFS
    ]
    paper = f"{PAPER_PIXELS} x {PAPER_PIXELS}"
    return (
        _table(
            (
                "rows over",
                "SFT, images as stored",
                f"SFT, images {paper}",
                "preference, as stored",
                f"preference, {paper}",
            ),
            rows,
        )
        + f"\n\nCounted without a model: a token for {BYTES_PER_TOKEN} bytes of UTF-8 text, and one for 28 x 28 "
        "pixels of an image after Qwen2.5-VL's resize; a pair by its longer side. A trainer with a lower cutoff "
        "cuts images or the ends of answers: filter, or raise it. "
        f"In all about {tally.sft.tokens + tally.preference.tokens:,} tokens."
    )


def _licence_note(card: Card) -> str:
    notes = ["Each row's images are under the licence of its documents."]
    if unknown := card.licences.get("unknown"):
        notes.append(
            f"**No licence is stated for {unknown:,} of {sum(card.licences.values()):,} documents**: find out "
            "before you share this. (A LICENCES.csv in a collection states it.)"
        )
    if chat := card.tally.sft.kinds["chat"]:
        notes.append(
            f"General chat ({chat:,} of the SFT rows) comes from no document: it is under the licence of its file."
        )
    return " ".join(notes)


def _calls(calls: Sequence[Usage]) -> str:
    if not calls:
        return "The ledger has no call for these rows."
    return "Answered calls that these rows were made from:\n\n" + _table(
        ("role", "model", "prompt", "calls", "tokens", "USD"),
        [(use.role, use.model, use.template, f"{use.calls:,}", f"{use.tokens:,}", f"{use.usd:.2f}") for use in calls],
    )


def _mix(manifests: Sequence[Manifest]) -> list[str]:
    """The training mix beside the paper's, and what the recipe kept out of it, where the gate reported them."""
    report = next((mix_of(manifest) for manifest in manifests if manifest.gate == "sft"), None)
    if report is None:
        return []
    dropped = report["dropped"].items()
    return [
        "## Training mix",
        mix_table(report),
        *(["Not kept:\n\n" + _table(("why", "texts"), dropped)] if dropped else []),
    ]


def _checks(verdicts: Sequence[Verdict]) -> str:
    by_asset: dict[str, Counter[str]] = {}
    off = []
    for verdict in verdicts:
        counts = by_asset.setdefault(verdict.asset, Counter())
        counts["rules"] += 1
        counts["passed"] += verdict.passed
        counts["failed"] += verdict.failed
        if verdict.failed:
            off.append((f"{verdict.asset}.{verdict.rule}", verdict.failed, verdict.passed + verdict.failed))
    table = _table(
        ("asset", "rules", "passed", "failed"),
        [(asset, counts["rules"], counts["passed"], counts["failed"]) for asset, counts in by_asset.items()],
    )
    warned = (
        (
            "\n\nWarnings (no blocking rule failed, or nothing would be released):\n\n"
            + _table(("rule", "shards that failed it", "of"), off)
        )
        if off
        else ""
    )
    return f"A rule is checked for each shard, and the quality gates' rules once.\n\n{table}{warned}"


def _share(count: int, rows: int) -> str:
    return f"{count:,} ({count / rows:.1%})" if rows else "0"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        cells = [f"{cell:,}" if isinstance(cell, int) else markdown(mask(str(cell))) for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
