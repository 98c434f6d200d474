"""The rule that no table holds what a model thought or its chat template leaked: one for every step that has texts."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from assets.quality.outcome import Context, Outcome, Rule, some, violations
from resources.text.thoughts import model_markup

NO_MODEL_MARKUP = Rule(
    "no_model_markup", "No thought of a model and no mark of its chat template stands in a text, in any column."
)


def no_model_markup(context: Context) -> Outcome:
    """Every text of the shard's table, nested ones too."""
    return markup_in(context.table.to_pylist(), str(context.table.column_names[0]))


def markup_in(rows: Iterable[Mapping[str, object]], id_column: str) -> Outcome:
    """Every text of some rows, named by their id, their column and the mark that was found."""
    bad, total = dict[str, str](), 0
    known: dict[int, str] = {}  # hash of a text -> its mark: what stands in several rows is read once
    for row in rows:
        total += 1
        for column, text in texts_of(row):
            if (key := hash(text)) not in known:
                known[key] = model_markup(text)
            if known[key]:
                bad.setdefault(str(row[id_column]), f"{column}: {known[key]}")
    found = violations(NO_MODEL_MARKUP.name, bad, total, "rows hold a model's thoughts or marks of its template")
    named = some([f"{each.id} {each.why}" for each in found.found], len(bad))
    return found if found.passed else replace(found, description=f"{found.description.partition(':')[0]}: {named}")


def texts_of(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """(column, text) of every text in a row; `sections.heading` is a nested one."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping):
        for key, found in value.items():
            yield from texts_of(found, f"{name}.{key}".strip("."))
    elif isinstance(value, list | tuple):
        for found in value:
            yield from texts_of(found, name)
