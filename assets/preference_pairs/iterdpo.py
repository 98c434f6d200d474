"""IterDPO's pairs out of one corrected document: cumulative prefixes (the paper's) and shared prefixes."""

from collections.abc import Sequence
from typing import Any

JOINT = "\n\n"


def cumulative_pairs(output: dict[str, Any], original: Sequence[str], corrected: Sequence[dict[str, Any]],
                     ) -> list[dict[str, Any]]:
    """Pair i: corrected segments 1..i against original segments 1..i (paper eq. 5).

    A deck's images are cut to the first i pages, so the answer may end there; anything else keeps all its images and
    ends only with its last segment (method.md 3.4). Prefixes without an edit are identical pairs and are left out.
    """
    pairs = []
    for upto in range(1, len(corrected) + 1):
        chosen = _join([row["text"] for row in corrected[:upto]])
        rejected = _join(original[:upto])
        if chosen == rejected:
            continue
        deck, last = output["kind"] == "deck", upto == len(corrected)
        pairs.append(_pair(output, "cumulative", upto, "", output["images"][:upto] if deck else output["images"],
                           chosen, rejected, deck or last, corrected[0]["corrector"]))
    return _weighted(pairs)


def shared_prefix_pairs(output: dict[str, Any], original: Sequence[str], corrected: Sequence[dict[str, Any]],
                        ) -> list[dict[str, Any]]:
    """Pair i: after the corrected segments 1..i-1, corrected segment i against original segment i.

    Segments without an edit, and missing ones (nothing to reject), give no pair.
    """
    pairs = []
    for upto, (row, text) in enumerate(zip(corrected, original, strict=True), 1):
        if row["edited"] and text:
            pairs.append(_pair(output, "shared_prefix", upto, _join([row["text"] for row in corrected[:upto - 1]]),
                               output["images"], row["text"], text, upto == len(corrected), row["corrector"]))
    return _weighted(pairs)


def _join(texts: Sequence[str]) -> str:
    return JOINT.join(text for text in texts if text)


def _pair(output: dict[str, Any], kind: str, upto: int, prefix: str, images: Sequence[str], chosen: str, rejected: str,
          closes: bool, corrector: str) -> dict[str, Any]:
    return {
        "pair_id": f"{output['example_id']}-{kind}-{upto:03d}", "example_id": output["example_id"],
        "document_id": output["document_id"], "kind": kind, "upto": upto, "prompt": output["request"],
        "prefix": prefix, "images": list(images), "chosen": chosen, "rejected": rejected, "closes": closes,
        "weight": 1.0, "margin": None, "corrector": corrector,
    }


def _weighted(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**pair, "weight": 1.0 / len(pairs)} for pair in pairs]
