"""How an asset lets checkpoints write, nothing twice: by a server through the engine, or by a process through Pipes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import dagster as dg

from assets.student_server import require_served, summed, write_with_server
from resources.dagster import GpuResource, ModelsResource
from resources.endpoints import Endpoint, student_endpoint
from resources.engine import run
from resources.sampling import SampledBy
from resources.settings import Settings
from resources.store import Store
from resources.training.generation_lines import AnswerLine, PromptLine, read_answers
from resources.training.launcher import launch_command, launch_env
from resources.training.run_config import GenerationRun
from resources.vllm.own_servers import OWN_SERVERS
from resources.vllm.served_model import image_size

SCRIPT = "resources.training.generate"


class GenerationError(RuntimeError):
    """The writing process ended badly; the sentence says where its last words are."""


def prompt_line(
    store: Store, item_id: str, prompt: str, images: Iterable[str], seed: int, most_tokens: int
) -> PromptLine:
    """What the script is asked to answer once. images: sha256 of each."""
    return {
        "item_id": item_id,
        "prompt": prompt,
        "images": [str(store.image_path(image)) for image in images],
        "seed": seed,
        "max_new_tokens": most_tokens,
    }


class WrittenAnswers(NamedTuple):
    """answers: (model, item_id) -> its answer. counts: what a server did for them; empty where none wrote."""

    answers: dict[tuple[str, str], AnswerLine]
    counts: dict[str, float]


class Writers(NamedTuple):
    """What a step has to let checkpoints write with."""

    context: dg.AssetExecutionContext
    pipes: dg.PipesSubprocessClient
    store: Store
    gpu: GpuResource
    models: ModelsResource


def write_answers(
    writers: Writers,
    checkpoints: Mapping[str, str],
    prompts: Sequence[PromptLine],
    output: Path,
    sampling: SampledBy,
    size: Mapping[str, int] | None = None,
) -> WrittenAnswers:
    """An answer of every checkpoint to every prompt: by a server where LWV_STUDENT_BASE_URL says so, else by a process
    of transformers.

    checkpoints: name -> folder or hub id. prompts: `prompt_line`s. output: the JSON-lines file of what a process
    writes, which is only ever added to: a killed run goes on where it was. size: pixels of an image, for all of
    them alike (`image_size`). Raises GenerationError, EndpointError, StoppedError.
    """
    endpoints = {name: student_endpoint(path) for name, path in checkpoints.items()}
    if any(endpoints.values()):
        found = {name: endpoint for name, endpoint in endpoints.items() if endpoint}
        return _by_server(writers, found, prompts, sampling, size)
    OWN_SERVERS.let_go()  # its memory is the process's
    return WrittenAnswers(_by_process(writers, checkpoints, prompts, output, sampling, size), {})


def _by_server(
    writers: Writers,
    endpoints: Mapping[str, Endpoint],
    prompts: Sequence[PromptLine],
    sampling: SampledBy,
    size: Mapping[str, int] | None,
) -> WrittenAnswers:
    settings, answers, counts = Settings(), dict[tuple[str, str], AnswerLine](), list[dict[str, float]]()
    step = writers.context.asset_key.to_user_string()
    for name, endpoint in endpoints.items():
        own = endpoint.served and size != image_size(endpoint.served.path)
        engine = writers.models.engine_of(
            {"student": endpoint}, writers.store, writers.context.run, settings, size if own else None
        )
        require_served(endpoint)
        answers |= run(write_with_server(engine, name, prompts, sampling, f"{step} by {endpoint.model}"))
        counts.append({**engine.tally.metadata(), **engine.tally.counts()})
    return WrittenAnswers(answers, summed(counts))


def _by_process(
    writers: Writers,
    models: Mapping[str, str],
    prompts: Sequence[PromptLine],
    output: Path,
    sampling: SampledBy,
    size: Mapping[str, int] | None,
) -> dict[tuple[str, str], AnswerLine]:
    wanted = [(model, prompt["item_id"]) for model in models for prompt in prompts]
    found = read_answers(output)
    if not found.keys() >= set(wanted):
        config = output.with_suffix(".config.json")
        asked = GenerationRun(
            models=[{"name": name, "path": path} for name, path in models.items()],
            prompts=list(prompts),
            output=output,
            sampling=sampling,
            max_pixels=(size or {}).get("longest_edge"),
        )
        writers.store.write_json(config, asked.as_json())
        try:
            writers.pipes.run(
                context=writers.context,
                command=launch_command(SCRIPT, config, min(1, len(writers.gpu.devices()))),
                env={**launch_env(), **writers.gpu.env()},
                cwd=str(Path(__file__).resolve().parents[1]),
            )
        except dg.DagsterError as error:
            raise GenerationError(f"{SCRIPT} failed ({error}): its output is in the step's compute log.") from error
        found = read_answers(output)
    missing = [key for key in wanted if key not in found]
    if missing:
        raise GenerationError(
            f"{SCRIPT} ended without {len(missing)} of {len(wanted)} answers in {output}: its "
            "output is in the step's compute log."
        )
    return {key: found[key] for key in wanted}
