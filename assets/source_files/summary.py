"""What became of all files, in numbers and in one sentence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from assets.quality.quarantine import ALL_SHARDS
from assets.source_files.schema import SOURCE_FILES, SourceFile
from assets.source_images.not_read import counted
from resources.store import Store


@dataclass
class FileTally:
    """Files by what became of them, and those that were not read by what they have in common."""

    became: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)

    def add(self, row: SourceFile) -> None:
        """Count one file."""
        self.became[row["became"]] += 1
        if row["became"] not in ("read", "removed"):
            self.causes[row["cause"]] += 1

    def sentence(self) -> str:
        """`12 of 49 files were not read: 9 .heic (not supported: export as JPEG), …`; empty where there is no file."""
        gone, there = self.became["removed"], self.became.total() - self.became["removed"]
        unread = self.causes.total()
        said = [f"{unread} of {there} files were not read: {counted(self.causes)}"] if unread else []
        said += [f"all {there} files were read"] if there and not unread else []
        said += [f"{gone} document{'s were' if gone > 1 else ' was'} removed since"] if gone else []
        sentence = "; ".join(said)
        return sentence[:1].upper() + sentence[1:]


def file_rows(store: Store) -> Iterator[SourceFile]:
    """The last account of files; none before the first. Raises DamagedTableError."""
    if store.has_table(SOURCE_FILES.name, ALL_SHARDS):
        yield from store.rows(SOURCE_FILES, ALL_SHARDS)


def tally_of(store: Store) -> FileTally:
    """The last account of files, counted. Raises DamagedTableError."""
    tally = FileTally()
    for row in file_rows(store):
        tally.add(row)
    return tally
