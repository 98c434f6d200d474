"""The asset `preference_dataset`: the quality gate between the pairs of all shards and preference training."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence

import dagster as dg

from assets.corrected_segments.unapplied import unapplied, unapplied_note
from assets.derivation import upstream_contents
from assets.preference_dataset.dropped_pairs import Drops
from assets.preference_dataset.pair_row import pair_row
from assets.preference_dataset.schema import PREFERENCE_DATASET, PreferenceReport
from assets.preference_dataset.starts import PageStarts
from assets.preference_dataset.step import STEP
from assets.preference_dataset.weights import kind_factors, kind_shares
from assets.preference_dataset.within_budget import PairBudget, pairs_within_budget
from assets.preference_pairs.pair_tally import PairTally
from assets.preference_pairs.schema import PREFERENCE_PAIRS, PreferencePair
from assets.quality.gate import GateClosedError, open_gate, unknown_recipe_metadata
from assets.quality.quarantine import ALL_SHARDS, SetAside, write_quarantine
from assets.quality.quarantine_share import losses
from assets.recipe_nodes import RecipeResource, version_tags
from assets.run_view import RunView
from assets.sft_dataset.contamination import Contamination
from assets.sft_dataset.decided_outputs import DecidedOutputs
from assets.sft_dataset.moved_documents import MovedDocuments, moved_note, unread_note
from assets.sft_dataset.origins import Origins
from assets.source_images.catalog import CatalogError
from assets.source_images.schema import SOURCE_IMAGES
from assets.step_asset import step_asset
from assets.steps import gated_by
from assets.training_dataset import gate_metadata, notes, write_dataset
from resources.dagster import StoreResource, clear_failures, counts_table
from resources.decisions.people import decisions_of
from resources.recipe.read import RecipeError
from resources.store import Store
from resources.training.rows.dataset_rows import PreferenceRow
from resources.training.rows.sequence import RowError


@step_asset(STEP, kinds={"parquet"})
def preference_dataset(
    context: dg.AssetExecutionContext, store: StoreResource, recipe: RecipeResource
) -> dg.MaterializeResult[None]:
    """Every preference pair, from shards whose quality reports passed, kinds weighted as the recipe has it."""
    with clear_failures(CatalogError, GateClosedError, RecipeError, RowError):
        tables, made_with = store.create(), recipe.of(STEP)
        states = open_gate(tables, STEP, RunView.of(context), made_with.recipe.gate.mixed_recipes)
        shards = states.finished
        upstream = upstream_contents(STEP, tables, shards)
        contamination, in_benchmark = Contamination(tables, shards), dict[str, SetAside]()
        budget = PairBudget(made_with.settings.student, made_with.recipe.training)
        over_budget = dict[str, SetAside]()
        moved, moved_says = MovedDocuments(tables, shards), moved_note(tables, shards)
        decisions, alike = decisions_of(tables.home), made_with.recipe.corrections.alike
        waiting = unapplied_note(unapplied(tables, shards, decisions, alike))
        note = notes(states.note, moved_says, unread_note(tables, shards), waiting)
        homes, found, written = home_shards(tables, shards, moved), PairTally(), PairTally()
        doubles, by_people = dict[tuple[str, str], SetAside](), dict[str, SetAside]()
        drops = Drops(DecidedOutputs(tables, decisions, alike), shards)
        for shard in shards:
            wanted = drops.kept(shard, pairs_of(tables, shard, homes, moved, doubles), by_people)
            clean = contamination.clean_pairs(wanted, in_benchmark)
            for pair in pairs_within_budget(tables, shard, clean, budget, made_with.recipe.pairs, over_budget):
                found.add(pair)
        left_out = by_people | in_benchmark | over_budget
        write_quarantine(tables, "preference_dataset", ALL_SHARDS, [*left_out.values(), *doubles.values()])
        dropped = Counter(row["reason"].partition(":")[0] for row in doubles.values())
        shares = kind_shares(made_with.recipe.pairs, found.pairs)
        factors = kind_factors(found.weight, found.pairs, shares)
        manifest = write_dataset(
            tables,
            "preference",
            shards,
            PREFERENCE_DATASET,
            pair_rows(tables, shards, homes, moved, left_out, factors, written),
            lambda row: (row["kind"], row["author"], row["corrector"]),
            lambda: why_empty(tables, shards, found, len(in_benchmark), len(over_budget), len(by_people), moved_says),
            made_with.identity(PREFERENCE_DATASET.version, upstream),
            report=PreferenceReport(kind_shares=shares),
            pending=states.pending,
            origin_of=Origins(tables, homes),
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.id),
        tags=version_tags(made_with),
        metadata={
            "dagster/row_count": manifest.rows,
            "shards": len(shards),
            "pending": len(states.pending),
            **written.metadata(),
            **counts_table(
                {
                    "dropped_in_benchmark": len(in_benchmark),
                    "dropped_over_budget": len(over_budget),
                    "dropped_by_people": len(by_people),
                    **{f"dropped_{kind}": dropped[kind] for kind in ("moved", "duplicate")},
                    **{f"weight_share_{kind}": share for kind, share in written.weight_shares().items()},
                    **written.longer_shares(),
                }
            ),
            **unknown_recipe_metadata(tables, STEP, shards),
            **gate_metadata(manifest),
            **note,
            "made_by": ", ".join(sorted(manifest.authors)),
            "path": dg.MetadataValue.path(manifest.path),
        },
    )


def why_empty(
    tables: Store,
    shards: list[str],
    found: PairTally,
    in_benchmark: int,
    over_budget: int,
    by_people: int,
    moved: str,
) -> str:
    """One sentence. found: the pairs that may be trained on; of the others, how many may not for which reason.

    moved: `moved_note`.
    """
    if by_people and not found.pairs:
        return (
            f"People left out {by_people} preference pairs, and none is left that may be trained on: see tables/"
            "quarantine/preference_dataset, and withdraw a decision (docs/decisions.md) or add documents."
        )
    if over_budget and not found.pairs:
        return (
            f"None of the {in_benchmark + over_budget} preference pairs may be trained on (over_budget {over_budget}, "
            f"in_benchmark {in_benchmark}; tables/quarantine/preference_dataset says which): raise training.max_tokens "
            "of the recipe (LWV_RECIPE), or lower training.max_pixels."
        )
    if in_benchmark and not found.pairs:
        return (
            f"All {in_benchmark} preference pairs show images or text of the benchmark split (tables/quarantine/"
            "preference_dataset says which): add documents that are not alike under LWV_SOURCES."
        )
    if found.pairs:
        return (
            f"The recipe gives no share to the kinds of pair that there are ({', '.join(found.pairs)}): set them "
            "in [pairs] of the recipe (LWV_RECIPE)."
        )
    if moved:
        return f"There is no preference pair that counts: {moved}."
    lost = losses(tables, gated_by(STEP), shards, "preference")
    if lost and not any(tables.read_table("corrected_segments", shard).num_rows for shard in shards):
        return f"There is no preference pair: {lost}. Mend that, then materialise these shards again."
    documents = documents_of(tables, shards, "preference")
    why = (
        f"the critic changed nothing in the {documents} documents of the preference split"
        if documents
        else "no document stands in the preference split"
    )
    return (
        f"There is no preference pair, because {why}: add documents under LWV_SOURCES (about one in five goes "
        "there; of 3 or more, at least one), or set LWV_CRITIC_BASE_URL to another critic."
        f"{f' What was lost before: {lost}.' if lost else ''}"
    )


def documents_of(store: Store, shards: Sequence[str], split: str) -> int:
    """How many documents of these shards stand in a split."""
    return len(
        {row["document_id"] for shard in shards for row in store.rows(SOURCE_IMAGES, shard) if row["split"] == split}
    )


def home_shards(tables: Store, shards: list[str], moved: MovedDocuments) -> dict[str, str]:
    """Example -> the shard whose pairs of it count: where its documents are now, of several the first."""
    homes = dict[str, str]()
    for shard in shards:
        for pair in tables.rows(PREFERENCE_PAIRS, shard, ["example_id"]):
            homes.setdefault(pair["example_id"], moved.shard_now(shard, pair["example_id"]) or shard)
    return homes


def pairs_of(
    tables: Store,
    shard: str,
    homes: Mapping[str, str],
    moved: MovedDocuments,
    doubles: dict[tuple[str, str], SetAside] | None = None,
) -> Iterator[PreferencePair]:
    """The shard's pairs that count. doubles gets the others: (shard, example) -> why, for quarantine."""
    for pair in tables.rows(PREFERENCE_PAIRS, shard):
        name, home = pair["example_id"], homes[pair["example_id"]]
        if home == shard:
            yield pair
        elif doubles is not None:
            away = moved.shard_now(shard, name)
            doubles[shard, name] = {
                "item": "",
                "document_id": pair["document_id"],
                "example_id": name,
                "reason": f"moved: now in shard {away}"
                if away
                else f"duplicate: the same example stands in shard {home}",
            }


def pair_rows(
    tables: Store,
    shards: list[str],
    homes: Mapping[str, str],
    moved: MovedDocuments,
    left_out: Container[str],
    factors: Mapping[str, float],
    written: PairTally,
) -> Iterator[PreferenceRow]:
    """The rows of the kinds that have a factor, weighted by it, and counted in `written`. left_out: pair ids."""
    for shard in shards:
        starts = PageStarts(tables, shard)
        for pair in pairs_of(tables, shard, homes, moved):
            if pair["kind"] in factors and pair["pair_id"] not in left_out:
                row = pair_row(tables, pair, starts, factors[pair["kind"]])
                written.add(row)
                yield row
