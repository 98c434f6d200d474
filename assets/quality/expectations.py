"""Great Expectations over a flattened frame: a list of expectations in, an outcome per rule out."""

from collections.abc import Sequence
from typing import Any

from assets.quality.outcome import Outcome

_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 10}


def run_expectations(frame: Any, expectations: Sequence[Any], id_column: str) -> list[Outcome]:
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
    results = batch.validate(suite, result_format=result_format).to_json_dict()["results"]
    grouped: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        grouped.setdefault(result["expectation_config"]["meta"]["check"], []).append(result)
    return [_outcome(rule, found, id_column) for rule, found in grouped.items()]


def _outcome(rule: str, results: list[dict[str, Any]], id_column: str) -> Outcome:
    failed = [result for result in results if not result["success"]]
    metadata: dict[str, Any] = {"unexpected": 0, "expectations": len(results)}
    notes, examples = [], []
    for result in results:
        details = result.get("result") or {}
        metadata["unexpected"] += int(details.get("unexpected_count") or 0)
        if isinstance(details.get("observed_value"), int | float):
            metadata.setdefault("observed", details["observed_value"])
    for result in failed:
        kind, details = result["expectation_config"]["type"], result.get("result") or {}
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
    return Outcome(rule, not failed, metadata, "; ".join(notes)[:500])


def _raised(info: Any) -> bool:
    """True where an exception is recorded: flat, or one level down under a metric's id."""
    if not isinstance(info, dict):
        return False
    return bool(info.get("raised_exception")) or any(_raised(value) for value in info.values())
