"""One call to one server, and again as its refusals teach, until it is answered, refused for good, or lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from resources.endpoints import Endpoint
from resources.engine.answers import NO_TOKENS, Answer, Lost, TokenUsage, read_answer
from resources.engine.known_models import known
from resources.engine.learning import Lesson, learn, runs_off, smaller
from resources.engine.profile import Profile
from resources.engine.progress import logger
from resources.engine.refusal import Refusal, read_refusal
from resources.engine.request import Images, Request, build
from resources.engine.retries import Trouble
from resources.engine.server_memory import ServerMemory
from resources.engine.verdicts import lost_connection, verdict
from resources.failures import AnswerError
from resources.messages import Call

if TYPE_CHECKING:
    import httpx2

    from resources.model_client import ModelClient

MOST_TRIES = 10  # of one call, each with another lesson
FIRST_THINKING = 4096  # tokens of room for thoughts, where max_tokens ended an answer before any text
MOST_THINKING = 65_536
STALE = ("disconnected", "closing transport", "reset by peer", "broken pipe")
RESET_BYTES = 2_000_000  # a connection that breaks under a larger body may be a limit on its size


@dataclass(frozen=True)
class Exchanged:
    """An answer, usable or not, with what was sent at last, and what all tries took together."""

    answer: Answer
    record: str
    usage: TokenUsage
    latency_s: float


class Exchange:
    """For one role and one server. may_send: raises where the run has stopped; taught: called for each refused try."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: "ModelClient",
        memory: ServerMemory,
        images: Images,
        may_send: Callable[[], None],
        taught: Callable[[], None],
    ) -> None:
        self.endpoint, self.memory = endpoint, memory
        self.first = first_profile(endpoint)
        self.may_send = may_send
        self._client, self._images, self._taught = client, images, taught

    async def send(self, call: Call, paid: TokenUsage = NO_TOKENS) -> Exchanged | Trouble:
        """paid: what earlier tries of the call took. Raises EndpointError where the server serves no call, and what
        `may_send` raises."""
        attempt = _Attempt(self, call, paid)
        started = time.monotonic()
        while True:
            outcome = await attempt.once()
            if outcome is not None:
                break
            self.may_send()
        if isinstance(outcome, Trouble):
            return replace(outcome, usage=attempt.usage)
        return Exchanged(outcome, attempt.record, attempt.usage, time.monotonic() - started)

    async def post(self, request: Request) -> Answer | Refusal | Trouble:
        """What one HTTP request got."""
        import aiohttp
        import httpx2

        try:
            async with asyncio.timeout(self.endpoint.timeout_s):
                body = request.pieces[0] if len(request.pieces) == 1 else _stream(request.pieces)
                response = await self._client.complete(body, request.size)
        except (httpx2.HTTPError, aiohttp.ClientError, OSError, ValueError) as error:
            return lost_connection(error, self.endpoint)
        if response.status_code >= 300:
            return read_refusal(response.status_code, _text(response), response.headers)
        found = read_answer(_text(response))
        return Trouble("server_error", found.detail) if isinstance(found, Lost) else found

    def said(self, lesson: Lesson, refusal: Refusal) -> None:
        """Tell a change once."""
        role, model = self.endpoint.role, self.endpoint.model
        logger.info("%s", f'{role} ({model}) is sent {lesson.says} from now on: it said "{refusal.words}"')

    def refused_try(self) -> None:
        """Count a try that taught something."""
        self._taught()


def first_profile(endpoint: Endpoint) -> Profile:
    """What the settings say, and what is known of the model by its name: a run begins with it."""
    wire, model = endpoint.wire, known(endpoint.model, endpoint.base_url)
    return Profile(
        structure="schema" if wire.structured else "none",
        stream=wire.stream,
        most_tokens=model.most_tokens if model else None,
        thinking=wire.reasoning_tokens,
    )


