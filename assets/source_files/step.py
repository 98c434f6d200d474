"""What `source_files` is made of: the files under LWV_SOURCES, the register, and what the shards' runs said of them."""

from assets.step import Step

STEP = Step(
    "source_files",
    group="sources",
    jobs=("report_job",),
    upstream=("source_images",),
    settings=("max_file_mb", "max_pages"),
    sharded=False,
    folder="tables/source_files",
)
