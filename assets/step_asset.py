"""How a step becomes a Dagster asset: everything but the function follows from what it declares."""

from collections.abc import Callable

import dagster as dg

from assets.derivation import loaded_templates
from assets.partitions import SHARDS
from assets.recipe_nodes import node_key
from assets.step import Step
from assets.step_run import Compute, guarded
from assets.steps import STEP_OF
from resources.endpoints import asks_local_server
from resources.op_tags import GPU_OP_TAGS, GPU_POOL


def step_asset(step: Step, kinds: set[str]) -> Callable[[Compute], dg.AssetsDefinition]:
    """Decorator: the asset of the step, with its dependencies, its partitions, and a GPU where it needs one.

    kinds: the tools that the UI shows beside it.
    """
    loaded_templates(step)  # as the step's modules, which are being imported, have just read them
    gpu = needs_gpu(step)
    asset = dg.asset(
        name=step.name,
        group_name=step.group,
        deps=[*(_dependency(step, STEP_OF[name]) for name in step.upstream), node_key(step.name)],
        partitions_def=SHARDS if step.sharded else None,
        kinds=kinds,
        pool=GPU_POOL if gpu else None,
        op_tags=GPU_OP_TAGS if gpu else None,
    )
    return lambda compute: asset(guarded(step, compute))


def needs_gpu(step: Step) -> bool:
    """Whether a step uses a GPU of this machine: it loads the student, or asks a model server that runs here."""
    return step.student or any(map(asks_local_server, step.roles))


def _dependency(step: Step, upstream: Step) -> dg.AssetDep:
    gathers = upstream.sharded and not step.sharded
    return dg.AssetDep(upstream.name, partition_mapping=dg.AllPartitionMapping() if gathers else None)
