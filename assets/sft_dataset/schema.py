"""The training dataset that `sft_dataset` lets through: a row per example, in the Hugging Face chat layout."""

from resources.table import Table
from resources.training.rows.dataset_rows import SftRow

SFT_DATASET = Table("sft_dataset", SftRow)
