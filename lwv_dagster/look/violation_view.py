"""All that breaks a rule, out of the reports of its checks, each with its page's image and where it is looked at."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlencode

from assets.quality.names import ID, names_for
from assets.quality.outcome import Violation
from assets.quality.quarantine import ALL_SHARDS
from assets.quality.report import OutcomeRecord, read_report, violations_of
from lwv_dagster.look.rendering import Look

PAGE = re.compile(r"([0-9a-f]{16}) page (\d+)")
SECTION = re.compile(r"-(\d{3})$")  # the end of a segment's id


class Verdict(NamedTuple):
    """What a rule found on one shard."""

    shard: str
    outcome: OutcomeRecord
    found: Sequence[Violation]


class Shown(NamedTuple):
    """One violation. where: file and page; image: sha256, empty where there is none; href: where it is looked at."""

    shard: str
    id: str
    why: str
    where: str
    image: str
    href: str


def verdicts(look: Look, asset: str, rule: str, shard: str = "") -> list[Verdict]:
    """Of every shard that was checked, or of one, by their names."""
    folder = look.home / "reports" / "quality" / asset
    shards = [path.stem for path in sorted(folder.glob("*.json"))] if not shard else [shard]
    reports = ((name, read_report(look.store, asset, name)) for name in shards)
    return [
        Verdict(name, outcome, () if outcome["passed"] else violations_of(outcome))
        for name, report in reports
        if report
        for outcome in report["outcomes"]
        if outcome["rule"] == rule
    ]


def shown(look: Look, some: Sequence[tuple[str, Violation]]) -> list[Shown]:
    """Some violations, each with its shard, as they are shown; only these are looked up."""
    shards = sorted({shard for shard, _ in some})
    known = None if ALL_SHARDS in shards else shards
    pictures = _Pictures(look, [each.id for _, each in some], known)
    of_names = known if known is not None else look.tables.shards("source_images")
    names = names_for(look.store, of_names, (text for _, each in some for text in (each.id, each.why)))
    return [
        Shown(
            shard,
            each.id,
            names.told(each.why),
            names.where(each.id),
            pictures.of(each.id),
            pictures.href(each.id, shard),
        )
        for shard, each in some
    ]


class _Pictures:
    """The images of what some ids name: of a page, a segment's page, the first of an example or document."""

    def __init__(self, look: Look, ids: Sequence[str], shards: Sequence[str] | None) -> None:
        documents = sorted({match[1] for each in ids if (match := ID.search(each))})
        rows = look.tables.rows(
            "SELECT document_id, page, image_sha256 FROM source_images WHERE list_contains(?, document_id)",
            [documents],
            shards,
        )
        self.pages: Mapping[tuple[str, int], str] = {
            (row["document_id"], row["page"]): row["image_sha256"] for row in rows
        }
        rows = look.tables.rows(
            "SELECT example_id, images FROM instructions WHERE list_contains(?, example_id[:16])", [documents], shards
        )
        self.images: Mapping[str, list[str]] = {row["example_id"]: row["images"] for row in rows}
        rows = look.tables.rows(
            "SELECT segment_id, example_id, page, shard FROM segments WHERE list_contains(?, segment_id)",
            [list(ids)],
            shards,
        )
        self.segments = {row["segment_id"]: row for row in rows}

    def of(self, found: str) -> str:
        """sha256 of its image; empty where none is known."""
        if page := PAGE.fullmatch(found):
            return self.pages.get((page[1], int(page[2])), "")
        if (segment := self.segments.get(found)) and (images := self.images.get(segment["example_id"])):
            return images[min(segment["page"] or 1, len(images)) - 1]
        example = next((name for name in _beginnings(found) if self.images.get(name)), "")
        if example:
            section = SECTION.search(found.removeprefix(example))
            place = int(section[1]) if section else 0
            return self.images[example][min(place, len(self.images[example]) - 1)]
        return self.pages.get((found[:16], 1), "")

    def href(self, found: str, shard: str) -> str:
        """The queue, for a segment; else its trail. Empty of what is no id."""
        if segment := self.segments.get(found):
            return f"/queue?{urlencode({'at': found, 'in': segment['shard']})}"
        match = ID.search(found)
        return f"/row/{quote(match[0].partition(' page ')[0].rstrip(','))}" if match else ""


def _beginnings(found: str) -> list[str]:
    """`a-b-c` -> itself, `a-b`, `a`."""
    parts = found.split("-")
    return ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
