"""The identity of a table: what made it, kept in the file itself, so that tables made differently can be told apart."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Self, TypedDict

_KEY = b"lwv.identity"
HASH_DIGITS = 12
UNKNOWN_RECIPE = "unknown recipe"  # of a table that was written before tables had an identity (0.2)


class IdentityRecord(TypedDict, total=False):
    """A TableIdentity as reports and manifests hold it; empty of what was written before 0.2."""

    schema_version: int
    recipe: Mapping[str, object]
    templates: Mapping[str, str]
    models: Mapping[str, str]
    upstream: Mapping[str, str]
    content: str
    recipe_hash: str


@dataclass(frozen=True)
class TableIdentity:
    """What made one shard's table.

    schema_version: `Table.version`. recipe: each recipe field (`pairs.margin`) and setting (`LWV_MAX_SIDE`) that the
    step uses, with its value. templates: prompt file -> first digits of its sha256. models: role -> model and server;
    `student` -> the checkpoint that wrote drafts.
    upstream: table -> its content. content: sha256 (hex) over the rows; empty until they are written.
    """

    schema_version: int
    recipe: Mapping[str, object] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    upstream: Mapping[str, str] = field(default_factory=dict)
    content: str = ""

    @property
    def recipe_hash(self) -> str:
        """The name of the recipe as far as this step uses it, prompts included: 12 hex digits."""
        return short_hash([self.recipe, self.templates])

    def with_content(self, content: str) -> Self:
        """The same identity once the rows are written."""
        return replace(self, content=content)

    def as_json(self) -> IdentityRecord:
        """As reports and manifests hold it, with the recipe's hash."""
        return {
            "schema_version": self.schema_version,
            "recipe": self.recipe,
            "templates": self.templates,
            "models": self.models,
            "upstream": self.upstream,
            "content": self.content,
            "recipe_hash": self.recipe_hash,
        }

    def as_metadata(self) -> dict[str, str]:
        """As the Parquet file holds it."""
        return {_KEY.decode(): json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)}


def read_identity(metadata: Mapping[bytes, bytes] | None) -> TableIdentity | None:
    """The identity in a Parquet file's metadata; None where it has none, or one that cannot be read."""
    try:
        found = TableIdentity(**json.loads((metadata or {})[_KEY]))
    except (KeyError, TypeError, ValueError):
        return None
    parts = (found.recipe, found.templates, found.models, found.upstream)
    whole = isinstance(found.schema_version, int) and isinstance(found.content, str)
    return found if whole and all(isinstance(part, dict) for part in parts) else None


def short_hash(value: object) -> str:
    """First 12 hex digits of the sha256 over the value as JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def recipe_differences(some: TableIdentity, others: TableIdentity) -> list[str]:
    """Names of what two identities differ in: recipe fields, settings, prompts, `schema_version`."""
    versions = ({"schema_version": some.schema_version}, {"schema_version": others.schema_version})
    pairs = ((some.recipe, others.recipe), (some.templates, others.templates), versions)
    return sorted(
        name for left, right in pairs for name in {*left, *right} if left.get(name, _ABSENT) != right.get(name, _ABSENT)
    )


_ABSENT = object()
