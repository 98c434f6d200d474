"""Where a pair's images stand and where its answer ends: rows of the preference data set as strings. No torch.

`images_first`: all pages of the document, the request, the answer: every prefix sees every page. `interleaved`: the
request, then each page just before its segment, so that the causal mask cuts the pages to those of the prefix.
`paper` (eq. 5): a cumulative prefix behind the images of its own pages alone; its contexts are not nested.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from resources.text.headings import SEPARATOR
from resources.training.dpo.hyperparameters import Layout
from resources.training.rows.chat import IMAGE, image_paths, other_controls, plain, render_answer, render_prompt
from resources.training.rows.dataset_rows import PairRow
from resources.training.rows.processor import Processor, has_patches
from resources.training.rows.sequence import RowError


@dataclass(frozen=True)
class Pair:
    """One row as strings; `images` are numbers into the document's list, in the order of their placeholders."""

    id: str
    given: str
    chosen: str
    rejected: str
    chosen_images: tuple[int, ...]  # in given + chosen
    rejected_images: tuple[int, ...]  # in given + rejected
    weight: float


def document_images(rows: Sequence[PairRow]) -> list[str]:
    """The paths of all images that a document's rows show, in page order; two pages alike have one path, twice."""
    longest = max((image_paths(row["images"]) for row in rows), key=len)
    others = (path for row in rows for path in image_paths(row["images"]))
    return [*longest, *dict.fromkeys(path for path in others if path not in longest)]


def arrange(rows: Sequence[PairRow], layout: Layout, processor: Processor) -> list[Pair]:
    """The pairs of one document. Raises RowError for equal sides, for a side without text, and for images inside an
    answer where the student's images are no patches."""
    if layout == "interleaved" and not has_patches(processor):
        raise RowError(
            f'{rows[0]["id"]}: training.layout = "interleaved" is not for this student: its pairs are not packed.'
        )
    images = document_images(rows)
    return [_pair(row, layout, processor, images) for row in rows]


def _pair(row: PairRow, layout: Layout, processor: Processor, images: list[str]) -> Pair:
    for side, text in (("chosen", row["chosen"]), ("rejected", row["rejected"])):
        if not text.strip():
            raise RowError(f"{row['id']}: {side} has no text.")
    if row["chosen"] == row["rejected"]:
        raise RowError(f"{row['id']}: chosen and rejected are equal.")
    if layout == "interleaved" and row["chosen_starts"]:
        return _interleaved(row, processor)
    own = _numbers(image_paths(row["images"]), images)
    cut = row["kind"] == "cumulative" and own != list(range(len(images)))
    shown = list(range(len(images))) if layout == "images_first" and cut else own
    # Where a prefix sees pages that it does not write about, the answer does not end with it (docs/method.md 3.4).
    closes = row["closes"] and not (layout == "images_first" and cut)
    others = other_controls(processor)
    return Pair(
        row["id"],
        render_prompt(processor, len(shown), row["prompt"], row["prefix"]),
        render_answer(row["chosen"], closes, others),
        render_answer(row["rejected"], closes, others),
        tuple(shown),
        tuple(shown),
        row["weight"],
    )


def _numbers(paths: list[str], images: list[str]) -> list[int]:
    """Which of the document's images these are: its first ones, or else each where its path is first found."""
    first = list(range(len(paths)))
    return first if paths == images[: len(paths)] else [images.index(path) for path in paths]


def _interleaved(row: PairRow, processor: Processor) -> Pair:
    prefix = row["prefix"] + SEPARATOR if row["prefix"] else ""
    given, chosen = _weave(prefix + row["chosen"], row["chosen_starts"], len(prefix))
    _, rejected = _weave(prefix + row["rejected"], row["rejected_starts"], len(prefix))
    end = render_answer("", row["closes"])
    chosen_pages, rejected_pages = (range(len(starts)) for starts in (row["chosen_starts"], row["rejected_starts"]))
    if max(len(chosen_pages), len(rejected_pages)) > len(row["images"]):
        raise RowError(f"{row['id']}: {len(row['chosen_starts'])} segments for {len(row['images'])} images.")
    return Pair(
        row["id"],
        render_prompt(processor, 0, row["prompt"]) + given,
        chosen + end,
        rejected + end,
        tuple(chosen_pages),
        tuple(rejected_pages),
        row["weight"],
    )


def _weave(text: str, starts: Sequence[int], cut: int) -> tuple[str, str]:
    """The text with an image placeholder before each start, as what is given (up to `cut`) and what is trainable."""

    def woven(low: int, high: int, inside: list[int]) -> str:
        borders = [low, *inside, high]
        return IMAGE.join(plain(text[start:end]) for start, end in pairwise(borders))

    return (
        woven(0, cut, [start for start in starts if start <= cut]),
        woven(cut, len(text), [start for start in starts if start > cut]),
    )
