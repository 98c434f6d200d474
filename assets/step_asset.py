"""How a step becomes a Dagster asset: everything but the function follows from what it declares."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import dagster as dg

from assets.partitions import SHARDS
from assets.recipe_nodes import node_key
from assets.step import Step
from assets.steps import STEP_OF
from resources.endpoints import asks_local_server
from resources.op_tags import GPU_OP_TAGS, GPU_POOL


def step_asset(step: Step, kinds: set[str]) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Decorator: the asset of the step, with its dependencies, its partitions, and a GPU where it wants one."""
    return partial(
        dg.asset,
        name=step.name,
        group_name=step.group,
        deps=[*(_dependency(step, STEP_OF[name]) for name in step.upstream), node_key(step.name)],
        partitions_def=SHARDS if step.sharded else None,
        kinds=kinds,
        **gpu_reservation(step),
    )


def gpu_reservation(step: Step) -> Mapping[str, Any]:
    """The pool and tags of a step that needs a GPU of this machine: it loads the student, or asks a server here."""
    needs = step.student or any(map(asks_local_server, step.roles))
    return {"pool": GPU_POOL, "op_tags": GPU_OP_TAGS} if needs else {}


def _dependency(step: Step, upstream: Step) -> dg.AssetDep:
    gathers = upstream.sharded and not step.sharded
    return dg.AssetDep(upstream.name, partition_mapping=dg.AllPartitionMapping() if gathers else None)
