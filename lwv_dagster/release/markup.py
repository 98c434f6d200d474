"""Text from outside made harmless for every consumer: no control token, no media tag, no path that is opened."""

import re

from resources.text.shown import clean_text
from resources.training.rows.chat import plain

# LLaMA-Factory and ms-swift put media where these stand, and ms-swift opens the file that an <img> names.
_TAG = re.compile(r"<(/?(?:image|img|video|audio|bbox|ref-object|cot-process|start-image))>")


class ReleaseError(RuntimeError):
    """The release cannot be written or uploaded; one sentence says why and what to do."""


def safe(text: str) -> str:
    """The text with each `<|control|>` token as `<control>` and each `<tag>` of a medium as `(tag)`, and clean
    (`clean_text`): a table of an older version need not be."""
    return _TAG.sub(r"(\1)", plain(clean_text(text)))


def expect_tags(row_id: str, tag: str, count: int, *texts: str) -> None:
    """Raise ReleaseError unless `tag` stands exactly `count` times in the texts together."""
    found = sum(text.count(tag) for text in texts)
    if found != count:
        raise ReleaseError(f"Row {row_id} holds {found} {tag} tags for {count} images: it is not written out.")
