"""What is looked at before the first page: settings, home, sources, recipe, endpoints, student, disk. A run that cannot
succeed does not begin.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

from rich.markup import escape

from assets.source_images.catalog import NoSourcesError, require_apart
from assets.source_images.register import CatalogError
from lwv_dagster.disk_need import material, page_bytes, too_little, training_bytes
from lwv_dagster.terminal import console
from resources.endpoints import endpoints_from_env, served_students
from resources.engine.money import read_prices, require_prices
from resources.failures import EndpointError, StorageError
from resources.home import free_bytes, require_home, require_room
from resources.ledger import Ledger
from resources.recipe.read import RecipeError, read_recipe, recipe_name
from resources.setting_names import strange_names
from resources.settings import SettingError, Settings
from resources.storage_faults import why
from resources.text.shown import number_of
from resources.training.students.student_files import StudentError, look_at_student
from resources.training.ways import LayoutError, PackageError, require_layout, require_optimizer, require_reports
from resources.vllm.served_endpoints import require_servable
from resources.vllm.vllm_environment import vllm_environment

Grade = Literal["good", "warning", "refused"]
Look = Callable[[], Iterator["Found"]]
WIDTH = 18  # of a name
NEWLINE, INDENT = "\n", "\n" + " " * (WIDTH + 5)
MARKS = {"good": "[green]✓[/]", "warning": "[yellow]![/]", "refused": "[red]✗[/]"}
KNOWN = (
    CatalogError,
    EndpointError,
    NoSourcesError,
    RecipeError,
    SettingError,
    StorageError,
    StudentError,
    LayoutError,
    PackageError,
)


class Found(NamedTuple):
    """What a look found. refused: no run can begin."""

    name: str
    grade: Grade
    says: str


def preflight() -> list[Found]:
    """Everything that is looked at; nothing is asked of a server."""
    found = [Found("settings", "warning", says) for says in strange_names(os.environ)]
    settings = _settings(found)
    looks: Mapping[str, Look] = (
        {name: partial(look, settings) for name, look in LOOKS.items()} if settings else {"endpoints": _endpoints_alone}
    )
    for name, look in looks.items():
        try:
            found += look()
        except Exception as error:
            says = str(error) if isinstance(error, KNOWN) else settings and why(error, settings.home)
            if not says:
                raise
            if all(says != other.says for other in found):  # a wrong endpoint spoils the recipe's default too
                found.append(Found(name, "refused", says))
    return found


def may_begin(command: str) -> bool:
    """Whether a run may begin; prints what is wrong, and warnings, and nothing where all is well."""
    found = preflight()
    refused = [each for each in found if each.grade == "refused"]
    show([each for each in found if each.grade == "warning"])
    if len(refused) == 1:
        console.print(f"[red]{command} cannot start:[/] {escape(refused[0].says)}", soft_wrap=True)
    elif refused:
        console.print(f"[red]{command} cannot start:[/]")
        show(refused)
    return not refused


def show(found: Sequence[Found]) -> None:
    """A line for each; further lines of one are indented."""
    for name, grade, says in found:
        console.print(f"  {MARKS[grade]} {name:<{WIDTH}} {escape(says).replace(NEWLINE, INDENT)}", soft_wrap=True)


def _settings(found: list[Found]) -> Settings | None:
    try:
        return Settings().absolute()
    except SettingError as error:
        found.append(Found("settings", "refused", str(error)))
        return None


def _home(settings: Settings) -> Iterator[Found]:
    require_apart(settings.home, settings.sources)  # before it is made
    require_home(settings.home)
    require_room(settings.home)
    Ledger.at(settings.home).close()
    yield Found("home", "good", f"{settings.home}, {free_bytes(settings.home) / 1e9:,.1f} GB free")


def _sources(settings: Settings) -> Iterator[Found]:
    if not settings.sources.is_dir():
        raise NoSourcesError(settings.sources, "is not a folder" if settings.sources.exists() else "does not exist")
    try:
        next(settings.sources.iterdir(), None)
    except OSError as error:
        raise NoSourcesError(settings.sources, f"cannot be listed ({error.strerror})") from error
    found = material(settings)
    counts = f"{number_of(found.images, 'image file')}, {number_of(len(found.documents), 'PDF or PPTX file')} to read"
    yield Found("sources", "good", f"{settings.sources}: {counts}")


def _recipe(settings: Settings) -> Iterator[Found]:
    recipe = read_recipe()
    if recipe.mix.chat and recipe.mix.chat_rows and not recipe.mix.chat.is_file():
        raise RecipeError(f"The recipe's [mix] chat is {recipe.mix.chat}, and there is no such file.")
    yield Found("recipe", "good", recipe_name(settings))


def _endpoints(settings: Settings) -> Iterator[Found]:
    endpoints = endpoints_from_env()
    require_prices(endpoints, read_prices(settings.prices), settings.budget_usd)
    for endpoint in endpoints.values():
        require_servable(endpoint, settings)
    if served_students():
        vllm_environment(settings.vllm_python)
    yield from (Found(role, "good", repr(endpoint).partition(": ")[2]) for role, endpoint in endpoints.items())


def _endpoints_alone() -> Iterator[Found]:
    endpoints_from_env()
    yield from ()


def _student(settings: Settings) -> Iterator[Found]:
    look = look_at_student(settings.student)
    training = read_recipe().training
    require_layout(look.family, training.layout)
    require_optimizer(training.optimizer)
    require_reports(training.reports)
    yield Found("student", "good", look.says)


def _disk(settings: Settings) -> Iterator[Found]:
    needs = {"pages": page_bytes(material(settings), settings)}
    try:
        weights = look_at_student(settings.student).weights
        needs["checkpoints"] = training_bytes(weights, read_recipe().training.lora_rank)
    except KNOWN:  # said above
        return
    says = too_little(needs, free_bytes(settings.home))
    yield (
        Found("disk", "warning", says)
        if says
        else Found(
            "disk",
            "good",
            f"at most {sum(needs.values()) / 1e9:,.1f} GB of {free_bytes(settings.home) / 1e9:,.1f} GB free",
        )
    )


LOOKS: Mapping[str, Callable[[Settings], Iterator[Found]]] = {
    "home": _home,
    "sources": _sources,
    "recipe": _recipe,
    "endpoints": _endpoints,
    "student": _student,
    "disk": _disk,
}
