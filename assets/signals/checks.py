"""The rules that a shard's signals must keep."""

import pandas as pd
import pyarrow as pa

from assets.quality.outcome import (
    AssetRules,
    Context,
    Expectation,
    Finding,
    Outcome,
    Rule,
    Violation,
    plain_columns,
    violations,
)
from assets.quality.quarantine_share import SHARE_RULE, quarantine_share
from assets.signals.doubt import doubt_of
from assets.signals.drift_tables import drift_before
from resources.recipe.model import Checks

RULES = (
    Rule("segments_covered", "Each segment of every split has a row, and only one."),
    Rule(
        "faithful",
        "At most the share checks.unfaithful_share of the segments tells a number that is on no page of its example.",
        blocking=False,
    ),
    Rule("headings_kept", "No page of a deck, and no section, lost its heading.", blocking=False),
    Rule(
        "no_drift",
        "The signals are as in the shards before it: no PSI from checks.drift_psi on with a KS distance from "
        "checks.drift_ks on (docs/quality.md).",
        blocking=False,
    ),
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


def expectations(_limits: Checks) -> list[Expectation]:
    """What holds for every row."""
    import great_expectations.expectations as gxe

    adds_up = {"check": "doubt_adds_up"}
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="doubt_off", value_set=[0], meta={**adds_up, "why": "its doubt is not the sum of its parts"}
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="least_part", min_value=1, meta={**adds_up, "why": "a part of its doubt has no point"}
        ),
    ]


def segments_covered(context: Context) -> Outcome:
    """By segment, both ways; a row that comes twice is a violation too."""
    wanted = set(context.upstream("segments").column("segment_id").to_pylist())
    found, bad = set[str](), dict[str, str]()
    for segment in context.table.column("segment_id").to_pylist():
        if segment in found or segment not in wanted:
            bad[segment] = "it has a row too many"
        found.add(segment)
    bad = {**dict.fromkeys(sorted(wanted - found), "it has no row"), **bad}
    return violations("segments_covered", bad, len(wanted), "segments have no row, or one too many")


def faithful(context: Context) -> Outcome:
    """Of the segments whose pages have words to compare with."""
    limits: Checks = context.limits
    rows = context.table.select(["segment_id", "page_share", "numbers_off"]).to_pylist()
    told = sum(row["page_share"] is not None for row in rows)
    bad = {row["segment_id"]: f"on no page: {', '.join(row['numbers_off'])}" for row in rows if row["numbers_off"]}
    found = violations("faithful", bad, told, "segments tell numbers that are on no page of their example")
    return found if len(bad) > limits.unfaithful_share * told else Outcome("faithful", True, found.metadata)


def headings_kept(context: Context) -> Outcome:
    """By segment, as critic and people left it."""
    rows = context.table.select(["segment_id", "heading_lost"]).to_pylist()
    bad = [row["segment_id"] for row in rows if row["heading_lost"]]
    return violations("headings_kept", bad, len(rows), "segments lost their heading", "its heading is gone")


def no_drift(context: Context) -> Outcome:
    """Too few rows on either side tell nothing, and pass."""
    found = drift_before(context.store, context.shard, context.table, context.limits)
    metadata: dict[str, Finding] = {"rows": found.rows, "rows_before": found.before}
    if found.verdict == "too few":
        says = f"too few rows to tell: {found.rows}, and {found.before} in the shards before it"
        return Outcome("no_drift", True, metadata, says)
    metadata["psi_largest"] = found.signals[0].psi if found.signals else 0.0
    why = {signal.signal: signal.told() for signal in found.drifted}
    said = "; ".join(f"{signal} is not as in the shards before it: {says}" for signal, says in why.items())
    return Outcome("no_drift", not why, metadata, said, [Violation(*each) for each in why.items()])


def outputs_asked(context: Context) -> int:
    """How many examples were cut."""
    return len(set(context.upstream("segments").column("example_id").to_pylist()))


CHECKS = AssetRules(
    RULES,
    flatten,
    expectations,
    {
        "segments_covered": segments_covered,
        "faithful": faithful,
        "headings_kept": headings_kept,
        "no_drift": no_drift,
        "quarantine_share": quarantine_share("signals", outputs_asked),
    },
)
