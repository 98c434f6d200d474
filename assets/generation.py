"""How an asset lets checkpoints write: prompts and answers as JSON lines, the script through Pipes, nothing twice."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import dagster as dg

from resources.dagster import GpuResource
from resources.store import Store
from resources.text.tokens import STUDENT_CAP_PER_WORD
from resources.training.generation_lines import AnswerLine, PromptLine, read_answers
from resources.training.launcher import launch_command, launch_env
from resources.training.run_config import GenerationRun

SCRIPT = "resources.training.generate"


class GenerationError(RuntimeError):
    """The writing process ended badly; the sentence says where its last words are."""


def prompt_line(
    store: Store, item_id: str, prompt: str, images: Iterable[str], seed: int, words: int, most_tokens: int
) -> PromptLine:
    """What the script is asked to answer once. images: sha256 of each; words: as many as are wanted."""
    return {
        "item_id": item_id,
        "prompt": prompt,
        "images": [str(store.image_path(image)) for image in images],
        "seed": seed,
        "max_new_tokens": min(most_tokens, STUDENT_CAP_PER_WORD * words),
    }


def write_answers(
    context: dg.AssetExecutionContext,
    pipes: dg.PipesSubprocessClient,
    store: Store,
    gpu: GpuResource,
    models: Mapping[str, str],
    prompts: Sequence[PromptLine],
    output: Path,
    temperature: float,
    top_p: float,
) -> dict[tuple[str, str], AnswerLine]:
    """(model, item_id) -> its answer {text, tokens, seconds, finish}, for every model and prompt.

    models: name -> checkpoint. prompts: `prompt_line`s. output: the JSON-lines file of the answers, which is only ever
    added to: a killed run goes on where it was. Raises GenerationError.
    """
    wanted = [(model, prompt["item_id"]) for model in models for prompt in prompts]
    found = read_answers(output)
    if not found.keys() >= set(wanted):
        config = output.with_suffix(".config.json")
        asked = GenerationRun(
            models=[{"name": name, "path": path} for name, path in models.items()],
            prompts=list(prompts),
            output=output,
            temperature=temperature,
            top_p=top_p,
        )
        store.write_json(config, asked.as_json())
        try:
            pipes.run(
                context=context,
                command=launch_command(SCRIPT, config, min(1, len(gpu.devices()))),
                env={**launch_env(), **gpu.env()},
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
