"""IterDPO's pairs out of one corrected document: cumulative prefixes (the paper's), shared prefixes, the whole text.

output: its long_outputs row. corrected: its corrected_segments rows, in order, each with the `author` of its original.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.preference_pairs.schema import WHOLE_KINDS
from resources.text.headings import SEPARATOR


def cumulative_pairs(
    output: dict[str, Any],
    corrected: Sequence[dict[str, Any]],
    last_share: float,
) -> list[dict[str, Any]]:
    """Pair i: corrected segments 1..i against original segments 1..i (paper eq. 5), weighted by `prefix_weights`.

    A deck's images are cut to the first i pages, so the answer may end there; anything else keeps all its images and
    ends only with its last segment (docs/method.md 3.4). Left out are prefixes without an edit (identical pairs), those
    of which nothing was written (nothing to reject), and, of a deck whose request itself names a length, all but the
    last: they would end far from it.
    """
    pairs = []
    deck = output["kind"] == "deck"
    whole_only = deck and output["required_words"] is not None and output["instruction"] == output["request"]
    for upto in range(1, len(corrected) + 1):
        chosen = _join([row["text"] for row in corrected[:upto]])
        rejected = _join([row["original"] for row in corrected[:upto]])
        last = upto == len(corrected)
        if not rejected or chosen == rejected or (whole_only and not last):
            continue
        pairs.append(
            _pair(
                output,
                "cumulative",
                upto,
                "",
                output["images"][:upto] if deck else output["images"],
                chosen,
                rejected,
                deck or last,
                corrected[0],
            )
        )
    return [
        {**pair, "weight": weight} for pair, weight in zip(pairs, prefix_weights(len(pairs), last_share), strict=True)
    ]


def prefix_weights(count: int, last_share: float) -> list[float]:
    """Weights of a document's cumulative pairs, which add up to 1: `last_share` for the last, the rest in equal parts.

    Segment j stands in every pair i >= j, so it weighs w_j + … + w_N: the first one 1, the last one w_N. Equal weights
    (last_share 0, the paper's) make that 1 against 1/count; a last share s makes it at most 1/s. The last pair never
    weighs less than the others do, so a share below 1/count means equal weights.
    """
    if count == 0:
        return []
    last = max(last_share, 1 / count)
    return [*((1 - last) / (count - 1) for _ in range(count - 1)), last]


def shared_prefix_pairs(output: dict[str, Any], corrected: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pair i: after the corrected segments 1..i-1, corrected segment i against original segment i, in equal parts.

    Segments without an edit, and missing ones (nothing to reject), give no pair.
    """
    pairs = []
    for upto, row in enumerate(corrected, 1):
        if row["edited"] and row["original"]:
            pairs.append(
                _pair(
                    output,
                    "shared_prefix",
                    upto,
                    _join([row["text"] for row in corrected[: upto - 1]]),
                    output["images"],
                    row["text"],
                    row["original"],
                    upto == len(corrected),
                    row,
                )
            )
    return [{**pair, "weight": 1 / len(pairs)} for pair in pairs]


def whole_pairs(output: dict[str, Any], corrected: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The whole corrected text against the whole original, asked for with its length; none where nothing was edited."""
    chosen, rejected = (_join([row[side] for row in corrected]) for side in ("text", "original"))
    if not rejected or chosen == rejected:
        return []
    return [_pair(output, "whole", len(corrected), "", output["images"], chosen, rejected, True, corrected[0])]


def sampled_pair(
    output: dict[str, Any],
    chosen: str,
    rejected: str,
    margin: float,
    author: str,
    judge: str,
) -> dict[str, Any]:
    """Two whole texts that the checkpoint `author` wrote for the instruction, `margin` points apart."""
    made = {"author": author, "corrector": judge}
    return {**_pair(output, "sampled", None, "", output["images"], chosen, rejected, True, made), "margin": margin}


def _join(texts: Sequence[str]) -> str:
    return SEPARATOR.join(text for text in texts if text)


def _pair(
    output: dict[str, Any],
    kind: str,
    upto: int | None,
    prefix: str,
    images: Sequence[str],
    chosen: str,
    rejected: str,
    closes: bool,
    made: Mapping[str, str],
) -> dict[str, Any]:
    """made: its `author` and its `corrector`."""
    whole = kind in WHOLE_KINDS
    return {
        "pair_id": f"{output['example_id']}-{kind}" + ("" if whole else f"-{upto:03d}"),
        "example_id": output["example_id"],
        "document_id": output["document_id"],
        "kind": kind,
        "upto": upto,
        "prompt": output["instruction" if whole else "request"],
        "prefix": prefix,
        "images": list(images),
        "chosen": chosen,
        "rejected": rejected,
        "closes": closes,
        "weight": 1.0,
        "margin": None,
        "author": made["author"],
        "corrector": made["corrector"],
    }
