"""The rules that the account of files must keep."""

from collections import Counter

from assets.quality.outcome import Outcome, Rule, WholeRules, violations
from assets.source_files.summary import file_rows
from resources.store import Store

RULES = (
    Rule("paths_unique", "No file has two rows."),
    Rule("reasons_given", "Each file that was not read says why, and each that was is of a document."),
)


def evaluate(store: Store) -> dict[str, Outcome]:
    """The outcome of every rule on what the asset wrote last."""
    paths, silent = Counter[str](), list[str]()
    for row in file_rows(store):
        paths[row["path"]] += 1
        if not row["why"] and not (row["became"] == "read" and row["document_id"]):
            silent.append(row["path"])
    doubled = [path for path, count in paths.items() if count > 1]
    found = (
        violations(
            "paths_unique",
            doubled,
            paths.total(),
            "rows are of a file that has another one",
            "several rows are of this file",
        ),
        violations(
            "reasons_given", silent, paths.total(), "files have neither a document nor a reason", "it has neither"
        ),
    )
    return {outcome.rule: outcome for outcome in found}


CHECKS = WholeRules(RULES, evaluate)
