"""The whole factory as Dagster loads it. `build_defs` lets tests and other deployments swap any layer."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import dagster as dg

from assets.child_process import ChildProcess
from assets.quality.asset_checks import asset_checks
from assets.recipe_nodes import RecipeResource, recipe_nodes
from assets.steps import STEPS
from lwv_dagster.jobs import default_jobs
from lwv_dagster.refresh import refresh_job
from lwv_dagster.sensors import default_sensors
from lwv_dagster.terminal import terminal_logger
from resources.dagster import GpuResource, ModelsResource, SourcesResource, StoreResource

default_assets = [
    recipe_nodes,
    *(getattr(import_module(f"assets.{step.name}.asset"), step.name) for step in STEPS),
]

default_checks = [
    asset_checks(step, import_module(f"assets.{step.name}.checks").CHECKS)
    for step in STEPS
    if find_spec(f"assets.{step.name}.checks")
]

check_keys = [key for checks in default_checks for key in checks.check_keys]

default_resources: Mapping[str, object] = {
    "store": StoreResource(),
    "sources": SourcesResource(),
    "recipe": RecipeResource(),
    "models": ModelsResource(),
    "gpu": GpuResource(),
    "pipes": ChildProcess(),
}


def build_defs(resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """The factory's definitions; `resource_overrides` replaces resources by key."""
    return dg.Definitions(
        assets=default_assets,
        asset_checks=default_checks,
        jobs=[*default_jobs, refresh_job],
        sensors=default_sensors,
        resources={**default_resources, **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, "terminal": terminal_logger},
        # A shard's steps run one after the other anyway, and each process of its own would import everything again.
        executor=dg.in_process_executor,
    )


defs = build_defs()
