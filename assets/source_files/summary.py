"""What became of all files, in numbers and in one sentence."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from assets.quality.quarantine import ALL_SHARDS
from assets.source_files.schema import SOURCE_FILES, SourceFile
from assets.source_images.not_read import LICENCES_MISFIT, counted
from resources.store import Store
from resources.text.shown import number_of


@dataclass
class FileTally:
    """Files by what became of them, and those that were not read by what they have in common."""

    became: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)  # on tables of licences with lines that fit no file
    pressing: set[str] = field(default_factory=set)  # of the causes: those of files that should be read

    def add(self, row: SourceFile) -> None:
        """Count one file."""
        self.became[row["became"]] += 1
        if row["became"] not in ("read", "removed"):
            self.causes[row["cause"]] += 1
        if row["cause"] == LICENCES_MISFIT:
            self.notes.append(f"{row['path']}: {row['why']}")
        if row["became"] in ("refused", "waiting"):
            self.pressing.add(row["cause"])

    @property
    def unread(self) -> int:
        """Files that are there and were not read."""
        return self.causes.total()

    def sentence(self) -> str:
        """`12 of 49 files were not read: 9 .heic (not supported: export as JPEG), …`; empty where there is no file."""
        gone, there = self.became["removed"], self.became.total() - self.became["removed"]
        of_them = f"{self.unread} of {number_of(there, 'file')} {_was(self.unread)} not read"
        said = [f"{of_them}: {counted(self.causes, self.pressing)}"] if self.unread else []
        if there and not self.unread:
            said += [f"all {number_of(there, 'file')} were read" if there > 1 else "the only file was read"]
        said += [f"{number_of(gone, 'document')} {_was(gone)} removed since"] if gone else []
        sentence = "; ".join(said)
        return sentence[:1].upper() + sentence[1:]


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def file_rows(store: Store) -> Iterator[SourceFile]:
    """The last account of files; none before the first. Raises DamagedTableError."""
    if store.has_table(SOURCE_FILES.name, ALL_SHARDS):
        yield from store.rows(SOURCE_FILES, ALL_SHARDS)


def unread_rows(store: Store) -> Iterator[SourceFile]:
    """Those of the last account that were not read, the ones that should have been first. Raises DamagedTableError."""
    yield from (row for row in file_rows(store) if row["became"] == "refused")
    yield from (row for row in file_rows(store) if row["became"] not in ("read", "refused"))


def tally_of(store: Store) -> FileTally:
    """The last account of files, counted. Raises DamagedTableError."""
    tally = FileTally()
    for row in file_rows(store):
        tally.add(row)
    return tally
