"""The forecast of a shard's writing as it was before the first call, kept to be compared with what it took."""

from pathlib import Path
from typing import TypedDict, cast

from assets.long_outputs.writing_forecast import Forecast
from resources.damaged_files import read_object
from resources.failures import StorageError
from resources.store import Store


class KeptForecast(TypedDict):
    """Each pair is low and high."""

    documents: int
    calls: tuple[float, float]
    tokens: tuple[float, float]  # of prompts and answers
    usd: tuple[float, float] | None  # None: no price was known


def forecast_path(store: Store, shard: str) -> Path:
    """Where it is."""
    return store.home / "reports" / "forecasts" / f"{shard}.json"


def keep_forecast(store: Store, shard: str, forecast: Forecast) -> None:
    """In place of that of an earlier run: a forecast counts as if nothing had been written before."""
    low, high, price = forecast.low, forecast.high, forecast.price
    kept: KeptForecast = {
        "documents": forecast.documents,
        "calls": (low.calls, high.calls),
        "tokens": (low.prompt + low.completion, high.prompt + high.completion),
        "usd": (low.cost(price), high.cost(price)) if price else None,
    }
    store.write_json(forecast_path(store, shard), kept)


def read_forecast(path: Path) -> KeptForecast | None:
    """None where the file is not one."""
    try:
        return cast(KeptForecast, read_object(path, *KeptForecast.__required_keys__))
    except (OSError, StorageError):
        return None
