"""The Dagster side of `resources`: typed factories whose `create` gives assets plain objects, and clear failures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import dagster as dg

from resources.decisions.people import People
from resources.decisions.quarantined import quarantine_decisions
from resources.endpoints import Endpoint, endpoints_from_env
from resources.engine import ModelEngine, StoppedError
from resources.engine.money import Budget, read_prices, require_prices
from resources.failures import EndpointError, StorageError
from resources.gpus import visible_gpus
from resources.ledger import Ledger
from resources.messages import Role
from resources.recipe.read import RecipeError
from resources.secrets import mask, raise_without_secrets, without_secrets
from resources.settings import SettingError, Settings
from resources.storage_faults import why
from resources.store import DamagedTableError, MissingImageError, MissingTableError, Store
from resources.text.shown import visible
from resources.vllm.served_endpoints import Serving, require_servable

# What an asset tells Dagster of its data, by name: the UI plots numbers; a MetadataValue says how it is shown.
MetadataEntry: TypeAlias = dg.MetadataValue | str | float | list[str] | list[int] | None
Metadata: TypeAlias = Mapping[str, MetadataEntry]
LEDGER_ALONE_TAG = "lwv/ledger_alone"  # of a run that may ask no model: what was never answered stops it
BUDGET_TAG = "lwv/budget"  # of a run: whose budget its calls are counted in, where that is not its own


class StoreResource(dg.ConfigurableResource["StoreResource"]):
    """The factory's folder. `home` unset: LWV_HOME, else `.lwv` in the working directory."""

    home: str | None = None

    def create(self) -> Store:
        """The store that assets read and write."""
        return Store(Path(self.home) if self.home else Settings().absolute().home)


class SourcesResource(dg.ConfigurableResource["SourcesResource"]):
    """Where source documents lie and how they are read. `path` unset: LWV_SOURCES, else `samples`."""

    path: str | None = None

    def settings(self) -> Settings:
        """The settings with absolute paths, `sources` replaced where `path` is set."""
        found = Settings().absolute()
        return found.model_copy(update={"sources": Path(self.path)}) if self.path else found


class ModelsResource(dg.ConfigurableResource["ModelsResource"]):
    """The three roles' endpoints, from LWV_<ROLE>_*, behind one engine with the factory's ledger."""

    def engine(self, store: Store, run: dg.DagsterRun) -> ModelEngine:
        """The engine of one step; all steps of the run share its budget (LWV_BUDGET_USD, _TOKENS), and so do all runs
        of one command, which have the same BUDGET_TAG.

        Raises EndpointError where the settings do not fit together, or a budget in dollars meets an unknown price.
        """
        settings, endpoints = Settings(), endpoints_from_env()
        return self.engine_of(endpoints, store, run, settings)

    def engine_of(
        self,
        endpoints: Mapping[Role, Endpoint],
        store: Store,
        run: dg.DagsterRun,
        settings: Settings,
        size: Mapping[str, int] | None = None,
    ) -> ModelEngine:
        """`engine` for these endpoints. size: pixels of an image where a server of ours is started (`Serving`)."""
        alone = LEDGER_ALONE_TAG in run.tags
        for endpoint in () if alone else endpoints.values():
            require_servable(endpoint, settings)
        prices = read_prices(settings.prices)
        require_prices(endpoints, prices, settings.budget_usd)
        ledger = Ledger.at(store.home)
        return ModelEngine(
            endpoints,
            ledger,
            store.read_image,
            prices,
            Budget(settings.budget_usd, settings.budget_tokens),
            run.tags.get(BUDGET_TAG, run.run_id),
            alone,
            quarantine_decisions(People(ledger).decisions(kind="quarantined")).again,
            Serving(store.home, settings, size),
        )


class GpuResource(dg.ConfigurableResource["GpuResource"]):
    """The GPUs that a step may use. `device_ids` empty: those in CUDA_VISIBLE_DEVICES, else all; none: the CPU."""

    device_ids: list[int] = []  # noqa: RUF012 (a pydantic field: copied for each instance)

    def devices(self) -> list[int]:
        """Indices of the GPUs to use; empty: the CPU."""
        if self.device_ids:
            return self.device_ids
        return list(range(len(visible_gpus())))

    def env(self) -> dict[str, str]:
        """CUDA_VISIBLE_DEVICES where devices were chosen; otherwise nothing, so the machine's own setting applies."""
        return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, self.device_ids))} if self.device_ids else {}


MOST_NUMBERS = 12  # in the metadata of an asset: each is a plot of its own in the UI


def counts_table(counts: Mapping[str, float | None]) -> Metadata:
    """Counts that are read and not plotted, as one table `counts`; the entries of None are left out."""
    rows = [dg.TableRecord({"what": name, "count": value}) for name, value in counts.items() if value is not None]
    columns = [dg.TableColumn("what", "string"), dg.TableColumn("count", "float")]
    return {"counts": dg.MetadataValue.table(rows, dg.TableSchema(columns))} if rows else {}


def mean(total: float, count: int) -> float | None:
    """total / count, for metadata; None where there is nothing to take a mean of: the entry is left out."""
    return total / count if count else None


@contextmanager
def clear_failures(*more: type[Exception]) -> Iterator[None]:
    """Known errors end the step with their one sentence instead of a stack trace, and without a retry. No error goes on
    with a secret in its words or those of its causes."""
    known: tuple[type[Exception], ...] = (
        DamagedTableError,
        MissingImageError,
        EndpointError,
        StorageError,
        MissingTableError,
        RecipeError,
        SettingError,
        StoppedError,
        *more,
    )
    try:
        yield
    except known as error:
        counter = {f"failed_{error.kind}": 1} if isinstance(error, EndpointError) else {}
        says = visible(mask(str(error)))
        raise dg.Failure(description=says, metadata=counter, allow_retries=False) from without_secrets(error)
    except Exception as error:
        cause = why(error, Settings().absolute().home)
        if cause is None:
            raise_without_secrets(error)
        raise dg.Failure(description=visible(mask(cause)), allow_retries=False) from without_secrets(error)
