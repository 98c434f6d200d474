"""Which rules of a shard's checks failed and name a segment, its page, its example or its document."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from assets.quality.report import ids_named, read_report, table_hash
from assets.segments.schema import Segment
from assets.source_images.schema import Page
from resources.store import Store

_PAGE = re.compile(r"([0-9a-f]{16}) page (\d+)")


class Named(NamedTuple):
    """Rules (`<asset>.<rule>`) by what they name: an id of a segment, example or document; the sha256 of an image."""

    ids: Mapping[str, Sequence[str]] = {}
    images: Mapping[str, Sequence[str]] = {}

    def rules_of(self, segment: Segment, images: Iterable[str]) -> list[str]:
        """The rules that name a segment, each once. images: sha256 of its pages."""
        ids = (segment["segment_id"], segment["example_id"], segment["document_id"])
        found = [rule for name in ids for rule in self.ids.get(name, ())]
        found += [rule for image in images for rule in self.images.get(image, ())]
        return list(dict.fromkeys(found))


def read_named(store: Store, shard: str, assets: Iterable[str], pages: Iterable[Page]) -> Named:
    """From the reports of the assets whose table is the one that was checked. pages: the shard's source_images rows."""
    image_of = {(page["document_id"], page["page"]): page["image_sha256"] for page in pages}
    ids, images = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for asset in assets:
        report = read_report(store, asset, shard)
        if report is None or report["table_sha256"] != table_hash(store, asset, shard):
            continue
        for outcome in report["outcomes"]:
            rule = f"{asset}.{outcome['rule']}"
            for name in () if outcome["passed"] else ids_named(outcome):
                if page := _PAGE.fullmatch(name):
                    images[image_of.get((page[1], int(page[2])), "")].append(rule)
                else:
                    ids[name].append(rule)
    return Named(ids, images)
