"""A whole data set in a few numbers, out of its provenance: its documents, licences, prompts, models and cost."""

from dataclasses import dataclass
from pathlib import Path

from lwv_dagster.trace.trail import TrailPage


@dataclass(frozen=True)
class Sum:
    """documents: the first page that is shown of each. counts: what -> of which -> how many."""

    documents: list[TrailPage]
    counts: dict[str, dict[str, int]]
    cost_usd: float


COUNTS = {
    "rows by kind": "SELECT kind, count(*) FROM (SELECT unnest(rows).kind AS kind FROM data_set) GROUP BY kind",
    "examples by shard": "SELECT shard, count(*) FROM data_set WHERE shard <> '' GROUP BY shard",
    "documents by licence": (
        "SELECT licence, count(DISTINCT document_id) FROM "
        "(SELECT page.document_id, page.licence FROM (SELECT unnest(pages) AS page FROM data_set)) GROUP BY licence"
    ),
    "calls by model and prompt": (
        "SELECT call.role || ' ' || call.model || ' ' || call.template AS asked, count(*) FROM "
        "(SELECT unnest(calls) AS call FROM data_set) GROUP BY asked"
    ),
    "calls by server": (
        "SELECT call.server, count(*) FROM (SELECT unnest(calls) AS call FROM data_set) GROUP BY call.server"
    ),
}
DOCUMENTS = (
    "SELECT document_id, min(page), arg_min(image, page), arg_min(source_path, page), arg_min(licence, page) FROM "
    "(SELECT unnest(pages, recursive := true) FROM data_set) GROUP BY document_id ORDER BY 4, 1"
)


def sum_up(provenance: Path) -> Sum:
    """The sum of one provenance.parquet."""
    import duckdb

    with duckdb.connect() as connection:
        data_set = connection.read_parquet(str(provenance))
        connection.register("data_set", data_set)
        counts = {
            what: {str(key): int(count) for key, count in sorted(connection.execute(asked).fetchall())}
            for what, asked in COUNTS.items()
        }
        documents = [TrailPage(*row) for row in connection.execute(DOCUMENTS).fetchall()]
        (cost,) = connection.execute("SELECT coalesce(sum(cost_usd), 0.0) FROM data_set").fetchone() or (0.0,)
    return Sum(documents, {what: found for what, found in counts.items() if found}, float(cost))
