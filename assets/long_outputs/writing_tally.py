"""Numbers of a shard's long texts for the UI; of each text a few numbers are kept, never the text."""

from collections import Counter
from dataclasses import dataclass, field

from assets.long_outputs.schema import LongOutput
from resources.dagster import Metadata, mean
from resources.text.length_score import length_score

GOOD_LENGTH = 80  # docs/method.md: what is kept for SFT scores at least so much against its length


@dataclass
class WritingTally:
    """Sums over the rows that were added."""

    rows: int = 0
    words: int = 0
    scores: list[float] = field(default_factory=list)  # against the stated lengths
    near_plan: int = 0  # texts with a good length score against what was planned
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, row: LongOutput) -> None:
        """Count one text."""
        self.rows += 1
        self.words += row["words"]
        if row["length_score"] is not None:
            self.scores.append(row["length_score"])
        self.near_plan += length_score(row["words"], row["target_words"]) >= GOOD_LENGTH
        self.counts.update(f"repaired_{kind}" for kind in row["repairs"])
        self.counts[f"length_{row['length_from']}"] += 1
        self.counts[f"task_{row['task']}"] += 1

    def metadata(self) -> Metadata:
        """Means and shares."""
        return {
            "words_mean": mean(self.words, self.rows),
            "length_score_mean": mean(sum(self.scores), len(self.scores)),
            "length_score_80_share": mean(self.near_plan, self.rows),
        }

    def counted(self) -> dict[str, float]:
        """Repairs, tasks, and from where the lengths are."""
        return dict(sorted(self.counts.items()))
