"""How one shard of a step's table is written: rows with what made them, failures to quarantine, counts for the UI."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

import dagster as dg

from assets.derivation import StepRecipe, upstream_contents
from assets.quality.quarantine import SetAside, write_quarantine
from assets.recipe_nodes import RecipeResource, version_tags
from assets.step import Step
from resources.dagster import Metadata, MetadataEntry, StoreResource, counts_table
from resources.decisions.people import decisions_of
from resources.decisions.quarantined import item_target, quarantine_decisions
from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.failures import AnswerError
from resources.home import require_room
from resources.identity import TableIdentity
from resources.messages import Role
from resources.recipe.model import Recipe
from resources.secrets import mask
from resources.settings import Settings
from resources.store import Store
from resources.table import Row, Table
from resources.text.shown import visible

Item = TypeVar("Item")


class Ids(NamedTuple):
    """Which document and example a quarantine row is about.

    documents: all of the example's, where no table of the shard knows the example yet.
    """

    document_id: str
    example_id: str
    documents: Sequence[str] = ()

    def set_aside(self, reason: str, image: int | None = None, call_id: str = "") -> SetAside:
        """Its row. image, call_id: as in SetAside."""
        return {
            "item": "",
            "document_id": self.document_id,
            "example_id": self.example_id,
            "reason": reason,
            "documents": self.documents,
            "image": image,
            "call_id": call_id,
        }


class Written(NamedTuple):
    """The result of writing a shard's table. rows, quarantined: how many; metadata: numbers that the UI plots; counts:
    others."""

    rows: int
    quarantined: int
    metadata: Metadata
    counts: Mapping[str, float]


@dataclass(frozen=True)
class Shard(Generic[Row]):
    """One shard of a step's table, about to be written: where, with what, and from which tables (`upstream`)."""

    table: Table[Row]
    name: str
    store: Store
    made_with: StepRecipe
    upstream: Mapping[str, str]

    @classmethod
    def of(
        cls,
        context: dg.AssetExecutionContext,
        step: Step,
        table: Table[Row],
        store: StoreResource,
        recipe: RecipeResource,
    ) -> "Shard[Row]":
        """The shard that a run is for. Raises RecipeError; StorageError where the disk has no room."""
        made_with, tables, name = recipe.of(step), store.create(), context.partition_key
        require_room(tables.home)
        return cls(table, name, tables, made_with, upstream_contents(step, tables, [name]))

    @property
    def recipe(self) -> Recipe:
        """With the fields that the step declares, and no other."""
        return self.made_with.recipe

    @property
    def settings(self) -> Settings:
        """The LWV_* settings of this run."""
        return self.made_with.settings

    def write(
        self,
        rows: Iterable[Row],
        quarantined: Sequence[SetAside] = (),
        endpoints: Sequence[Endpoint] = (),
        student: str = "",
    ) -> int:
        """Write the rows, and what was set aside; returns the number of rows. endpoints: that were asked; student: the
        checkpoint that wrote, which has none."""
        identity = self.made_with.identity(self.table.version, self.upstream, endpoints)
        if student:
            identity = replace(identity, models={**identity.models, "student": student})
        count = self.store.write_table(self.table, self.name, rows, identity)
        write_quarantine(self.store, self.table.name, self.name, quarantined)
        return count

    def result(
        self, rows: int, quarantined: int, metadata: Metadata, counts: Mapping[str, float | None] | None = None
    ) -> dg.MaterializeResult[None]:
        """What Dagster keeps: the data's version, which is a hash of the rows, where the file is and what made it, and
        `metadata`: at most nine numbers, the same in each run, because the UI plots each. counts: as a table."""
        path = self.store.table_path(self.table.name, self.name)
        identity = self.store.identity(self.table.name, self.name)
        assert identity is not None, f"{path} was written without its identity"
        return dg.MaterializeResult(
            data_version=dg.DataVersion(identity.content),
            tags=version_tags(self.made_with),
            metadata={
                "dagster/partition_row_count": rows,
                "rows": rows,
                "quarantined": quarantined,
                "path": dg.MetadataValue.path(str(path)),
                **identity_metadata(identity),
                **{name: shown(value) for name, value in metadata.items() if value is not None},
                **counts_table(counts or {}),
            },
        )


def write_with_model(
    shard: Shard[Row],
    engine: ModelEngine,
    items: Sequence[Item],
    work: Callable[[Item], Awaitable[list[Row]]],
    describe: Callable[[Item], Ids],
    role: Role,
    expected_calls: int = 0,
) -> Written:
    """Write the shard's table from what a model answers.

    work: item -> its rows. describe: item -> its ids, for the quarantine. What people dropped is not asked for.
    expected_calls: as the forecast has it, for the time left. Raises EndpointError or StoppedError; nothing is written
    then, and answered calls stay in the ledger.
    """
    results: dict[int, list[Row]] = {}
    failed: dict[int, SetAside] = {}
    kinds = Counter[str]()
    dropped = quarantine_decisions(decisions_of(shard.store.home, kind="quarantined")).dropped
    for index, ids in enumerate(map(describe, items) if dropped else ()):
        if item_target(shard.table.name, ids.example_id or ids.document_id).id in dropped:
            failed[index] = ids.set_aside("dropped: a person keeps it out")
            kinds["quarantined_dropped"] += 1

    async def answer() -> None:
        async with engine:
            numbered = [(index, item) for index, item in enumerate(items) if index not in failed]
            what = f"{shard.table.name} {shard.name}"
            async for (index, item), result in engine.run(
                numbered, lambda pair: work(pair[1]), role, what, expected_calls
            ):
                if isinstance(result, AnswerError):
                    ids = describe(item)
                    failed[index] = ids.set_aside(f"{result.kind}: {result}", result.image, result.call_id)
                    kinds[f"quarantined_{result.kind}"] += 1
                else:
                    results[index] = result

    run(answer())
    endpoint = engine.endpoints[role]
    rows = (row for index in sorted(results) for row in results[index])
    quarantined = [failed[index] for index in sorted(failed)]
    count = shard.write(rows, quarantined, [endpoint])
    model = endpoint.model
    return Written(
        count,
        len(failed),
        {
            **engine.tally.metadata(),
            "model": f"{model} (embedded: written-down heuristics, not a model's quality)"
            if endpoint.embedded
            else model,
        },
        {**dict(sorted(kinds.items())), **engine.tally.counts()},
    )


def shown(value: MetadataEntry) -> MetadataEntry:
    """A text in metadata as the UI may show it: without secrets and control characters; any other value as it is."""
    return visible(mask(value)) if isinstance(value, str) else value


def identity_metadata(identity: TableIdentity) -> Metadata:
    """What made a table, as the UI shows it."""
    return {
        "recipe": identity.recipe_hash,
        "schema_version": str(identity.schema_version),  # no number: the UI would plot it
        "made_with": dg.MetadataValue.json(identity.as_json()),
    }
