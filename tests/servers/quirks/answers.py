"""Answers in every form: parts, thoughts, reasoning fields, finish reasons, odd usage, broken texts."""

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response

from resources.embedded.protocol import MODELS, complete
from testing.personalities import THOUGHT, thoughts_in_content, thoughts_in_field
from testing.quirky_server import Body, Quirk, Seen, text_of, with_message
from tests.servers.case import Case
from tests.servers.parts import Shape

Change = Callable[[Body], Body]


def shaped(change: Change) -> Shape:
    """Each answer changed."""
    return lambda answer, body, seen: JSONResponse(change(answer))


def wrapped(wrap: Callable[[str], Any], **fields: Any) -> Change:
    """The text of an answer put into another form."""
    return lambda answer: with_message(answer, content=wrap(text_of(answer)), **fields)


def always(name: str, source: str, change: Change, made: int = 0) -> Case:
    return Case(Quirk(name, source, shape=shaped(change)), taught=0, made=made)


def once(name: str, source: str, change: Change) -> Case:
    """An answer that is of no use the first time."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        return JSONResponse(change(answer) if seen.answered == 2 else answer)

    return Case(Quirk(name, source, shape=shape), taught=0, made=1)


def thinks(begin: str, end: str) -> Change:
    return wrapped(lambda text: f"{begin}{THOUGHT}{end}{text}")


def usage(**counts: Any) -> Change:
    return lambda answer: {**answer, "usage": {**answer["usage"], **counts}}


def choice(**fields: Any) -> Change:
    return lambda answer: {**answer, "choices": [{**answer["choices"][0], **fields}]}


def thinks_long(tokens: int) -> Shape:
    """Thoughts of so many tokens that count against max_tokens."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        limit = body.get("max_tokens", 10**6)
        took = tokens + answer["usage"]["completion_tokens"]
        spent = {**answer, "usage": {**answer["usage"], "completion_tokens": min(limit, took)}}
        if limit < took:
            return JSONResponse(with_message(spent, "length", content="", reasoning_content=THOUGHT))
        return JSONResponse(with_message(spent, reasoning_content=THOUGHT))

    return shape


