"""The pages of what is wrong: all that breaks a rule, and all that is in a step's quarantine."""

from collections.abc import Mapping
from itertools import islice
from math import ceil
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assets.quality.quarantine import read_quarantine
from assets.quality.quarantine_share import kind_of
from assets.source_files.summary import unread_rows
from assets.steps import STEP_OF
from lwv_dagster.look.rendering import Look, look_of, page
from lwv_dagster.look.violation_view import shown, verdicts

ON_A_PAGE = 50
MOST_FILES = 10_000
Line = Mapping[str, str]


def violations(request: Request) -> Response:
    """`check=<asset>.<rule>`, and `shard` where it is about one."""
    look, asked = look_of(request), request.query_params
    asset, _, rule = asked.get("check", "").partition(".")
    if asset not in STEP_OF or not rule:
        raise HTTPException(
            404, "Name a check: /violations?check=long_outputs.length_near, and &shard=… for one shard."
        )
    found = verdicts(look, asset, rule, _shard(asked))
    if not found:
        raise HTTPException(404, f"There is no report of {asset}.{rule}: run its checks, then load this page again.")
    everything = [(each.shard, violation) for each in found for violation in each.found]
    number, pages = _page_number(asked, len(everything))
    some = everything[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    return page(
        request,
        "violations.jinja",
        title=f"{asset}.{rule}",
        check=f"{asset}.{rule}",
        failed=[each for each in found if not each.outcome["passed"]],
        shards=len(found),
        blocking=any(each.outcome["blocking"] for each in found),
        total=len(everything),
        rows=shown(look, some),
        paging=_paging("/violations", asked, number, pages),
        notes=look.tables.notes("source_images", "segments"),
    )


def losses(request: Request) -> Response:
    """`step=<asset>`, and `kind` and `shard` where it is about one of them; `step=source_files`: files not read."""
    look, asked = look_of(request), request.query_params
    step, kind = asked.get("step", ""), asked.get("kind", "")
    if step not in STEP_OF:
        raise HTTPException(404, "Name a step: /losses?step=long_outputs, and &kind=… for one kind of reason.")
    lines = _files(look) if step == "source_files" else _aside(look, step, kind, _shard(asked))
    number, pages = _page_number(asked, len(lines))
    return page(
        request,
        "losses.jinja",
        title=f"Lost at {step}",
        step=step,
        kind=kind,
        total=len(lines),
        rows=lines[(number - 1) * ON_A_PAGE : number * ON_A_PAGE],
        paging=_paging("/losses", asked, number, pages),
    )


def _files(look: Look) -> list[Line]:
    return [
        {"what": row["path"], "why": row["why"] or row["became"], "shard": "", "id": ""}
        for row in islice(unread_rows(look.store), MOST_FILES)
    ]


def _aside(look: Look, step: str, kind: str, shard: str) -> list[Line]:
    folder = look.home / "tables" / "quarantine" / step
    shards = [path.stem for path in sorted(folder.glob("*.parquet")) if shard in ("", path.stem)]
    return [
        {"what": row["source"], "why": row["reason"], "shard": name, "id": row["example_id"] or row["document_id"]}
        for name in shards
        for row in read_quarantine(look.store, step, name)
        if kind in ("", kind_of(row["reason"]) or "other")
    ]


def _shard(asked: Mapping[str, str]) -> str:
    """A shard's name is the name of a file: no path."""
    shard = asked.get("shard", "")
    if "/" in shard or "\\" in shard or "\0" in shard:
        raise HTTPException(404, "There is no such shard.")
    return shard


def _page_number(asked: Mapping[str, str], rows: int) -> tuple[int, int]:
    pages = max(1, ceil(rows / ON_A_PAGE))
    number = asked.get("page", "1")
    return (min(max(1, int(number)), pages) if number.isascii() and number.isdigit() else 1), pages


def _paging(address: str, asked: Mapping[str, str], number: int, pages: int) -> Mapping[str, object]:
    def of(other: int) -> str:
        return f"{address}?{urlencode({**asked, 'page': str(other)})}"

    return {
        "number": number,
        "pages": pages,
        "before": of(number - 1) if number > 1 else "",
        "after": of(number + 1) if number < pages else "",
    }


ROUTES = [Route("/violations", violations), Route("/losses", losses)]
