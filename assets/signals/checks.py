"""The rules that a shard's signals must keep."""

import pandas as pd
import pyarrow as pa

from assets.quality.outcome import AssetRules, Context, Expectation, Outcome, Rule, plain_columns, violations
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from assets.signals.doubt import doubt_of

RULES = (
    Rule("segments_covered", "Each segment of every split has a row, and only one."),
    Rule("doubt_adds_up", "The doubt is the sum of its parts, from 0 to 100, and each part has a point at least."),
    SHARE_RULE,
)


def flatten(table: pa.Table) -> pd.DataFrame:
    """A row per segment; `doubt_off`: its doubt minus what its parts give; `least_part`: the fewest points of one."""
    frame = plain_columns(table, ["segment_id", "doubt"])
    parts = table.column("parts").to_pylist()
    frame["doubt_off"] = [doubt - doubt_of(found) for doubt, found in zip(frame["doubt"], parts, strict=True)]
    frame["least_part"] = [min((part["points"] for part in found), default=1) for found in parts]
    return frame


def expectations() -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    adds_up = {"check": "doubt_adds_up"}
    return [
        gxe.ExpectColumnValuesToBeInSet(column="doubt_off", value_set=[0], meta=adds_up),
        gxe.ExpectColumnValuesToBeBetween(column="least_part", min_value=1, meta=adds_up),
    ]


def segments_covered(context: Context) -> Outcome:
    """By segment, both ways; a row that comes twice is a violation too."""
    wanted = set(context.upstream("segments").column("segment_id").to_pylist())
    found, bad = set[str](), list[str]()
    for segment in context.table.column("segment_id").to_pylist():
        bad += [segment] if segment in found or segment not in wanted else []
        found.add(segment)
    return violations(
        "segments_covered", [*sorted(wanted - found), *bad], len(wanted), "segments have no row, or one too many"
    )


def outputs_asked(context: Context) -> int:
    """How many examples were cut."""
    return len(set(context.upstream("segments").column("example_id").to_pylist()))


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {"segments_covered": segments_covered, "quarantine_share": quarantine_share("signals", outputs_asked)},
)
