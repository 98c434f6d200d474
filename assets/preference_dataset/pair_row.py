"""How a preference pair becomes a row of the data set."""

from assets.preference_dataset.starts import PageStarts
from assets.preference_pairs.schema import PreferencePair
from assets.training_dataset import image_files
from resources.store import Store
from resources.training.rows.dataset_rows import PreferenceRow


def pair_row(tables: Store, pair: PreferencePair, starts: PageStarts, factor: float = 1.0) -> PreferenceRow:
    """starts: of the pair's shard. factor: of its kind, which its weight is multiplied by."""
    chosen_starts, rejected_starts = starts.of(pair)
    return {
        "id": pair["pair_id"],
        "example_id": pair["example_id"],
        "upto": pair["upto"],
        "prompt": pair["prompt"],
        "prefix": pair["prefix"],
        "chosen": pair["chosen"],
        "rejected": pair["rejected"],
        "chosen_starts": chosen_starts,
        "rejected_starts": rejected_starts,
        "closes": pair["closes"],
        "weight": pair["weight"] * factor,
        "kind": pair["kind"],
        "images": image_files(tables, pair["images"]),
        "author": pair["author"],
        "corrector": pair["corrector"],
    }
