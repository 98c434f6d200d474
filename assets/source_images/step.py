"""What `source_images` is made of: the files under LWV_SOURCES and how large a page is stored."""

from assets.step import Step

STEP = Step(
    "source_images",
    group="sources",
    jobs=("shard_job",),
    settings=("max_side", "max_file_mb", "max_pages"),
)
