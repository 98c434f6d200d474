"""Servers that take no images, fewer of them, or smaller ones; contexts that are too small; filters of the input."""

import json

from starlette.responses import JSONResponse, Response

from testing.quirky_server import Body, Quirk, Seen, error
from tests.servers.case import Case
from tests.servers.parts import (
    Refuse,
    always,
    anthropic,
    gemini,
    images,
    litellm,
    openrouter,
    page,
    raw,
    text,
    vllm,
    where,
)


def no_images(name: str, source: str, response: Response, *says: str) -> Case:
    return Case(
        Quirk(name, source, where(lambda body: images(body) > 0, response)), "stop", "no_images",
        ("takes no images", "LWV_TEACHER_MODEL", *says), taught=6,
    )  # fmt: skip


def one_image(name: str, source: str, response: Response, *says: str) -> Case:
    """Two of the three documents have two images."""
    return Case(
        Quirk(name, source, where(lambda body: images(body) > 1, response)), "some", "overflow",
        ("it has 2 images, and the server takes 1 a request", "limit-mm-per-prompt", *says), taught=2, aside=2,
    )  # fmt: skip


def body_over(size: int, response: Response) -> Refuse:
    """`response` to bodies of more bytes."""
    return lambda body, seen: response if seen.bytes[-1] > size else None


def too_long(name: str, source: str, response: Response, *says: str) -> Case:
    """No prompt fits."""
    return Case(Quirk(name, source, always(response)), "aside", "overflow", says, taught=6)


def long_one(name: str, source: str, response: Response, *says: str) -> Case:
    """The deck's prompt does not fit; the others do."""
    return Case(
        Quirk(name, source, where(lambda body: "one per page" in str(body["messages"]), response)), "some", "overflow",
        says, taught=2,
    )  # fmt: skip


def filtered(name: str, source: str, response: Response, *says: str) -> Case:
    """The deck is something that the server's filter does not like."""
    return Case(
        Quirk(name, source, where(lambda body: "one per page" in str(body["messages"]), response)), "some", "filtered",
        says, taught=2,
    )  # fmt: skip


