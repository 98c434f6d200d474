"""What a step declares of itself: its place in the lineage, and all that decides the rows it writes."""

from dataclasses import dataclass
from typing import Literal

from resources.messages import Role
from resources.recipe.view import all_fields
from resources.settings import Settings

SHARE = "checks.quarantine_share"  # the recipe's field that the share rule of each sharded step asks for
Job = Literal["shard_job", "drafts_job", "corrections_job", "training_job", "evaluation_job", "report_job"]


@dataclass(frozen=True)
class Step:
    """One step of the lineage, declared in its folder's step.py and listed in assets/steps.py.

    group: as the UI shows it. jobs: those that run it. upstream: assets that it reads; each becomes a dependency.
    optional: those of them that may be missing; a change of their recipe does not make this step stale, new tables of
    theirs do. fields: of the recipe (`pairs.margin`), the only ones that it can read; a sharded step has SHARE unnamed.
    settings: names of LWV_* settings that decide what it writes. templates: folders of assets whose prompts and phrases
    it uses. roles: models that it asks. student: it loads the student, so it needs a GPU. sharded: a table per shard.
    folder: where its files are under LWV_HOME.
    """

    name: str
    group: str
    jobs: tuple[Job, ...]
    upstream: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    student: bool = False
    sharded: bool = True
    folder: str = ""

    def __post_init__(self) -> None:
        if self.sharded and SHARE not in self.fields:
            object.__setattr__(self, "fields", (*self.fields, SHARE))
        unknown = {*self.fields} - {*all_fields()} | {*self.settings} - {*Settings.model_fields}
        if unknown:
            raise ValueError(f"{self.name}: the recipe and the settings have no {', '.join(sorted(unknown))}.")
        if strangers := {*self.optional} - {*self.upstream}:
            raise ValueError(f"{self.name}: {', '.join(sorted(strangers))} is optional and not upstream.")

    @property
    def files(self) -> str:
        """The folder of its files, relative to LWV_HOME."""
        return self.folder or f"tables/{self.name}"


def section(name: str) -> tuple[str, ...]:
    """All fields of a section of the recipe, for a step that uses the whole of it."""
    return tuple(field for field in all_fields() if field.startswith(f"{name}."))
