"""ModelEngine: asks each role's servers, at most once per question, with as many samples open as the slots need."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeVar

import openai
from sqlalchemy.exc import DBAPIError

from resources.endpoints import Endpoint
from resources.engine.answers import (
    NO_TOKENS,
    Answer,
    TokenUsage,
    bad_request_kind,
    explain_trouble,
    read_answer,
    read_usage,
    refuses_structure,
    short,
    trouble_of,
)
from resources.engine.interrupt import draining
from resources.engine.money import Budget, Price, price_of
from resources.engine.order import Waiting, open_samples
from resources.engine.progress import Progress, Tally, logger
from resources.engine.retries import Trouble, next_try
from resources.engine.server import Server, choose
from resources.failures import AnswerError, EndpointError, LedgerError
from resources.json_types import Json
from resources.ledger import ANSWERED, Ledger, Record
from resources.messages import Call, Role, wire

Item = TypeVar("Item")
Result = TypeVar("Result")


class StoppedError(RuntimeError):
    """No further call is made in this run (budget, signal); what was answered is kept and the next run goes on."""


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

    endpoints: role -> Endpoint. read_image: sha256 -> JPEG bytes (the store's). prices: model -> Price. budget: what
    the run that is called `run` may spend; what it has spent so far is read from the ledger.
    """

    def __init__(
        self,
        endpoints: Mapping[Role, Endpoint],
        ledger: Ledger,
        read_image: Callable[[str], bytes],
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
        run: str = "",
    ) -> None:
        self.endpoints = endpoints
        self.ledger = ledger
        self.read_image = read_image
        self.budget = budget or Budget()
        self.run_label = run
        self.tally = Tally()
        self.servers: dict[Role, list[Server]] = {}
        self._prices = {role: price_of(endpoint.model, prices or {}) for role, endpoint in endpoints.items()}
        self._stop: Exception | None = None
        self._stopped = asyncio.Event()
        self._progress: Progress | None = None
        self._places: dict[str, int] = {}
        self._asking: dict[str, asyncio.Event] = {}
        self._unstructured = {role for role, endpoint in endpoints.items() if not endpoint.structured}

    async def __aenter__(self) -> Self:
        self.servers = {
            role: [Server(endpoint, url) for url in endpoint.urls] for role, endpoint in self.endpoints.items()
        }
        if self.run_label:
            self.budget.spend(*self.ledger.spent(self.run_label))
        return self

    async def __aexit__(self, *_: object) -> None:
        for servers in self.servers.values():
            for server in servers:
                await server.client.close()

    def price(self, role: Role) -> Price | None:
        """What the role's model costs; None where no table names it (a server of one's own)."""
        return self._prices[role]

    def stop(self, why: str | Exception) -> None:
        """No call starts after this; those in flight end, and are in the ledger."""
        self._stop = self._stop or (why if isinstance(why, Exception) else StoppedError(why))
        self._stopped.set()

    async def ask(self, call: Call) -> Reply:
        """The answer to `call`: from the ledger where it was answered before, else from the endpoint.

        Raises AnswerError (this sample cannot go on), EndpointError (no sample can) or StoppedError.
        """
        call_id = call.key(self.endpoints[call.role].model)
        while (other := self._asking.get(call_id)) is not None:
            await other.wait()  # the same question is in flight: its answer serves both
        record = self.ledger.get(call_id)
        replayed = record is not None and record.status in ANSWERED  # what failed once is asked again
        if record is None or not replayed:
            self._asking[call_id] = asyncio.Event()
            try:
                record = await self._obtain(call, call_id)
            finally:
                self._asking.pop(call_id).set()
        else:
            self.tally.replayed += 1
        if self._progress:
            self._progress.step()
        if record.status != "ok":
            raise AnswerError(
                record.status, f"{call.role} ({record.model}) at step {call.step}: {record.detail}", record.text
            )
        return Reply(
            record.text,
            call_id,
            record.model,
            record.prompt_tokens,
            record.cached_tokens,
            record.completion_tokens,
            record.cost_usd,
            replayed,
        )

    async def run(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Awaitable[Result]],
        role: Role,
        what: str,
        expected_calls: int = 0,
    ) -> AsyncIterator[tuple[Item, Result | AnswerError]]:
        """`work` for every item in order, as many open at once as `order.open_samples` says; yields as each one ends.

        An item whose answer is unusable yields the AnswerError in place of a result. EndpointError and StoppedError
        are raised once the calls in flight have ended.
        """
        endpoint, servers = self.endpoints[role], self.servers[role]
        waiting = iter(items)
        open_now: dict[asyncio.Task[Result], Item] = {}
        progress = self._progress = Progress(what, len(items), self.tally, expected_calls)
        opened = 0

        def admit() -> None:
            nonlocal opened
            window = open_samples(endpoint.window, sum(server.limit.value for server in servers))
            while self._stop is None and len(open_now) < window and opened < len(items):
                item = next(waiting)
                opened += 1
                open_now[asyncio.ensure_future(_within(work(item), endpoint.document_s))] = item
            for server in servers:
                server.tail = opened == len(items)

        with draining(self.stop):
            try:
                admit()
                while open_now:
                    ended, _ = await asyncio.wait(open_now, return_when=asyncio.FIRST_COMPLETED)
                    for task in ended:
                        item, error = open_now.pop(task), task.exception()
                        if error is None or isinstance(error, AnswerError):
                            progress.step(done=1)
                            yield item, error or task.result()
                        else:
                            self.stop(error if isinstance(error, Exception) else StoppedError(str(error)))
                    admit()
                if self._stop is not None and progress.done < len(items):
                    if not isinstance(self._stop, StoppedError):
                        raise self._stop
                    says = (
                        f"{what}: {self._stop}. {progress.done} of {len(items)} are done, "
                        f"{len(items) - progress.done} are left; run it again to go on, nothing is paid twice."
                    )
                    logger.warning(says)  # a signal goes on after this, and would hide the exception's words
                    raise StoppedError(says)
            finally:
                self._progress = None
                for task in open_now:
                    task.cancel()
                await asyncio.gather(*open_now, return_exceptions=True)

    async def _obtain(self, call: Call, call_id: str) -> Record:
        """Send, with retries, until there is an answer or a failure to record; the ledger holds it on return."""
        endpoint, servers = self.endpoints[call.role], self.servers[call.role]
        place = self._places.setdefault(call.sample, len(self._places))
        tries, first_failed = Counter[str](), 0.0
        while True:
            server = choose(servers, call.sample, time.monotonic())
            async with server.slot(Waiting(place, call.left)) as generation:
                if self._stop is None and (spent := self.budget.spent()):
                    self.stop(spent)
                if self._stop is not None:
                    raise StoppedError(str(self._stop))
                outcome = await self._send(call, call_id, endpoint, server)
                pushed_back = isinstance(outcome, Trouble) and outcome.kind in ("pushed_back", "timeout")
                server.limit.record(generation, pushed_back)
                if isinstance(outcome, Record):
                    server.answered()
                    self._keep(outcome)
                    return outcome
            now = time.monotonic()
            tries[outcome.kind] += 1
            first_failed = first_failed or now
            self.tally.retried[outcome.kind] += 1
            others = server.answered_at is not None and server.answered_at > first_failed
            patience = endpoint.patience_s if any(other.answered_at for other in servers) else endpoint.first_answer_s
            decision = next_try(outcome, tries[outcome.kind], now - first_failed, others, patience)
            if decision == "stop":
                kind, says = explain_trouble(outcome, endpoint)
                raise EndpointError(says, kind)
            if decision == "give up":
                answer = Answer(outcome.kind, f"{outcome.detail} ({tries.total()} tries)")
                record = self._record(call, call_id, endpoint, server, answer)
                self._keep(record)
                return record
            assert isinstance(decision, float)
            if outcome.kind == "unreachable":
                server.down_until = now + decision
            await self._pause(decision)

    async def _pause(self, seconds: float) -> None:
        """Wait for the next try; a stopped run does not wait."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    async def _send(self, call: Call, call_id: str, endpoint: Endpoint, server: Server) -> Record | Trouble:
        import httpx2

        started = time.time()
        body: dict[str, object] = {
            "model": endpoint.model,
            "messages": wire(call.messages, self.read_image),
            "max_tokens": call.max_tokens,
            "temperature": call.temperature,
            "seed": call.seed,
            **call.extra,
        }
        if call.role in self._unstructured:
            body.pop("response_format", None)
        received: Json = None
        try:
            # The typed `chat.completions.create` spends 4 ms of CPU a call on its types, this 1 ms; key and errors are
            # the client's all the same.
            response = await server.client.post("/chat/completions", cast_to=httpx2.Response, body=body)
            received = response.json()
            answer = read_answer(received)
        except openai.BadRequestError as error:
            if "response_format" in body and refuses_structure(str(error)):
                self._unstructured.add(call.role)  # from now on: the answer is read tolerantly
                return await self._send(call, call_id, endpoint, server)
            answer = Answer(bad_request_kind(str(error)), short(error))
        except openai.OpenAIError as error:
            return trouble_of(error, endpoint)
        except ValueError as error:  # no JSON, or JSON of another form
            answer = Answer("failed", f"the answer is no chat completion: {short(error)}")
        return self._record(call, call_id, endpoint, server, answer, read_usage(received), time.time() - started)

    def _record(
        self,
        call: Call,
        call_id: str,
        endpoint: Endpoint,
        server: Server,
        answer: Answer,
        usage: TokenUsage = NO_TOKENS,
        latency_s: float = 0.0,
    ) -> Record:
        price = self._prices[call.role]
        return Record(
            call_id=call_id,
            role=call.role,
            model=endpoint.model,
            endpoint=server.url,
            template=call.template,
            sample=call.sample,
            step=call.step,
            status=answer.status,
            text=answer.text if answer.status in ANSWERED else "",
            detail=answer.detail,
            finish_reason=answer.finish_reason,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            cost_usd=price.of(*usage) if price else 0.0,
            latency_s=latency_s,
            at=time.time(),
            run=self.run_label,
        )

    def _keep(self, record: Record) -> None:
        """Write the record to the ledger and count it; a ledger that takes no further row stops the run."""
        try:
            self.ledger.put(record)
        except DBAPIError as error:
            why = short(Exception(error.orig))
            unusable = LedgerError(
                f"The ledger {self.ledger.url} takes no further answer ({why}): free some space, "
                "or repair it, then run again."
            )
            self.stop(unusable)  # now: the slot that this call frees must not go to one more
            raise unusable from error
        tally = self.tally
        tally.made += 1
        tally.prompt_tokens += record.prompt_tokens
        tally.cached_tokens += record.cached_tokens
        tally.completion_tokens += record.completion_tokens
        tally.cost_usd += record.cost_usd
        tally.latency_s += record.latency_s
        if record.status != "ok":
            tally.failed[record.status] += 1
        self.budget.spend(record.cost_usd, record.prompt_tokens + record.completion_tokens)


async def _within(work: Awaitable[Result], seconds: float) -> Result:
    """`work`, or AnswerError("overdue") where a document takes longer than `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise AnswerError("overdue", f"the document took longer than {seconds:g} s") from error
