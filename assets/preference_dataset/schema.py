"""The training dataset that `preference_dataset` lets through: a row per preference pair."""

from resources.table import Table
from resources.training.rows.dataset_rows import PreferenceRow

PREFERENCE_DATASET = Table("preference_dataset", PreferenceRow)
