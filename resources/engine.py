"""The model engine: asks each role's endpoint, at most once per question, with as many samples open as slots need.

No Dagster here: it runs, is tested and is measured alone. Its progress goes to the logger `lwv.progress`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import openai

from resources.endpoints import Endpoint
from resources.failures import AnswerUnusable, EndpointUnusable
from resources.ledger import Ledger, Record
from resources.messages import Call, Role, wire

progress = logging.getLogger("lwv.progress")

Item = TypeVar("Item")
Result = TypeVar("Result")

REFUSALS = ("i'm sorry, but i can", "i'm sorry, i can", "i cannot assist", "i can't assist", "i can't help with",
            "as an ai language model", "对不起，我不能", "抱歉，我无法", "很抱歉，我无法")


@dataclass(frozen=True)
class Reply:
    """A usable answer. `replayed`: it came from the ledger and cost nothing now."""

    text: str
    call_id: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float
    replayed: bool


class ModelEngine:
    """Use as `async with ModelEngine(...) as engine`; one event loop, one process.

    endpoints: role -> Endpoint. read_image: sha256 -> JPEG bytes (the store's).
    """

    def __init__(self, endpoints: Mapping[Role, Endpoint], ledger: Ledger, read_image: Callable[[str], bytes]) -> None:
        self.endpoints = endpoints
        self.ledger = ledger
        self.read_image = read_image
        self.calls_made = 0
        self.calls_replayed = 0
        self._clients: dict[Role, Any] = {}
        self._slots: dict[Role, asyncio.Semaphore] = {}

    async def __aenter__(self) -> "ModelEngine":
        for role, endpoint in self.endpoints.items():
            self._clients[role] = endpoint.client()
            self._slots[role] = asyncio.Semaphore(endpoint.concurrency)
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients.values():
            await client.close()

    async def ask(self, call: Call) -> Reply:
        """The answer to `call`: from the ledger where it was answered before, else from the endpoint.

        Raises AnswerUnusable (this sample cannot go on) or EndpointUnusable (no sample can).
        """
        endpoint = self.endpoints[call.role]
        call_id = call.key(endpoint.model)
        record = self.ledger.get(call_id)
        replayed = record is not None and record.status == "ok"  # what failed once is asked again
        if record is None or not replayed:
            async with self._slots[call.role]:
                record = await self._send(call, call_id, endpoint)
            self.ledger.put(record)
            self.calls_made += 1
        else:
            self.calls_replayed += 1
        if record.status != "ok":
            raise AnswerUnusable(record.status, f"{call.role} ({record.model}) at step {call.step}: {record.detail}")
        return Reply(record.text, call_id, record.model, record.prompt_tokens, record.cached_tokens,
                     record.completion_tokens, record.cost_usd, replayed)

    async def run(self, items: Sequence[Item], work: Callable[[Item], Awaitable[Result]], role: Role, what: str,
                  ) -> AsyncIterator[tuple[Item, Result | AnswerUnusable]]:
        """`work` for every item, oldest first, 1.5 times the role's slots open at once; yields as each one ends.

        An item whose answer is unusable yields the AnswerUnusable in place of a result; EndpointUnusable stops all.
        """
        window = max(1, round(1.5 * self.endpoints[role].concurrency))
        waiting = iter(items)
        open_now: dict[asyncio.Task[Result], Item] = {}
        done = 0

        def admit() -> None:
            while len(open_now) < window and (item := next(waiting, None)) is not None:
                open_now[asyncio.ensure_future(work(item))] = item

        try:
            admit()
            while open_now:
                ended, _ = await asyncio.wait(open_now, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    item = open_now.pop(task)
                    done += 1
                    progress.info("%s: %d of %d", what, done, len(items))
                    error = task.exception()
                    if isinstance(error, AnswerUnusable):
                        yield item, error
                    else:
                        yield item, task.result()
                admit()
        finally:
            for task in open_now:
                task.cancel()
            await asyncio.gather(*open_now, return_exceptions=True)

    async def _send(self, call: Call, call_id: str, endpoint: Endpoint) -> Record:
        import httpx2

        started = time.time()
        body = {"model": endpoint.model, "messages": wire(call.messages, self.read_image),
                "max_tokens": call.max_tokens, "temperature": call.temperature, "seed": call.seed, **call.extra}
        answer: Any = {}
        try:
            # The typed `chat.completions.create` spends 4 ms of CPU a call on its types, this 1 ms; retries, key and
            # errors are the client's all the same.
            response = await self._clients[call.role].post("/chat/completions", cast_to=httpx2.Response, body=body)
            answer = response.json()
            text, finish, status, detail = read_answer(answer)
        except openai.BadRequestError as error:
            text, finish, status, detail = "", "", bad_request_kind(str(error)), _short(error)
        except openai.OpenAIError as error:
            raise EndpointUnusable(explain(error, endpoint)) from error
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            text, finish, status, detail = "", "", "failed", f"the answer is no chat completion: {_short(error)}"
        usage = (answer.get("usage") if isinstance(answer, dict) else None) or {}
        return Record(call_id=call_id, role=call.role, model=endpoint.model, endpoint=endpoint.base_url,
                      template=call.template, sample=call.sample, step=call.step, status=status,
                      text=text if status == "ok" else "", detail=detail, finish_reason=finish,
                      prompt_tokens=usage.get("prompt_tokens") or 0,
                      cached_tokens=(usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
                      completion_tokens=usage.get("completion_tokens") or 0,
                      cost_usd=0.0, latency_s=time.time() - started, at=time.time())


def read_answer(answer: dict[str, Any]) -> tuple[str, str, str, str]:
    """(text, finish reason, status, detail) of a chat completion; raises where it is none."""
    choice = answer["choices"][0]
    text, finish = choice["message"].get("content") or "", choice.get("finish_reason") or ""
    return text, finish, *classify(text, finish, choice["message"].get("refusal"))


def classify(text: str, finish_reason: str, refusal: str | None = None) -> tuple[str, str]:
    """(status, detail) of an answer that arrived: `ok`, or the kind of AnswerUnusable and why."""
    if refusal:
        return "refused", f"the model refused: {refusal[:200]}"
    if finish_reason == "content_filter":
        return "filtered", "the server's content filter stopped the answer"
    if finish_reason == "length":
        return "truncated", "the answer was cut by max_tokens"
    if not text.strip():
        return "empty", "the answer was empty"
    if text.strip()[:200].lower().replace("’", "'").startswith(REFUSALS):
        return "refused", f"the model refused: {text.strip()[:200]}"
    return "ok", ""


def bad_request_kind(message: str) -> str:
    """The kind of AnswerUnusable behind an HTTP 400: overflow, filtered, or rejected."""
    low = message.lower()
    if "context length" in low or "maximum context" in low or "context_length" in low or "too many tokens" in low:
        return "overflow"
    return "filtered" if "content_policy" in low or "content management policy" in low else "rejected"


def explain(error: openai.OpenAIError, endpoint: Endpoint) -> str:
    """One line for a person: which endpoint failed, and which setting to look at."""
    prefix, where = endpoint.prefix, f"{endpoint.role} at {endpoint.base_url}"
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        state = "is wrong" if endpoint.api_key else "is not set"
        return f"The {where} does not accept the key: {prefix}_API_KEY {state}."
    if isinstance(error, openai.NotFoundError):
        return f"The {where} does not know the model '{endpoint.model}': check {prefix}_MODEL and {prefix}_BASE_URL."
    if isinstance(error, openai.APITimeoutError):
        return f"The {where} did not answer in {endpoint.timeout_s:.0f} s: is it overloaded? See {prefix}_TIMEOUT_S."
    if isinstance(error, openai.APIConnectionError):
        return f"The {where} cannot be reached: start the server, or correct {prefix}_BASE_URL."
    if isinstance(error, openai.RateLimitError):
        return f"The {where} keeps refusing for its rate limit: lower {prefix}_CONCURRENCY, or try later."
    return f"The {where} failed: {_short(error)}"


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
