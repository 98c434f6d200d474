"""What the calls cost, out of the ledger: by step, role, model, prompt version, shard; what was lost; the forecasts."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import and_, case, func, or_, select

from assets.benchmark_scores.score_files import MODELS
from assets.long_outputs.kept_forecast import KeptForecast, forecast_path, read_forecast
from assets.quality_report.kept_files import KeptFiles
from resources.ledger import CALLS, Ledger
from resources.store import Store

DOCUMENT = 16  # characters of an id that name its document


class Spent(NamedTuple):
    """Some calls. tokens: of prompts and answers; usd: US dollars."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0


class Group(NamedTuple):
    """What calls of one kind about one document took. again: second tries; failed: no usable answer."""

    document: str
    step: str
    role: str
    model: str
    template: str
    again: bool
    failed: bool
    spent: Spent


@dataclass(frozen=True)
class Forecast:
    """Of all shards that have one, beside what their writing took. usd: low, high; None where a price is missing."""

    shards: int
    calls: tuple[float, float]
    tokens: tuple[float, float]
    usd: tuple[float, float] | None
    actual: Spent


@dataclass(frozen=True)
class Costs:
    """by: what it is told by -> name -> what was spent. per_row: data set -> US dollars a row. lost: why -> what."""

    total: Spent = field(default_factory=Spent)
    by: Mapping[str, Mapping[str, Spent]] = field(default_factory=dict)
    per_row: Mapping[str, float] = field(default_factory=dict)
    lost: Mapping[str, Spent] = field(default_factory=dict)
    forecast: Forecast | None = None


BY: dict[str, Callable[[Group], str]] = {
    "step": lambda group: group.step,
    "role": lambda group: group.role,
    "model": lambda group: group.model,
    "prompt version": lambda group: group.template,
}


def spent_groups(ledger: Ledger) -> Iterator[Group]:
    """All calls of the ledger, added up by the database."""
    judged = [f"judge-{model}" for model in MODELS]
    step = case(
        (CALLS.c.role == "critic", "corrected_segments"),
        (and_(CALLS.c.role == "judge", CALLS.c.step.in_(judged)), "benchmark_scores"),
        (CALLS.c.role == "judge", "preference_pairs"),
        (or_(*(CALLS.c.step.startswith(name) for name in ("plan", "section", "state-length"))), "long_outputs"),
        else_="instructions",
    )
    again = or_(
        CALLS.c.step.contains("-rewritten"),
        CALLS.c.step.contains("-again"),
        CALLS.c.template.startswith("correct_plan@"),
    )
    failed = CALLS.c.status != "ok"
    keys = (
        func.substr(CALLS.c.sample, 1, DOCUMENT),
        step,
        CALLS.c.role,
        CALLS.c.model,
        CALLS.c.template,
        again,
        failed,
    )
    sums = (
        func.count(),
        func.sum(CALLS.c.prompt_tokens + CALLS.c.completion_tokens),
        func.sum(CALLS.c.cost_usd),
    )
    with ledger.connected() as connection:
        for *names, calls, tokens, usd in connection.execute(select(*keys, *sums).group_by(*keys)):
            document, at, role, model, template, second, bad = names
            yield Group(
                document, at, role, model, template, bool(second), bool(bad), Spent(calls, int(tokens), float(usd))
            )


def ledger_stamp(store: Store) -> tuple[object, ...]:
    """Changes with each call that the ledger gets."""
    found = [store.home / name for name in ("calls.db", "calls.db-wal")]
    return tuple((stat.st_mtime_ns, stat.st_size) if (stat := _stat(path)) else None for path in found)


def read_groups(store: Store) -> list[Group]:
    """Of the home's ledger. Raises LedgerError."""
    ledger = Ledger.at(store.home)
    try:
        return list(spent_groups(ledger))
    finally:
        ledger.close()


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def costs_of(
    groups: Sequence[Group],
    shard_of: Mapping[str, str],
    split_of: Mapping[str, str],
    aside: Mapping[str, set[str]],
    rows: Mapping[str, int],
    forecasts: Mapping[str, KeptForecast],
) -> Costs:
    """shard_of, split_of: by document. aside: step -> documents that are in its quarantine. rows: of each data set (its
    split's name). forecasts: by shard."""
    by = {name: defaultdict[str, _Sum](_Sum) for name in (*BY, "shard")}
    lost, of_split, total, written = defaultdict[str, _Sum](_Sum), defaultdict[str, float](float), _Sum(), _Sum()
    for group in groups:
        shard = shard_of.get(group.document, "documents that are gone")
        sums = [total, by["shard"][shard], *(by[name][key(group)] for name, key in BY.items())]
        of_split[split_of.get(group.document, "")] += group.spent.usd
        if group.failed or group.again:
            sums.append(lost["answers of no use" if group.failed else "second tries and rewrites"])
        elif group.document in aside.get(group.step, ()):
            sums.append(lost["documents in quarantine"])
        if group.step == "long_outputs" and shard in forecasts:
            sums.append(written)
        for each in sums:
            each.add(group.spent)
    per_row = {split: of_split[split] / count for split, count in rows.items() if count}
    told = {name: _dearest(sums) for name, sums in by.items()}
    return Costs(total.spent, told, per_row, _dearest(lost), _together(forecasts, written.spent))


@dataclass
class _Sum:
    """What is added up, a call at a time."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, spent: Spent) -> None:
        self.calls += spent.calls
        self.tokens += spent.tokens
        self.usd += spent.usd

    @property
    def spent(self) -> Spent:
        return Spent(self.calls, self.tokens, self.usd)


def _dearest(sums: Mapping[str, _Sum]) -> dict[str, Spent]:
    found = {name: each.spent for name, each in sums.items()}
    return dict(sorted(found.items(), key=lambda item: (-item[1].usd, -item[1].tokens)))


def read_forecasts(store: Store, kept: KeptFiles) -> dict[str, KeptForecast]:
    """By shard."""
    paths = sorted(forecast_path(store, "any").parent.glob("*.json"))
    return {path.stem: forecast for path in paths if (forecast := kept.of(path, read_forecast))}


def _together(forecasts: Mapping[str, KeptForecast], actual: Spent) -> Forecast | None:
    found = list(forecasts.values())
    if not found:
        return None

    def both(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return sum(low for low, _ in pairs), sum(high for _, high in pairs)

    dollars = [each["usd"] for each in found if each["usd"] is not None]
    usd = both(dollars) if len(dollars) == len(found) else None
    return Forecast(
        len(found), both([each["calls"] for each in found]), both([each["tokens"] for each in found]), usd, actual
    )
