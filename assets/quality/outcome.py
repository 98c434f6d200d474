"""Data-quality rules and their outcomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import pandas as pd
import pyarrow as pa

from resources.identity import TableIdentity
from resources.recipe.model import Checks, Recipe
from resources.recipe.view import recipe_of_values
from resources.secrets import mask
from resources.store import Store
from resources.text.shown import in_line, visible

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation as GxExpectation

Expectation: TypeAlias = "GxExpectation"  # by name: Great Expectations takes seconds to import
Finding: TypeAlias = str | float | list[str] | None  # a value that a check reports; the UI plots numbers
SOME = 3  # items that a sentence names
MOST_NAMED = 10_000  # of what breaks a rule, that a report names
ID_CHARACTERS, WHY_CHARACTERS = 200, 300  # of a violation


@dataclass(frozen=True)
class Rule:
    """One check as the UI shows it. Blocking: a failure is an ERROR and stops what follows; else it is a WARN."""

    name: str
    description: str
    blocking: bool = True


class Violation(NamedTuple):
    """What breaks a rule: a row by its id, or `<document_id> page <n>`; why, a clause; where, its file and page."""

    id: str
    why: str
    where: str = ""


@dataclass(frozen=True)
class Outcome:
    """The verdict on one rule. metadata: what was found, by name, numbers first. description: a sentence, where it
    failed. found: what breaks it, up to MOST_NAMED."""

    rule: str
    passed: bool
    metadata: dict[str, Finding] = field(default_factory=dict)
    description: str = ""
    found: Sequence[Violation] = ()


def limits_of(identity: TableIdentity | None) -> Checks:
    """The thresholds that hold for what was made so; the defaults where that is unknown."""
    return recipe_of_values(identity.recipe if identity else {}).checks


@dataclass(frozen=True)
class Context:
    """What a rule may read: the shard's table and, through the store, the tables before it."""

    store: Store
    shard: str
    table: pa.Table
    identity: TableIdentity | None = None  # of the table; None: written before tables had one

    @property
    def recipe(self) -> Recipe | None:
        """The recipe that the table was made under, with the fields that its step uses; None where that is unknown."""
        return recipe_of_values(self.identity.recipe) if self.identity and self.identity.recipe else None

    @property
    def limits(self) -> Checks:
        """The thresholds of that recipe; the defaults where it is unknown."""
        return limits_of(self.identity)

    def upstream(self, table: str) -> pa.Table:
        """The table of the same shard that an earlier step wrote. Raises MissingTableError."""
        return self.store.read_table(table, self.shard)


@dataclass(frozen=True)
class AssetRules:
    """The rules of one asset.

    flatten: table -> plain columns (counts, words, ratios, hashes) for Great Expectations, one row per row; nothing
    nested, no long text. expectations: thresholds -> what holds for every row, a function because Great Expectations
    takes seconds to import; each expectation carries `meta={"check": <rule name>}`, and where its column says little,
    `"why": <a clause on a row that breaks it>`. plain: rules that cross rows, tables or files; a function per rule,
    called with the context.
    """

    rules: Sequence[Rule]
    flatten: Callable[[pa.Table], pd.DataFrame]
    expectations: Callable[[Checks], list[Expectation]]
    plain: dict[str, Callable[[Context], Outcome]]

    def __post_init__(self) -> None:
        unknown = set(self.plain) - {rule.name for rule in self.rules}
        if unknown:
            raise ValueError(f"no such rule: {sorted(unknown)}")


@dataclass(frozen=True)
class WholeRules:
    """The rules of an asset that has no shards.

    evaluate: store -> an outcome per rule name. also_reads: assets that it reads besides the checked one.
    """

    rules: Sequence[Rule]
    evaluate: Callable[[Store], Mapping[str, Outcome]]
    also_reads: Sequence[str] = ()


def plain_columns(table: pa.Table, names: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table as a pandas frame."""
    frame: pd.DataFrame = table.select(names).to_pandas()
    return frame


def violations(rule: str, bad: Sequence[str] | Mapping[str, str], total: int, what: str, why: str = "") -> Outcome:
    """The outcome of a rule that no item may violate: passed when `bad` is empty.

    bad: ids, or id -> why it is bad. what: what they are, in the plural. why: the clause of each where `bad` has none.
    """
    clauses = bad if isinstance(bad, Mapping) else {}
    found = [
        Violation(item[:ID_CHARACTERS], clauses.get(item, why)[:WHY_CHARACTERS]) for item in list(bad)[:MOST_NAMED]
    ]
    says = f"{len(bad)} of {total} {what}: {some([each.id for each in found], len(bad))}" if bad else ""
    return Outcome(rule, not bad, {"checked": total, "bad": len(bad)}, says, found)


def some(examples: Sequence[str], count: int) -> str:
    """The first few of `count` items, for a sentence."""
    return ", ".join(examples[:SOME]) + (f" and {count - SOME} more" if count > SOME else "")


def clean_outcome(outcome: Outcome) -> Outcome:
    """The same as reports and the UI show it: without the secrets and control characters that rows and errors hold."""
    metadata = {name: _clean(found) for name, found in outcome.metadata.items()}
    found = [Violation(*(in_line(mask(part)) for part in each)) for each in outcome.found]
    return replace(outcome, metadata=metadata, description=in_line(mask(outcome.description)), found=found)


def with_sentence(rule: Rule, outcome: Outcome) -> Outcome:
    """The same, with a sentence where it failed: that of the rule, where it has none of its own."""
    if outcome.passed or outcome.description:
        return outcome
    return replace(outcome, description=f"This does not hold: {rule.description}")


def _clean(found: Finding) -> Finding:
    if isinstance(found, str):
        return visible(mask(found))
    return [in_line(mask(text)) for text in found] if isinstance(found, list) else found
