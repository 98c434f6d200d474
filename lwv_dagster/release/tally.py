"""What is counted while rows stream into a release: sums and histograms of fixed size, never the rows."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from lwv_dagster.release.rows import Example, Pair
from lwv_dagster.release.token_counts import CUTOFFS
from resources.authors import is_embedded
from resources.text.length_score import length_score

WORDS_BIN, SCORE_BIN = 250, 5  # words; points of the length score


@dataclass
class PartTally:
    """One data set's part of the release."""

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    authors: Counter[str] = field(default_factory=Counter)  # who wrote or corrected it; of a pair both
    embedded: int = 0  # rows of which any author is the embedded model
    images: Counter[int] = field(default_factory=Counter)  # rows by number of images
    over: Counter[tuple[int, str]] = field(default_factory=Counter)  # rows over a cutoff, by size of images
    tokens: int = 0  # with images at their stored size
    weights: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # of pairs, by kind
    changed: int = 0  # rows whose text held control tokens or media tags
    left_out: Counter[str] = field(default_factory=Counter)  # rows by reason


@dataclass
class Tally:
    """What the card says in numbers, of both data sets."""

    sft: PartTally = field(default_factory=PartTally)
    preference: PartTally = field(default_factory=PartTally)
    words: Counter[int] = field(default_factory=Counter)  # SFT rows by words written, in bins of WORDS_BIN
    scores: Counter[int] = field(default_factory=Counter)  # … by length score, in bins of SCORE_BIN
    documents: set[str] = field(default_factory=set)  # that any row comes from
    samples: set[str] = field(default_factory=set)  # ids under which the ledger has their calls

    def add_example(self, row: Example) -> None:
        """Count an example that was written."""
        self._add(self.sft, row, row.author)
        self.words[row.words // WORDS_BIN * WORDS_BIN] += 1
        if row.required_words:
            score = length_score(row.words, row.required_words)
            self.scores[min(100 - SCORE_BIN, int(score) // SCORE_BIN * SCORE_BIN)] += 1
        self.samples.add(row.id)

    def add_pair(self, row: Pair) -> None:
        """Count a pair that was written."""
        self._add(self.preference, row, row.author, row.corrector)
        self.preference.weights[row.kind] += row.weight
        self.samples.add(row.example_id)

    def _add(self, part: PartTally, row: Example | Pair, *authors: str) -> None:
        part.rows += 1
        part.kinds[row.kind] += 1
        part.languages[row.language] += 1
        part.authors.update(set(authors))
        part.embedded += any(map(is_embedded, authors))
        part.images[len(row.images)] += 1
        part.tokens += row.tokens.stored
        part.changed += row.changed
        for cutoff in CUTOFFS:
            part.over[cutoff, "stored"] += row.tokens.stored > cutoff
            part.over[cutoff, "paper"] += row.tokens.paper > cutoff
        self.documents.update(row.documents)
        self.samples.update(row.documents)
