"""Which segments of the queue are asked for, in what order and from where on: an address both ways, and SQL. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

AT_ONCE = 50  # segments on a page
MOST_OFFSET = 10**9
MOST_VALUE = 300  # characters
STATES = ("no", "yes", "contested", "stale")
ORDERS: Mapping[str, tuple[str, str]] = {  # name in the address -> (what it is called, SQL)
    "-doubt": ("worst doubt first", "doubt DESC"),
    "doubt": ("least doubt first", "doubt"),
    "id": ("by example", "segment_id"),
    "-words": ("longest first", "words DESC"),
    "words": ("shortest first", "words"),
    "length_score": ("worst length first", "length_score NULLS LAST"),
    "-edit_share": ("most changed by the critic first", "edit_share DESC NULLS LAST"),
    "page_share": ("least of its page used first", "page_share NULLS LAST"),
    "-repeated_share": ("most repeated first", "repeated_share DESC"),
    "-cost_usd": ("dearest first", "cost_usd DESC NULLS LAST"),
    "-tokens": ("most tokens first", "tokens DESC NULLS LAST"),
}
_ID = re.compile(r"[0-9a-f]{6,16}(?:-[0-9a-z_-]*)?")
# Of each filter by name: what it asks of a row of `signals`; its values are a list, of which any will do.
_WHERE: Mapping[str, str] = {
    "shard": "list_contains($shard, shard)",
    "split": "list_contains($split, split)",
    "kind": "list_contains($kind, kind)",
    "language": "list_contains($language, language)",
    "model": "list_contains($model, author)",
    "prompt": "len(list_filter($prompt, lambda each: starts_with(template, each))) > 0",
    "rule": "list_has_any(rules || list_transform(rules, lambda each: split_part(each, '.', 2)), $rule)",
    "error": "list_has_any(errors, $error)",
    "part": "list_has_any(list_transform(parts, lambda each: each.part), $part)",
}
_DECIDED: Mapping[str, str] = {
    "no": "coalesce(state, '') <> 'decided'",
    "yes": "state = 'decided'",
    "contested": "state = 'contested'",
    "stale": "state = 'stale'",
}
_FOUND = "segment_id IN (SELECT segment_id FROM found)"
# A text is looked for as it was typed, in small and large letters and with a capital: each far faster than without
# regard to letters at all.
_SEARCH = """
    SELECT segment_id FROM segments WHERE list_bool_or([contains(text, each) FOR each IN $texts])
    UNION SELECT segment_id FROM corrected_segments WHERE list_bool_or([contains(text, each) FOR each IN $texts])
    UNION SELECT segment_id FROM signals WHERE document_id IN
      (SELECT document_id FROM source_images WHERE source_path ILIKE $like ESCAPE '!')
"""
_BY_ID = "starts_with(segment_id, $id)"


@dataclass(frozen=True)
class Filter:
    """What is asked for; each field is a name in the address, empty where anything will do. Several values stand with
    commas between them, and any of them will do."""

    shard: str = ""
    split: str = ""
    kind: str = ""
    language: str = ""
    model: str = ""
    prompt: str = ""
    rule: str = ""
    error: str = ""
    part: str = ""
    decided: str = ""
    q: str = ""
    sort: str = "-doubt"
    offset: int = 0

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> "Filter":
        """The filter in an address's query. What is not understood is left out."""
        values: dict[str, Any] = {
            each.name: asked[each.name][:MOST_VALUE].strip()
            for each in fields(cls)
            if each.name in asked and each.type is not int
        }
        if values.get("decided", "") not in ("", *STATES):
            del values["decided"]
        if values.get("sort", "") not in ORDERS:
            values.pop("sort", None)
        offset = asked.get("offset", "")
        if offset.isascii() and offset.isdecimal():
            values["offset"] = min(int(offset[:12]), MOST_OFFSET)
        return cls(**values)

    def query(self, **changes: Any) -> str:
        """It as an address's query, with some fields changed; without what is as it is by default."""
        changed = replace(self, **changes)
        given = {each.name: getattr(changed, each.name) for each in fields(self)}
        return urlencode({name: value for name, value in given.items() if value != getattr(Filter, name)})

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """(name, value) of each field that narrows the queue."""
        return [(name, getattr(self, name)) for name in (*_WHERE, "decided", "q") if getattr(self, name)]

    def sql(self, select: str, tail: str = "") -> tuple[str, dict[str, object]]:
        """The statement over `signals`, `standing` and `found`, and its values. select, tail: SQL of ours."""
        conditions, values = list(self._conditions()), self._values()
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        joined = "LEFT JOIN standing USING (segment_id)" if self.decided else ""
        return f"SELECT {select} FROM signals {joined} {where} {tail}", values  # noqa: S608  # values are bound

    def search_sql(self) -> tuple[str, dict[str, object]] | None:
        """The statement that gives the ids of `found`; None where no text is looked for."""
        if not self.q or _ID.fullmatch(self.q):
            return None
        like = re.sub(r"([!%_])", r"!\1", self.q)
        forms = dict.fromkeys((self.q, self.q.lower(), self.q.upper(), self.q.capitalize(), self.q.title()))
        return _SEARCH, {"texts": list(forms), "like": f"%{like}%"}

    def page_sql(self) -> tuple[str, dict[str, object]]:
        """The ids and shards of one page of it, in order."""
        order = ORDERS[self.sort][1]
        return self.sql("segment_id, shard", f"ORDER BY {order}, segment_id LIMIT {AT_ONCE} OFFSET {int(self.offset)}")

    def _conditions(self) -> Iterator[str]:
        yield from (condition for name, condition in _WHERE.items() if getattr(self, name))
        if self.decided:
            yield _DECIDED[self.decided]
        if self.q:
            yield _BY_ID if _ID.fullmatch(self.q) else _FOUND

    def _values(self) -> dict[str, object]:
        values: dict[str, object] = {
            name: [value.strip() for value in given.split(",")] for name in _WHERE if (given := getattr(self, name))
        }
        return values | ({"id": self.q} if _ID.fullmatch(self.q) else {})
