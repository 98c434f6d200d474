"""What `instructions` are made of: the pages of a document, the recipe's tasks and lengths, the teacher's requests."""

from assets.step import Step, section

STEP = Step(
    "instructions",
    group="sources",
    jobs=("shard_job",),
    upstream=("source_images",),
    fields=(*section("instructions"), "writing.most_words", "checks.instruction_characters"),
    templates=("instructions",),
    roles=("teacher",),
)
