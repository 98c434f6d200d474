"""Great Expectations over a flattened frame: a list of expectations in, an outcome per rule out."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pandas as pd

from assets.quality.outcome import (
    ID_CHARACTERS,
    MOST_NAMED,
    WHY_CHARACTERS,
    Expectation,
    Finding,
    Outcome,
    Violation,
    some,
)

_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": MOST_NAMED}


class ExpectationConfig(TypedDict):
    """An expectation as its result names it."""

    type: str
    kwargs: dict[str, object]
    meta: dict[str, str]


class ExpectationDetails(TypedDict, total=False):
    """What an expectation found; which of these it has depends on its type."""

    unexpected_count: int | None
    element_count: int | None
    observed_value: object
    partial_unexpected_index_list: list[object] | None


class ExpectationResult(TypedDict):
    """What Great Expectations says of one expectation, the parts that are read here."""

    success: bool
    expectation_config: ExpectationConfig
    result: ExpectationDetails
    exception_info: object


def run_expectations(frame: pd.DataFrame, expectations: Sequence[Expectation], id_column: str) -> list[Outcome]:
    """Validate a pandas frame; an outcome per rule named in the expectations' meta, passed when all of its are met.

    Results come back reordered, so they are matched by meta, never by place. An expectation that could not be
    evaluated (a missing column) fails its rule and says so. Importing Great Expectations takes 3 s the first time.
    """
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    source = context.data_sources.add_pandas("frame")
    batch = (
        source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    )
    suite = gx.ExpectationSuite("rules", expectations=list(expectations))
    result_format = {**_FORMAT, "unexpected_index_column_names": [id_column]} if id_column in frame else _FORMAT
    verdict = batch.validate(suite, result_format=result_format)
    results: list[ExpectationResult] = verdict.to_json_dict()["results"]
    grouped: dict[str, list[ExpectationResult]] = {}
    for result in results:
        grouped.setdefault(result["expectation_config"]["meta"]["check"], []).append(result)
    return [_outcome(rule, found, id_column) for rule, found in grouped.items()]


def _outcome(rule: str, results: Sequence[ExpectationResult], id_column: str) -> Outcome:
    failed = [result for result in results if not result["success"]]
    unexpected = sum(int(_details(result).get("unexpected_count") or 0) for result in results)
    rows = max((int(_details(result).get("element_count") or 0) for result in results), default=0)
    metadata: dict[str, Finding] = {"unexpected": unexpected, "expectations": len(results)}
    for result in results:
        if isinstance(observed := _details(result).get("observed_value"), int | float):
            metadata.setdefault("observed", observed)
    if not failed:
        return Outcome(rule, True, metadata)
    faults = dict.fromkeys(_fault_or_error(result) for result in failed)
    found = [
        Violation(str(row.get(id_column))[:ID_CHARACTERS], _why(result, row)[:WHY_CHARACTERS])
        for result in failed
        for row in _details(result).get("partial_unexpected_index_list") or []
        if isinstance(row, dict)
    ][:MOST_NAMED]
    count = f"{unexpected} of {rows} rows: " if unexpected else ""
    named = f": {some([each.id for each in found], unexpected)}" if found else ""
    return Outcome(rule, False, metadata, f"{count}{'; '.join(faults)[:500]}{named}", found)


def _fault_or_error(result: ExpectationResult) -> str:
    kind, arguments = result["expectation_config"]["type"], _arguments(result)
    return f"could not evaluate {kind} {arguments}" if _raised(result.get("exception_info")) else _fault(result)


def _fault(result: ExpectationResult) -> str:
    """What is wrong with a row that an expectation did not find good, in a clause: the check's own, or the type's."""
    kind, asked = result["expectation_config"]["type"], _arguments(result)
    column, least, most = asked.get("column"), asked.get("min_value"), asked.get("max_value")
    if own := result["expectation_config"]["meta"].get("why"):
        return own
    match kind.removeprefix("expect_column_"):
        case "values_to_be_unique":
            return f"{column} stands in several rows"
        case "values_to_be_between":
            return f"{column} is {_outside(least, most)}"
        case "values_to_be_in_set":
            return f"{column} is not {_listed(asked.get('value_set'))}"
        case "values_to_not_be_in_set":
            return f"{column} is {_listed(asked.get('value_set'))}"
        case "pair_values_to_be_equal":
            return f"{asked.get('column_A')} and {asked.get('column_B')} differ"
        case "unique_value_count_to_be_between":
            return f"{column} has {_details(result).get('observed_value')} values, which is {_outside(least, most)}"
        case other:
            return f"{other} {asked}"


def _why(result: ExpectationResult, row: Mapping[str, object]) -> str:
    """The clause on one row: what is wrong, and the value that is."""
    asked, own = _arguments(result), result["expectation_config"]["meta"].get("why")
    columns = [name for key in ("column", "column_A", "column_B") if (name := asked.get(key)) in row]
    unique = result["expectation_config"]["type"].endswith("to_be_unique")
    if own or unique:
        return _fault(result)
    if len(columns) > 1:
        return ", ".join(f"{name} is {_told(row[str(name)])}" for name in columns)
    return f"{_fault(result)}: {', '.join(_told(row[str(name)]) for name in columns)}" if columns else _fault(result)


def _outside(least: object, most: object) -> str:
    if most is None:
        return f"under {_told(least)}"
    return f"over {_told(most)}" if least is None else f"not between {_told(least)} and {_told(most)}"


def _listed(values: object) -> str:
    told = [_told(value) for value in values] if isinstance(values, list) else [str(values)]
    return " or ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))


def _told(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value) if value != "" else "empty"


def _arguments(result: ExpectationResult) -> dict[str, object]:
    return {name: value for name, value in result["expectation_config"]["kwargs"].items() if name != "batch_id"}


def _details(result: ExpectationResult) -> ExpectationDetails:
    return result.get("result") or {}


def _raised(info: object) -> bool:
    """True where an exception is recorded: flat, or one level down under a metric's id."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(_raised(value) for value in info.values())
