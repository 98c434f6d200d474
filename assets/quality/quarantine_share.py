"""The rule on how much of a shard may be in quarantine, and the sentence about what a step lost and why."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from assets.quality.outcome import Context, Outcome, Rule
from assets.quality.quarantine import QuarantineRow, read_quarantine
from assets.quality.report import read_report
from resources.recipe.model import Checks
from resources.store import Store

# What is filtered, no faults: by the recipe, of requests; by people, of whatever they drop.
DECISIONS = frozenset({"not_long", "irrelevant", "too_long", "dropped"})
SHARE_RULE = Rule(
    "quarantine_share",
    "No larger share of what was asked for is in quarantine than the recipe allows (checks.quarantine_share; what the "
    "recipe itself turns down, or a person, does not count), and where anything was asked for, the table is not empty.",
)
REASON_CHARACTERS = 300
LOSSES_NAMED = 3
_KIND = re.compile(r"([a-z_]+): (.*)", re.DOTALL)

Count = Callable[[Context], int]


def quarantine_share(asset: str, asked: Count, due: Count | None = None) -> Callable[[Context], Outcome]:
    """The function that decides SHARE_RULE for an asset.

    asked: how many documents or examples it was to make rows of, each of which has rows or is in quarantine. due: of
    how many of them there must be rows; as a rule of all.
    """

    def decide(context: Context) -> Outcome:
        aside = read_quarantine(context.store, asset, context.shard)
        faults = [row for row in aside if kind_of(row["reason"]) not in DECISIONS]
        total = asked(context)
        share, most = len(faults) / max(1, total), share_allowed(context)
        empty = context.table.num_rows == 0 and (due or asked)(context) > 0
        says = ""
        if share > most or empty:
            lost = faults if share > most else aside
            why = why_lost(lost, total) if lost else f"none of {total} has a row"
            says = f"{asset} {context.shard}: {why}"
        return Outcome(
            SHARE_RULE.name,
            not says,
            {"share": share, "allowed": most, "quarantined": len(aside), "asked": total},
            says,
        )

    return decide


def share_allowed(context: Context) -> float:
    """0-1, by the recipe that the table was made under; the default where that does not say."""
    recorded = context.identity.recipe.get("checks.quarantine_share") if context.identity else None
    return float(recorded) if isinstance(recorded, int | float) else Checks().quarantine_share


def kind_of(reason: str) -> str:
    """The kind of AnswerError at the beginning of a reason; empty where it has none."""
    match = _KIND.match(reason)
    return match[1] if match else ""


def why_lost(rows: Sequence[QuarantineRow], asked: int | None) -> str:
    """`9 of 9 in quarantine, all `rejected`: <the first reason of the commonest kind> (<its file>)`.

    rows: at least one. asked: of how many; None: not known.
    """
    kinds = Counter(kind_of(row["reason"]) for row in rows).most_common()
    first = next(row for row in rows if kind_of(row["reason"]) == kinds[0][0])
    match = _KIND.match(first["reason"])
    words = " ".join((match[2] if match else first["reason"]).split())[:REASON_CHARACTERS]
    known = first["source"] not in (first["example_id"], first["document_id"]) and first["source"] not in words
    of = "" if asked is None else f" of {asked}"
    named = [f"{'all' if len(kinds) == 1 else count} `{kind}`" for kind, count in kinds if kind]
    what = ", ".join([f"{len(rows)}{of} in quarantine", *named])
    where = f" ({first['source']})" if known else ""
    return f"{what}: {words}{where}"


def losses(store: Store, assets: Iterable[str], shards: Sequence[str], split: str) -> str:
    """Where documents of a split were lost before a gate: a clause for each asset and shard, the most lost first.

    Empty where none was. assets: sharded ones, in the order of the lineage. Raises MissingTableError.
    """
    found: list[tuple[int, str]] = []
    for shard in shards:
        pages = store.read_table("source_images", shard).select(["document_id", "split"]).to_pylist()
        documents = {row["document_id"] for row in pages if row["split"] == split}
        for asset in assets:
            rows = read_quarantine(store, asset, shard)
            if any(row["document_id"] in documents for row in rows):
                found.append((len(rows), f"{asset} {shard}: {why_lost(rows, _asked(store, asset, shard))}"))
    found.sort(key=lambda loss: -loss[0])
    more = f"; and {len(found) - LOSSES_NAMED} more" if len(found) > LOSSES_NAMED else ""
    return "; ".join(says for _, says in found[:LOSSES_NAMED]) + more


def _asked(store: Store, asset: str, shard: str) -> int | None:
    report = read_report(store, asset, shard)
    for outcome in report["outcomes"] if report else ():
        if outcome["rule"] == SHARE_RULE.name and isinstance(asked := outcome["metadata"].get("asked"), int | float):
            return int(asked)
    return None