def cut_in_half(answer: Body, body: Body, seen: Seen) -> Response:
    """Thoughts, and then a part of the text: the limit ended it."""
    if body.get("max_tokens", 0) > 4096:
        return JSONResponse(with_message(answer, reasoning_content=THOUGHT))
    text = text_of(answer)
    return JSONResponse(with_message(answer, "length", content=text[: len(text) // 2], reasoning_content=THOUGHT))


def continued(body: Body, seen: Seen) -> Response | None:
    """The rest of a section that was cut, which the embedded model does not know how to write."""
    if "stopped in the middle" not in str(body["messages"][-1]):
        return None
    *turns, part, _ = body["messages"]
    whole = complete({**body, "model": MODELS[0], "messages": turns})
    rest = whole["choices"][0]["message"]["content"][len(part["content"]) :]
    return JSONResponse(with_message(dict(whole), content=rest))


def reason_ends_part(reason: str) -> Shape:
    """Each first section breaks off half way, and the server calls the reason by another name."""

    def shape(answer: Body, body: Body, seen: Seen) -> Response:
        text = text_of(answer)
        if "write section 1 of" in str(body["messages"][-1]):
            return JSONResponse(with_message(answer, reason, content=text[: len(text) // 2]))
        return JSONResponse(answer)

    return shape


CASES = (
    always("thoughts in tags", "vllm#26239", thinks("<think>\n", "\n</think>\n\n")),
    always("thoughts before a lone closing tag", "Qwen3-VL#1504", thinks("", "\n</think>\n\n")),
    always("thoughts in other tags", "a fine-tuned model", thinks("<thinking>", "</thinking>\n")),
    always("thoughts in brackets", "Magistral", thinks("[THINK]", "[/THINK]")),
    always(
        "harmony channels",
        "gpt-oss",
        thinks("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ),
    always("harmony channels without their marks", "a provider of gpt-oss", thinks("analysis", "assistantfinal")),
    always("the answer in a box", "GLM-4.5V", wrapped(lambda text: f"<|begin_of_box|>{text}<|end_of_box|>")),
    always("the template's end", "llama.cpp", wrapped(lambda text: f"{text}<|im_end|>\n<|endoftext|>")),
    always("thoughts in a reasoning field", "DeepSeek", wrapped(str, reasoning_content=THOUGHT)),
    always("thoughts in reasoning details", "OpenRouter", wrapped(str, reasoning=THOUGHT, reasoning_details=[{"type": "reasoning.text", "text": THOUGHT}])),
    always(
        "content as parts",
        "docs/servers.md",
        wrapped(lambda text: [{"type": "text", "text": text[:50]}, {"type": "text", "text": text[50:]}]),
    ),
    always(
        "content as parts with thoughts",
        "spring-ai#5020",
        wrapped(
            lambda text: [
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": text},
            ]
        ),
    ),
    always("content as one part", "a gateway", wrapped(lambda text: {"type": "text", "text": text})),
    always("content as strings", "a gateway", wrapped(lambda text: [text[:50], text[50:]])),
    Case(Quirk("thoughts count against max_tokens", "python-genai#811", shape=thoughts_in_field), taught=0, made=1),
    Case(Quirk("thoughts in tags count too", "hermes-agent#87208", shape=thoughts_in_content), taught=0, made=1),
    Case(Quirk("thoughts longer than the first room for them", "gpt-5", shape=thinks_long(6000)), taught=0, made=2),
    Case(
        Quirk("thoughts that never end", "Qwen3", shape=thinks_long(10**6)),
        "stop",
        says=("still thinking", "LWV_TEACHER_REASONING_TOKENS", "LWV_TEACHER_EXTRA"),
        taught=0,
        made=12,
    ),
    Case(Quirk("cut after the thoughts", "kimi-k2", shape=cut_in_half), taught=0, made=1),
    Case(
        Quirk("the answer stands in the reasoning", "vllm#53284", shape=shaped(wrapped(lambda text: None, reasoning_content="The answer."))),
        "stop",
        says=("reasoning", "LWV_TEACHER_EXTRA"),
    ),
    Case(
        Quirk("content and reasoning null", "vllm#41902", shape=shaped(wrapped(lambda text: None, reasoning=None))),
        "stop",
        says=("the answer was empty",),
    ),
    once("no choice", "promptfoo#10412", lambda answer: {**answer, "choices": []}),
    once("choices null", "9Router", lambda answer: {**answer, "choices": None}),
    once("broken off by the server", "vllm#57082", choice(finish_reason="abort")),
    once("an error as finish reason", "OpenRouter", choice(finish_reason="error")),
    once("an error in the choice", "OpenRouter", choice(error={"code": 502, "message": "Upstream error"})),
    once("nothing at all", "a gateway", lambda answer: with_message(answer, content="")),
    *(
        Case(
            Quirk(f"cut, and called {reason}", source, continued, reason_ends_part(reason)),
            taught=3,
        )
        for reason, source in (("max_tokens", "Anthropic"), ("MAX_TOKENS", "agent-zero#1836"), ("model_length", "Mistral"))
    ),
    always("finish reason null", "docs/servers.md", choice(finish_reason=None)),
    always("finish reason eos", "TGI", choice(finish_reason="eos_token")),
    always("finish reason in capitals", "Gemini", choice(finish_reason="STOP")),
    always("usage as strings", "docs/servers.md", usage(prompt_tokens="12", completion_tokens="7", total_tokens="19")),
    always("usage as fractions", "a gateway", usage(prompt_tokens=12.0, completion_tokens=7.5)),
    always("usage of nonsense", "a gateway", usage(prompt_tokens=None, completion_tokens=-3, total_tokens={"a": 1})),
    always("usage as a list", "a gateway", lambda answer: {**answer, "usage": [answer["usage"]]}),
    always("no usage", "a gateway", lambda answer: {name: value for name, value in answer.items() if name != "usage"}),
    always("usage null", "a gateway", lambda answer: {**answer, "usage": None}),
    always("only the needed fields", "a gateway", lambda answer: {"choices": [{"message": {"content": text_of(answer)}}]}),
    always("tool calls null", "vLLM", wrapped(str, tool_calls=[], function_call=None, refusal=None, audio=None)),
    always("a refusal that is empty", "OpenAI", wrapped(str, refusal="")),
    always("several choices", "a gateway", lambda answer: {**answer, "choices": answer["choices"] * 3}),
    Case(
        Quirk(
            "a lone surrogate in the text",
            "llm#546",
            shape=lambda answer, body, seen: Response(
                JSONResponse(answer).body.replace(b"## ", b"## \\ud83d ", 1), media_type="application/json"
            ),
        ),
        taught=0,
        same=False,
    ),
    Case(
        Quirk(
            "zero bytes in the text",
            "a gateway",
            shape=lambda answer, body, seen: Response(
                JSONResponse(answer).body.replace(b"## ", b"## \\u0000", 1), media_type="application/json"
            ),
        ),
        taught=0,
        same=False,
    ),
    Case(
        Quirk(
            "the wrong charset in the header",
            "a gateway",
            shape=lambda answer, body, seen: Response(
                JSONResponse(answer).body, headers={"content-type": "application/json; charset=iso-8859-1"}
            ),
        ),
        taught=0,
    ),
    Case(
        Quirk(
            "white space before the body",
            "docs/servers.md",
            shape=lambda answer, body, seen: Response(b" \n" * 40 + JSONResponse(answer).body, media_type="text/plain"),
        ),
        taught=0,
    ),
    Case(
        Quirk(
            "the model refuses in a field",
            "OpenAI",
            shape=shaped(wrapped(lambda text: None, refusal="I'm sorry, I cannot assist with that request.")),
        ),
        "aside",
        "refused",
        ("I cannot assist",),
        made=6,
    ),
    Case(
        Quirk(
            "the model refuses in words",
            "llama_cloud_services#447",
            shape=shaped(wrapped(lambda text: "I'm unable to help with that.")),
        ),
        "aside",
        "refused",
        ("unable to help",),
        made=6,
    ),
    Case(
        Quirk("the answer is filtered", "Azure OpenAI", shape=shaped(choice(finish_reason="content_filter"))),
        "aside",
        "filtered",
        ("content filter",),
    ),
    Case(
        Quirk("the answer is filtered, by other words", "Gemini", shape=shaped(choice(finish_reason="PROHIBITED_CONTENT"))),
        "aside",
        "filtered",
        ("PROHIBITED_CONTENT",),
    ),
    Case(
        Quirk("a tool is called", "a gateway", shape=shaped(lambda answer: with_message(answer, "tool_calls", content=None))),
        "stop",
        says=("called a tool",),
    ),
)  # fmt: skip