class _Attempt:
    """The tries of one call: what was learnt for it, and what the tries took."""

    def __init__(self, exchange: Exchange, call: Call, paid: TokenUsage) -> None:
        self.exchange, self.call = exchange, call
        self.record = ""
        self.usage = paid
        self._tries = 0
        self._guess: Lesson | None = None  # not in the server's words: kept once it has helped
        self._guessed_at: Refusal | None = None
        self._room: int | None = None
        self._resets = 0
        self._stale = False  # a connection was replaced

    async def once(self) -> Answer | Trouble | None:
        """The outcome of one try; None where another one follows."""
        exchange, memory = self.exchange, self.exchange.memory
        self._tries += 1
        trial = memory.trial(self.call, exchange.first) if self._tries == 1 else None
        known = profile = memory.profile(exchange.first)
        if self._guess is not None:
            profile = profile.with_(self._guess.knob, self._guess.value)
        if trial is not None:
            profile = profile.with_(trial, getattr(exchange.first, trial))
        try:
            request = await build(
                self.call, exchange.endpoint.model, exchange.endpoint.wire.extra, profile,
                exchange._images, self._room,
            )  # fmt: skip
        except AnswerError as error:
            return Answer(error.kind, str(error))
        self.record = request.record
        async with memory.turn(request):
            exchange.may_send()  # the run may have stopped while this call waited for its turn
            if memory.profile(exchange.first) != known and trial is None:
                self._tries -= 1
                return None  # the call that went first has taught something: it is written anew
            outcome = await exchange.post(request)
            if isinstance(outcome, Answer):
                return self._answered(outcome, request, profile, trial)
            if isinstance(outcome, Trouble):
                return self._lost(outcome, request)
            return self._refused(outcome, request, profile, trial)

    def _answered(self, answer: Answer, request: Request, profile: Profile, trial: str | None) -> Answer | None:
        exchange, memory = self.exchange, self.exchange.memory
        self.usage = _sum(self.usage, answer.usage)
        if answer.blank and self._tries < MOST_TRIES and (lesson := runs_off(request.sent)) is not None:
            self._ran_off(lesson, trial)
            return None
        if self._guess is not None:
            if memory.learn(self._guess) and self._guessed_at is not None:
                exchange.said(self._guess, self._guessed_at)
            self._guess = None
        if trial is not None:
            memory.forget(trial)
            logger.info("%s", f"{exchange.endpoint.role} ({exchange.endpoint.model}) takes its full {trial} again")
        if answer.status != "no_room" and not (answer.status == "truncated" and answer.thought):
            memory.taken(request)
            return self._advised(answer)
        thinking = max(FIRST_THINKING, 2 * profile.thinking)
        limited = profile.most_tokens is not None and request.sent.room >= profile.most_tokens
        if thinking > MOST_THINKING or limited or self._room is not None or self._tries >= MOST_TRIES:
            return self._advised(answer)
        if memory.profile(exchange.first).thinking < thinking:
            exchange.refused_try()
            lesson = Lesson("thinking", thinking, f"{thinking:,} tokens of room for thoughts on top of max_tokens")
            memory.learn(lesson)
            exchange.said(lesson, Refusal(200, answer.detail))
        return None

    def _ran_off(self, lesson: Lesson, trial: str | None) -> None:
        """An answer of white space without an end: as good as a refusal of the schema."""
        self.exchange.refused_try()
        if trial == lesson.knob:
            self.exchange.memory.confirm(lesson)
        elif self.exchange.memory.learn(lesson):
            self.exchange.said(lesson, Refusal(200, "the answer was white space without an end"))

    def _advised(self, answer: Answer) -> Answer:
        prefix = self.exchange.endpoint.prefix
        if answer.status == "no_room":
            return answer._replace(
                detail=f"{answer.detail}. Give it more room ({prefix}_REASONING_TOKENS), or turn thinking off "
                f"({prefix}_EXTRA, docs/servers.md)"
            )
        if answer.status == "failed" and "no chat completion" in answer.detail:
            return answer._replace(
                detail=f"{answer.detail}. Is {prefix}_BASE_URL the root of an OpenAI-compatible API?"
            )
        if answer.status == "empty" and "reasoning" in answer.detail:
            return answer._replace(
                detail=f"{answer.detail}. Turn thinking off ({prefix}_EXTRA, docs/servers.md), or start the server "
                "without a reasoning parser"
            )
        return answer

    def _lost(self, trouble: Trouble, request: Request) -> Trouble | None:
        """A kept connection that the server had closed is replaced at once; one that breaks under a large body may be a
        limit on its size."""
        if trouble.kind == "unreachable" and not self._stale and any(word in trouble.detail.lower() for word in STALE):
            self._stale = True
            return None
        if (
            trouble.kind != "unreachable"
            or request.sent.bytes < RESET_BYTES
            or not self.exchange.memory.memory.answered
        ):
            return trouble
        self._resets += 1
        lesson = smaller(request.sent)
        if self._resets < 2 or lesson is None or self._tries >= MOST_TRIES:
            return trouble if self._resets >= 2 else None
        self._guess, self._guessed_at = lesson, Refusal(413, trouble.detail)
        return None

    def _refused(
        self, refusal: Refusal, request: Request, profile: Profile, trial: str | None
    ) -> Answer | Trouble | None:
        exchange, memory = self.exchange, self.exchange.memory
        lesson = learn(refusal, request.sent) if self._tries < MOST_TRIES else None
        if lesson is None:
            return verdict(refusal, exchange.endpoint, frozenset(exchange.endpoint.wire.extra))
        exchange.refused_try()
        if lesson.knob == "room":  # what this call's own prompt leaves; what it leaves to others follows from it
            self._room = int(str(lesson.value))
            if lesson.context is not None:
                context, prompt = lesson.context
                known = memory.profile(exchange.first).context
                memory.learn(replace(lesson, knob="context", value=(context, prompt / max(1, self.call.length))))
                if known is None or known[0] != context:
                    exchange.said(lesson, refusal)
        elif trial == lesson.knob:
            if lesson.sure:  # a bare 500 a second time may be an outage: it stays in doubt
                memory.confirm(lesson)
        elif getattr(memory.profile(exchange.first), lesson.knob) != getattr(profile, lesson.knob):
            pass  # another call has learnt it meanwhile
        elif not lesson.sure:
            self._guess, self._guessed_at = lesson, refusal
        elif memory.learn(lesson):
            exchange.said(lesson, refusal)
        return None


def _sum(first: TokenUsage, second: TokenUsage) -> TokenUsage:
    usd = None if first.usd is None and second.usd is None else (first.usd or 0.0) + (second.usd or 0.0)
    return TokenUsage(
        first.prompt + second.prompt, first.cached + second.cached, first.completion + second.completion, usd
    )


async def _stream(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    """A body piece by piece: images are never copied."""
    for piece in pieces:
        yield piece


def _text(response: "httpx2.Response") -> str:
    """The body, whatever charset it claims: JSON and events are UTF-8."""
    try:
        return response.content.decode("utf-8", "replace")
    except RuntimeError:  # the body was never read
        return ""