def context_of(tokens: int) -> Quirk:
    """The front of what does not fit is dropped without a word."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        sent = len(json.dumps([turn for turn in body["messages"] if isinstance(turn["content"], str)])) // 4
        usage = {**answer["usage"], "prompt_tokens": min(tokens, 4000 + sent)}
        return JSONResponse({**answer, "usage": usage})

    return Quirk("the front of the prompt is dropped", "ollama#7484", shape=shape)


CASES = (
    no_images("no multimodal model", "vLLM", vllm(400, "m is not a multimodal model"), "not a multimodal model"),
    no_images("image input is not supported, HTTP 500", "llama.cpp", error(500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"), "mmproj"),
    no_images("no endpoint takes images", "OpenRouter", error(404, "No endpoints found that support image input", code=404)),
    no_images("content as parts is no string", "DeepSeek", text(422, "Failed to deserialize the JSON body into the target type: messages[1]: invalid type: sequence, expected a string at line 17 column 3"), "expected a string"),
    no_images("an unknown variant", "DeepSeek", text(422, "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`, expected `text` at line 1 column 200"), "image_url"),
    no_images("content must be a string", "Groq", error(400, "'messages.1' : for 'role:user' the following must be satisfied[('messages.1.content' : value must be a string)]"), "must be a string"),
    no_images("the model does not support images", "LM Studio", raw(400, {"error": "Model does not support images. Please use a model that does."})),
    no_images("no data for image input", "Ollama", error(500, "Failed to create new sequence: this model is missing data required for image input"), "missing data"),
    no_images("the provider's model reads no images", "litellm", litellm("m does not support image input"), "image input"),
    one_image("at most one image", "vLLM", vllm(400, "At most 1 image(s) may be provided in one prompt.")),
    one_image("too many images", "Azure OpenAI", error(400, "Too many images in request. Max is 1.")),
    one_image("a maximum of images", "GitHub Copilot", error(400, "Too many images in request: 2 images provided, but the model supports a maximum of 1 images.")),
    one_image("images in the words of the setting, HTTP 500", "Xinference", raw(500, {"detail": "[address=127.0.0.1:43315, pid=1] You set image=1 (or defaulted to 1) in `--limit-mm-per-prompt`, but passed 2 image items in the same prompt."})),
    Case(Quirk("413 with a page", "llm-gateway#2126", body_over(26_000, page(413, "413 Request Entity Too Large"))), taught=4, same=False, side=640),
    Case(Quirk("413 for the size of a request", "Anthropic", body_over(26_000, anthropic(413, "Request exceeds the maximum size", "request_too_large"))), taught=4, same=False, side=640),
    Case(Quirk("an image over 5 MB", "Anthropic", body_over(26_000, anthropic(400, "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 5316852 bytes > 5242880 bytes"))), taught=4, same=False, side=640),
    Case(Quirk("an image with too many pixels", "Anthropic", body_over(26_000, anthropic(400, "messages.0.content.1.image.source.base64.data: At least one of the image dimensions exceed max allowed size: 8000 pixels"))), taught=4, same=False, side=640),
    Case(
        Quirk("413 for everything", "nginx", always(page(413, "413 Request Entity Too Large"))), "aside", "overflow",
        ("more than the server takes", "client_max_body_size", "LWV_MAX_SIDE"), taught=20, side=640,
    ),
    too_long("the context is too small, in OpenAI's words", "OpenAI", error(400, "This model's maximum context length is 4097 tokens. However, your messages resulted in 26602 tokens. Please reduce the length of the messages.", param="messages", code="context_length_exceeded"), "26602 tokens"),
    too_long("the context is too small, as vLLM says it", "vLLM", error(400, "This model's maximum context length is 2048 tokens. However, your request has 4000 input tokens. Please reduce the length of the input messages. (parameter=input_tokens, value=4000)", param="input_tokens"), "4000 input tokens"),
    too_long("the context is too small, as llama.cpp says it", "llama.cpp", error(400, "the request exceeds the available context size. try increasing the context size or enable context shift", type="exceed_context_size_error", n_ctx=2048), "available context size"),
    too_long("the prompt is too long", "Anthropic", anthropic(400, "prompt is too long: 219898 tokens > 200000 maximum"), "prompt is too long"),
    too_long("the input token count exceeds", "Gemini", gemini(400, "The input token count (81881) exceeds the maximum number of tokens allowed (65536)."), "input token count"),
    too_long("inputs must have less", "TGI", raw(422, {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 1168", "error_type": "validation"}), "less than 1024 tokens"),
    too_long("the input is longer than the context", "SGLang", vllm(400, "The input (61709 tokens) is longer than the model's context length (40960 tokens)."), "61709 tokens"),
    too_long("more tokens to keep than the context", "openclaude#353", raw(400, {"error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 13055>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."}), "n_keep: 13055"),
    too_long("the prompt cannot be truncated", "opencode#11141", raw(400, {"error": "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)"}), "n_keep (15028)"),
    too_long("the context overflows", "lmstudio-bug-tracker#546", raw(400, {"error": "Trying to keep the first 111490 tokens when context the overflows. However, the model is loaded with context length of only 32768 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input."}), "111490 tokens"),
    too_long("all of it is text input", "refly#1177", error(400, "This endpoint's maximum context length is 32768 tokens. However, you requested about 42832 tokens (42832 of text input). Please reduce the length of either one, or use the \"middle-out\" transform to compress your prompt automatically.", code=400), "42832 of text input"),
    too_long("a detail as text", "FastAPI", raw(400, {"detail": "Prompt length exceeds max_seq_len 4096"}), "max_seq_len"),
    too_long("more tokens than a minute has", "OpenAI", error(429, "Request too large for m on tokens per min (TPM): Limit 30000, Requested 342389. The input or output tokens must be reduced in order to run successfully.", type="tokens", code="rate_limit_exceeded"), "Requested 342389"),
    too_long("more tokens than a minute has, HTTP 413", "Groq", error(413, "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again.", type="tokens", code="rate_limit_exceeded"), "Requested 12328"),
    long_one("one document over the context", "SGLang", vllm(400, "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens). Use a shorter input or enable --allow-auto-truncate."), "160062 tokens"),
    filtered("one document filtered", "Azure OpenAI", error(400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.", param="prompt", code="content_filter"), "content management policy"),
    filtered("one document flagged, HTTP 403", "OpenRouter", raw(403, {"error": {"code": 403, "message": 'm requires moderation on Anthropic. Your input was flagged for "violence"', "metadata": {"reasons": ["violence"], "provider_name": "Anthropic"}}}), "flagged for"),
    filtered("one document inspected", "DashScope", error(400, "Input data may contain inappropriate content.", code="data_inspection_failed"), "inappropriate content"),
    filtered("one document refused by the provider behind the router", "OpenRouter", openrouter(400, "The request was blocked by our content filter"), "content filter"),
    Case(context_of(4096), "stop", "", ("num_ctx", "lwv forget"), taught=0),
)  # fmt: skip
