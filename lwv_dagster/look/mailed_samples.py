"""Segments of the queue as one HTML page that can be mailed: texts, changes, doubts, and their pages as thumbnails."""

import base64
import io
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import click
import pyarrow as pa

from lwv_dagster.look.queue_filter import AT_ONCE, Filter
from lwv_dagster.look.queue_rows import count_of, found_by, page_of
from lwv_dagster.look.rendering import FOLDER, Look, rendered
from lwv_dagster.look.segment_view import View, part_sentences, segment_view
from lwv_dagster.look.tables import TablesError
from resources.recipe.read import read_recipe
from resources.settings import Settings
from resources.store import MissingImageError, Store

MOST = 200  # samples of a page
SIDE, QUALITY = 360, 70  # of a thumbnail: longest side in pixels, JPEG quality
WORDS = tuple(each.name for each in fields(Filter) if each.name != "offset")


class WordError(ValueError):
    """A word of a filter that means nothing; the sentence says what would."""


class Sample(NamedTuple):
    """One segment. pictures: data addresses of its pages; doubts: points, part and sentence of each."""

    view: View
    pictures: list[str]
    doubts: list[tuple[int, str, str]]


def run_export(path: Path, words: Iterable[str]) -> int:
    """`lwv look --export FILE WORDS`. Exit code 2 where a word means nothing or nothing is as it asks."""
    if path.exists() and not path.is_file():
        click.echo(f"lwv look: {path} is no file that can be written: name another.", err=True)
        return 2
    look = Look.at(Settings().absolute().home)
    try:
        asked = filter_of(words)
        standings = look.standing.now(read_recipe().corrections.alike)
        named = found_by(look.tables, asked)
        found = list(samples(look, asked, named))
        if not found:
            click.echo("lwv look: no segment is as the filter asks; nothing was written.", err=True)
            return 2
        html = samples_page(found, asked, count_of(look.tables, asked, standings, named))
        Store(path.parent).write_bytes(path, html.encode("utf-8", "replace"))
    except (WordError, TablesError) as error:
        click.echo(f"lwv look: {error}", err=True)
        return 2
    finally:
        look.close()
    click.echo(f"{len(found)} samples in {path}, {len(html) / 1e6:.1f} MB.")
    return 0


def filter_of(words: Iterable[str]) -> Filter:
    """The queue's filter from `name=value` words; a name that comes twice holds any of its values. Raises WordError."""
    values = dict[str, str]()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in WORDS:
            raise WordError(f"{word!r} is no filter: write name=value, of {', '.join(WORDS)}.")
        values[name] = f"{values[name]},{value}" if name in values else value
    asked = Filter.of(values)
    lost = [name for name, value in values.items() if getattr(asked, name) != value.strip()]
    if lost:
        raise WordError(f"{lost[0]}={values[lost[0]]} is no value that {lost[0]} can have.")
    return asked


def samples(look: Look, asked: Filter, named: pa.Table) -> Iterator[Sample]:
    """The first MOST segments under a filter, in its order. named: of `found_by`."""
    standings = look.standing.now(read_recipe().corrections.alike)
    for offset in range(0, MOST, AT_ONCE):
        rows = page_of(look.tables, replace(asked, offset=offset), standings, named)
        for row in rows:
            if view := segment_view(look.store, row["shard"], row["segment_id"], standings):
                pictures = [picture for image in view.place.images if (picture := thumbnail(look.store, image))]
                yield Sample(view, pictures, part_sentences(view.signal) if view.signal else [])
        if len(rows) < AT_ONCE:
            return


def thumbnail(store: Store, sha256: str) -> str:
    """A stored image as a data address; empty where it is not there or damaged."""
    from PIL import Image

    with suppress(MissingImageError, OSError):
        with Image.open(io.BytesIO(store.read_image(sha256))) as image:
            small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=QUALITY)
        return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
    return ""


def samples_page(found: Iterable[Sample], asked: Filter, total: int) -> str:
    """HTML that asks for no other file. total: how many segments the filter lets through."""
    sheet = (FOLDER / "static" / "look.css").read_text(encoding="utf-8")
    words = [
        f"{name}={value}" for name in WORDS if (value := getattr(asked, name)) and (name, value) != ("sort", "-doubt")
    ]
    return rendered("samples.jinja", samples=list(found), words=words, total=total, sheet=sheet)
