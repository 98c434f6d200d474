"""How a model server writes for checkpoints: each text a call of the engine, in its ledger, window and budget."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from resources.endpoints import Endpoint
from resources.engine import ModelEngine, run
from resources.engine.server_facts import facts_of
from resources.failures import AnswerError, EndpointError
from resources.messages import Call, Image, user
from resources.sampling import SampledBy, request_fields
from resources.training.generation_lines import AnswerLine, PromptLine
from resources.training.rows.chat import plain

TEMPLATE = "student@1"  # of the prompt's form: raise with any change to `student_call`
REPEATS = "repetition"  # vLLM's reason: it has not ended by itself (`repetition_detection`)
OF_NO_USE = ("empty", "refused", "filtered")  # kinds of answer that are a text without a word


def student_call(prompt: PromptLine, sampling: SampledBy) -> Call:
    """What a checkpoint is asked: the images, then the request, as it was trained (resources/training/rows/chat.py)."""
    images = (Image(Path(path).stem) for path in prompt["images"])
    return Call(
        role="student",
        messages=(user(*images, plain(prompt["prompt"])),),
        template=TEMPLATE,
        sample=prompt["item_id"],
        step="text",
        max_tokens=prompt["max_new_tokens"],
        temperature=sampling["temperature"],
        seed=prompt["seed"],
        goes_on=True,  # a text that its limit cut is a text
        extra=request_fields(sampling),
    )


async def write_with_server(
    engine: ModelEngine, model: str, prompts: Sequence[PromptLine], sampling: SampledBy, what: str
) -> dict[tuple[str, str], AnswerLine]:
    """(model, item_id) -> its answer. model: the name under which answers are filed.

    Raises EndpointError or StoppedError; what was answered stays in the ledger.
    """
    found: dict[tuple[str, str], AnswerLine] = {}

    async def work(prompt: PromptLine) -> AnswerLine:
        call = student_call(prompt, sampling)
        try:
            await engine.ask(call)
        except AnswerError as error:
            if error.kind not in (*OF_NO_USE, "truncated"):
                raise EndpointError(
                    f"The student ({engine.endpoints['student'].model}) wrote no text for {prompt['item_id']}: {error}",
                    error.kind,
                ) from error
        record = engine.ledger.get(engine.key(call))
        assert record is not None, "an answered call is in the ledger"
        return {
            "model": model,
            "item_id": prompt["item_id"],
            "text": record.text,
            "tokens": record.completion_tokens,
            "seconds": record.latency_s,
            "finish": "length" if record.status == "truncated" or record.finish_reason == REPEATS else "stop",
            "seed": prompt["seed"],
            "sampling": sampling,
        }

    async with engine:
        async for prompt, answer in engine.run(prompts, work, "student", what, len(prompts)):
            assert not isinstance(answer, AnswerError)
            found[model, prompt["item_id"]] = answer
    return found


def require_served(endpoint: Endpoint) -> None:
    """Raises EndpointError where a server of the user's does not serve the checkpoint by its name."""
    if endpoint.served:
        return
    facts = run(facts_of(endpoint))
    if facts.models and endpoint.model not in facts.models:
        raise EndpointError(
            f"The student's server at {endpoint.base_url} serves {', '.join(facts.models[:8])} and not "
            f"'{endpoint.model}': start it for this checkpoint (vLLM: --served-model-name {endpoint.model}), or set "
            "LWV_STUDENT_BASE_URL to vllm: and it is started here.",
            "unknown_model",
        )


def summed(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of several servers, one after the other: sums; shares and speeds of each are means over those that have them."""
    found: dict[str, float] = {}
    for name in sorted({name for each in figures for name in each}):
        values = [each[name] for each in figures if name in each]
        mean = name.endswith(("_share", "_per_second", "_mean"))
        found[name] = round(sum(values) / len(values), 4) if mean else sum(values)
    return found
