"""What a model of 135 million parameters needs to go through the whole lineage: short texts, bounded answers."""

import json

from assets.judging.judge import DIMENSIONS

WEAK_TEACHER = """
[instructions]
words = { single = [60], multi = [80] }
groups = []
deck_tasks = ["lecture_script"]
lecture_share = 1.0
stated_share = 1.0
back_translated_share = 0.0
words_per_page = 30
chapter_pages = 12

[writing]
length_control = false
continuations = 0

[keep]
length_score = 0
repeated_share = 1.0
language = false
near_duplicate = 1.0

[pairs]
samples = 3
margin = 0.1

[checks]
quarantine_share = 0.9
length_score = 0
repeated_share = 1.0
"""
# It gives no six scores of its own accord.
JUDGEMENT = json.dumps(
    {
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "scores",
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": list(DIMENSIONS),
                    "properties": {name: {"type": "integer", "minimum": 1, "maximum": 5} for name in DIMENSIONS},
                },
            },
        }
    }
)
