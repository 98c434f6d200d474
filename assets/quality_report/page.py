"""The report as one self-contained HTML page: verdicts per shard, pictures, quarantine, scores."""

import base64
from collections.abc import Sequence
from html import escape

from assets.benchmark_scores.scores import ScoreTable
from assets.quality.quarantine import QuarantineRow
from assets.quality.report import Report
from assets.source_files.schema import SourceFile
from resources.secrets import mask
from resources.text.shown import number_of, visible

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid #ddd;padding:.3rem .7rem;
text-align:left;vertical-align:top}.ok{color:#176f2c}.warn{color:#9a6700}.bad{color:#b42318;font-weight:600}
.waiting{color:#777}
.pictures{display:flex;flex-wrap:wrap;gap:1rem}img{border:1px solid #eee}.note{background:#fff8e1;padding:.6rem 1rem}"""


def render_page(
    notes: Sequence[str],
    reports: Sequence[Report],
    quarantine: Sequence[QuarantineRow],
    pictures: Sequence[bytes],
    scores: ScoreTable | None,
    files: str,
    unread: Sequence[SourceFile],
) -> str:
    """HTML. notes: shown first. reports: one per asset and shard. pictures: PNG bytes. scores: None before any. files:
    the account of files in a sentence; unread: those that were not read, or the first of them."""
    images = "".join(f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}">' for png in pictures)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Factory report</title><style>{_STYLE}</style>",
        "<h1>Factory report</h1>",
        *(f'<p class="note">{_text(note)}</p>' for note in notes),
        f'<div class="pictures">{images}</div>',
        "<h2>Checks, by asset and shard</h2>",
        _verdicts(reports),
    ]
    if scores:
        parts += [
            f"<h2>Scores</h2><p>{_text(scores['harness'])}; judge: {_text(scores['judge'])}</p>",
            _table(("model", "items", "S", "S_l", "S_l released", "S_q", "words"), scores["rows"]),
        ]
    parts += [
        "<h2>Quarantine</h2>",
        _table(
            ("step", "what", "why"),
            [(row["step"], row["source"], row["reason"]) for row in quarantine],
        )
        if quarantine
        else "<p>Nothing.</p>",
        "<h2>Files</h2>",
        f"<p>{_text(files or 'They were not counted yet.')}</p>",
        _table(("file", "bytes", "what became of it", "why"), [_file(row) for row in unread]) if unread else "",
    ]
    return "\n".join(parts)


def _text(value: object) -> str:
    """As HTML shows it, in a text or an attribute: files and models may say anything."""
    return escape(visible(mask(str(value))))


def _file(row: SourceFile) -> tuple[str, str, str, str]:
    return row["path"], f"{row['bytes']:,}", row["became"], row["why"]


def _verdicts(reports: Sequence[Report]) -> str:
    shards = sorted({report["shard"] for report in reports})
    assets = list(dict.fromkeys(report["asset"] for report in reports))
    found = {(report["asset"], report["shard"]): report for report in reports}
    rows = [
        f"<tr><th>{_text(asset)}</th>" + "".join(_cell(found.get((asset, shard))) for shard in shards) + "</tr>"
        for asset in assets
    ]
    return f"<table><tr><th></th>{''.join(f'<th>{_text(shard)}</th>' for shard in shards)}</tr>{''.join(rows)}</table>"


def _cell(report: Report | None) -> str:
    if report is None:
        return '<td class="waiting">not made yet</td>'
    off = [outcome["rule"] for outcome in report["outcomes"] if not outcome["passed"]]
    css = "ok" if not off else ("warn" if report["passed"] else "bad")
    text = (
        f"{number_of(report['rows'], 'row')}, {len(report['outcomes']) - len(off)} of {len(report['outcomes'])} passed"
    )
    return f'<td class="{css}">{text}{"".join(f"<br>{_text(rule)}" for rule in off)}</td>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
