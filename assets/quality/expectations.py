"""Great Expectations over a flattened frame: a list of expectations in, an outcome per rule out."""

from collections.abc import Sequence
from typing import TypedDict

import pandas as pd

from assets.quality.outcome import MOST_NAMED, Expectation, Finding, Outcome, some

_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": MOST_NAMED}


class ExpectationConfig(TypedDict):
    """An expectation as its result names it."""

    type: str
    kwargs: dict[str, object]
    meta: dict[str, str]


class ExpectationDetails(TypedDict, total=False):
    """What an expectation found; which of these it has depends on its type."""

    unexpected_count: int | None
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
    metadata: dict[str, Finding] = {"unexpected": unexpected, "expectations": len(results)}
    notes, examples = list[str](), list[str]()
    for result in results:
        if isinstance(observed := _details(result).get("observed_value"), int | float):
            metadata.setdefault("observed", observed)
    for result in failed:
        kind, details = result["expectation_config"]["type"], _details(result)
        arguments = {
            name: value for name, value in result["expectation_config"]["kwargs"].items() if name != "batch_id"
        }
        if _raised(result.get("exception_info")):
            notes.append(f"could not evaluate {kind} {arguments}")
        else:
            notes.append(f"{kind} {arguments}")
        examples += [
            str(row.get(id_column))
            for row in details.get("partial_unexpected_index_list") or []
            if isinstance(row, dict)
        ]
    if examples:
        metadata["examples"] = examples[:10]
    named = f": {some(examples, unexpected)}" if examples else ""
    return Outcome(rule, not failed, metadata, "; ".join(notes)[:500] + named, examples)


def _details(result: ExpectationResult) -> ExpectationDetails:
    return result.get("result") or {}


def _raised(info: object) -> bool:
    """True where an exception is recorded: flat, or one level down under a metric's id."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(_raised(value) for value in info.values())
