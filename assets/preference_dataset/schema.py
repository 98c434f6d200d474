"""The training dataset that `preference_dataset` lets through: a row per preference pair."""

from typing import TypedDict

from resources.table import Table
from resources.training.rows.dataset_rows import PreferenceRow


class PreferenceReport(TypedDict):
    """The manifest's `report`."""

    kind_shares: dict[str, float]  # kind -> its share of the weight in training, 0-1


PREFERENCE_DATASET = Table("preference_dataset", PreferenceRow)
