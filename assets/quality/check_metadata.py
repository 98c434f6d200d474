"""What Dagster shows of a verdict: the numbers, the first violations as a table, and a link to all of them."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import dagster as dg

from assets.quality.outcome import Finding, Violation
from resources.settings import Settings

SHOWN = 10  # violations; all of them are in the report, and in `lwv look`


def check_metadata(
    asset: str, shard: str, rule: str, metadata: Mapping[str, Finding], found: Sequence[Violation]
) -> dict[str, dg.MetadataValue | Finding]:
    """metadata, found: of the outcome. The UI draws a table inline; lists, JSON and Markdown hide behind a button."""
    shown: dict[str, dg.MetadataValue | Finding] = {
        name: value for name, value in metadata.items() if not isinstance(value, list)
    }
    if found:
        rows = [dg.TableRecord({"what": each.where or each.id, "why": each.why, "id": each.id}) for each in found]
        schema = dg.TableSchema([dg.TableColumn(name, "string") for name in ("what", "why", "id")])
        shown["violations"] = dg.MetadataValue.table(rows[:SHOWN], schema)
        shown["all"] = dg.MetadataValue.url(violations_address(asset, shard, rule))
    return shown


def violations_address(asset: str, shard: str, rule: str) -> str:
    """The page of `lwv look` that has all that breaks a rule, each with its page."""
    asked = urlencode({"check": f"{asset}.{rule}", "shard": shard})
    return f"http://127.0.0.1:{Settings().look_port}/violations?{asked}"
