"""ModelEngine: asks each role's servers, at most once per question, with as many samples open as the slots need."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeVar

from resources.endpoints import Endpoint
from resources.engine.answers import NO_TOKENS, Answer
from resources.engine.attempts import answers, attempt_that_counts, note_call, within
from resources.engine.exchange import Exchange, Exchanged
from resources.engine.fuse import Fuse
from resources.engine.interrupt import draining
from resources.engine.money import Budget, Price, price_of
from resources.engine.order import Waiting, open_samples
from resources.engine.progress import EVERY_S, Progress, Tally, Usage, logger
from resources.engine.prompt_watch import PromptWatch
from resources.engine.request import Images
from resources.engine.retries import Trouble, next_try
from resources.engine.server import Server, choose
from resources.engine.server_memory import ServerMemory
from resources.engine.starting import Starting
from resources.engine.verdicts import explain_trouble
from resources.failures import AnswerError, EndpointError, LedgerError, StoppedError
from resources.ledger import WITH_TEXT, Ledger, Record
from resources.messages import Call, Role
from resources.secrets import mask
from resources.sent_prompts import PromptKeeper
from resources.structured_output import second_try
from resources.text.shown import clean_text, number_of
from resources.vllm.asked_of_servers import OwnServer

DOWN_S = 15.0  # a server that cannot be reached is left alone for so long, where another one is there
Item = TypeVar("Item")
Result = TypeVar("Result")


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
    the run that is called `run` may spend; what it has spent so far is read from the ledger. ledger_alone: no model is
    asked: what failed before has failed, and what was never asked stops the run. again: keys of calls whose answers
    are not to be used, because a person asks for another: each is asked in a further attempt, with a key of its own.
    own: starts the servers of endpoints that are `served`, when a call is about to be sent to one.
    """

    def __init__(
        self,
        endpoints: Mapping[Role, Endpoint],
        ledger: Ledger,
        read_image: Callable[[str], bytes],
        prices: Mapping[str, Price] | None = None,
        budget: Budget | None = None,
        run: str = "",
        ledger_alone: bool = False,
        again: Container[str] = (),
        own: OwnServer | None = None,
    ) -> None:
        self.endpoints, self.ledger_alone, self._again = endpoints, ledger_alone, again
        self._starting = Starting(own)
        self.ledger, self._prompts = ledger, PromptKeeper(ledger)
        open_samples_most = max(
            (open_samples(each.window, each.concurrency * len(each.urls)) for each in endpoints.values()), default=1
        )
        self._images = Images(read_image, open_samples_most)
        self.budget, self.run_label = budget or Budget(), run
        self.tally = Tally()
        self.servers: dict[Role, list[Server]] = {}
        self._prices = {
            role: price_of(endpoint.model, prices or {}, endpoint.base_url) for role, endpoint in endpoints.items()
        }
        self._stop: Exception | None = None
        self._stopped = asyncio.Event()
        self._progress: Progress | None = None
        self._places, self._asking = dict[str, int](), dict[str, asyncio.Event]()
        self._exchanges: dict[Server, Exchange] = {}
        self._fuses = {role: Fuse() for role in endpoints}
        self._watches = {role: PromptWatch() for role in endpoints}

    async def __aenter__(self) -> Self:
        memories: dict[str, ServerMemory] = {}
        for role, endpoint in self.endpoints.items():
            self.servers[role] = []
            for url in endpoint.urls:
                found = ServerMemory(self.ledger, url, endpoint.model, endpoint.wire)
                server = Server(endpoint, url, memories.setdefault(found.key, found))
                self.servers[role].append(server)
                self._exchanges[server] = self._exchange(endpoint, server)
            self._fuses[role].known = self.ledger.answered(role, endpoint.model)
        if self.run_label:
            self.budget.spend(*self.ledger.spent(self.run_label))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.tally.served |= await self._starting.figures()
        for servers in self.servers.values():
            for server in servers:
                await server.client.close()

    def _exchange(self, endpoint: Endpoint, server: Server) -> Exchange:
        def taught() -> None:
            self.tally.retried["profile"] += 1

        return Exchange(endpoint, server.client, server.memory, self._images, self._may_send, taught)

    def key(self, call: Call) -> str:
        """The ledger's key of a call, in the attempt that counts."""
        return self._attempt(call)[1]

    def _attempt(self, call: Call) -> tuple[Call, str]:
        """The attempt that counts, and its key. A run that may ask no model stays at the last one that was asked."""
        endpoint = self.endpoints[call.role]
        return attempt_that_counts(
            endpoint.in_full(call),
            lambda each: each.key(endpoint.model, endpoint.wire.extra),
            self._again,
            lambda call_id: not self.ledger_alone or self.ledger.get(call_id) is not None,
        )

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
        call, call_id = self._attempt(call)
        note_call(call_id)
        while (other := self._asking.get(call_id)) is not None:
            await other.wait()  # the same question is in flight: its answer serves both
        record = self.ledger.get(call_id)
        if record is None and self.ledger_alone:
            raise EndpointError(
                f"The ledger has no answer to what {call.step} of {call.sample} asks the {call.role} "
                f"({self.endpoints[call.role].model}), and this run may ask no model: run shard_job for this shard.",
                "not_answered",
            )
        replayed = record is not None and (self.ledger_alone or answers(record, call))
        if record is None or not replayed:
            self._asking[call_id] = asyncio.Event()
            try:
                record = await self._obtain(call, call_id)
            finally:
                self._asking.pop(call_id).set()
        else:
            self.tally.replayed += 1
            self._prompts.complete(record, call.messages)
            self._fuses[call.role].note("ok", "")
        usage = Usage(record.prompt_tokens, record.cached_tokens, record.completion_tokens, record.cost_usd)
        self.tally.asked[call_id] = usage
        if self._progress:
            self._progress.step(asked=call)
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

    async def ask_whole(self, call: Call) -> Reply:
        """`ask`, and once more where the answer was empty, or cut and is of use only whole (`second_try`)."""
        try:
            return await self.ask(call)
        except AnswerError as error:
            if error.kind not in ("empty", "truncated"):
                raise
            return await self.ask(second_try(call, error))

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
                open_now[asyncio.ensure_future(within(work(item), endpoint.document_s))] = item
            for server in servers:
                server.tail = opened == len(items)

        heart = asyncio.ensure_future(self._heartbeat(what, servers))
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
                if self._stop is not None and not isinstance(self._stop, StoppedError):
                    raise self._stop  # also where every item has ended by then: they all failed for the same reason
                if self._stop is not None and progress.done < len(items):
                    says = (
                        f"{what}: {self._stop}. {progress.done} of {len(items)} are done, "
                        f"{len(items) - progress.done} are left; run it again to go on, nothing is paid twice."
                    )
                    logger.warning(says)  # a signal goes on after this, and would hide the exception's words
                    raise StoppedError(says)
            finally:
                self._progress = None
                heart.cancel()
                for task in open_now:
                    task.cancel()
                await asyncio.gather(heart, *open_now, return_exceptions=True)

    def _may_send(self) -> None:
        if self._stop is None and (spent := self.budget.spent()):
            self.stop(spent)
        if self._stop is not None:
            raise StoppedError(str(self._stop))

    async def _heartbeat(self, what: str, servers: Sequence[Server]) -> None:
        """A line every few seconds while a server is away, or the last calls end after a stop."""
        while True:
            await asyncio.sleep(EVERY_S)
            in_flight = sum(server.in_flight for server in servers)
            if self._stop is not None and in_flight:
                ends = f"{number_of(in_flight, 'call')} in flight {'ends' if in_flight == 1 else 'end'} first"
                logger.info("%s", f"{what}: stopping ({self._stop}); {ends}")
                continue
            for says in filter(None, (server.waiting() for server in servers)):
                logger.info("%s", f"{what}: {says}")

    async def _obtain(self, call: Call, call_id: str) -> Record:
        """Send, with retries, until there is an answer or a failure to record; the ledger holds it on return."""
        endpoint, servers = self.endpoints[call.role], self.servers[call.role]
        place = self._places.setdefault(call.sample, len(self._places))
        tries, first_failed, paid = Counter[str](), 0.0, NO_TOKENS
        while True:
            server = choose(servers, call.sample, time.monotonic())
            async with server.slot(Waiting(place, call.left)) as generation:
                self._may_send()
                if not await self._starting.up(endpoint, server, servers, self._stopped.is_set):
                    continue
                outcome = await self._exchanges[server].send(call, paid)
                pushed_back = isinstance(outcome, Trouble) and outcome.kind in ("pushed_back", "timeout")
                server.limit.record(generation, pushed_back)
                if isinstance(outcome, Exchanged):
                    server.answered()
                    record = self._record(call, call_id, server, outcome)
                    self._keep(record, call)
                    self._watch(call, record, outcome)
                    return record
            now, paid = time.monotonic(), outcome.usage
            tries[outcome.kind] += 1
            first_failed = first_failed or now
            self.tally.retried[outcome.kind] += 1
            others = server.answered_at is not None and server.answered_at > first_failed
            decision = next_try(
                outcome, tries[outcome.kind], now - first_failed, others, self._patience(outcome, endpoint, servers)
            )
            if decision == "stop":
                kind, says = explain_trouble(outcome, endpoint)
                raise EndpointError(says, kind)
            if decision == "give up":
                answer = Answer(outcome.kind, f"{outcome.detail} ({tries.total()} tries)")
                record = self._record(call, call_id, server, Exchanged(answer, "", paid, 0.0))
                self._keep(record, call)
                return record
            assert isinstance(decision, float)
            server.away(outcome.detail)
            if outcome.kind == "unreachable":
                server.down_until = now + decision
                if any(other.down_until <= now for other in servers):  # it answers in place of this one
                    server.down_until = now + DOWN_S
                    continue
            await self._pause(decision)

    def _patience(self, trouble: Trouble, endpoint: Endpoint, servers: Sequence[Server]) -> float:
        """Seconds for a server that answers no call: in full where it is there, or has ever been."""
        known = any(server.answered_at or server.memory.memory.answered for server in servers)
        return endpoint.patience_s if known or trouble.kind == "pushed_back" else endpoint.startup_s

    def _watch(self, call: Call, record: Record, outcome: Exchanged) -> None:
        """Stop where the first calls of a role all end the same way, or where a server cuts prompts silently."""
        endpoint = self.endpoints[call.role]
        if call.role != "student" and self._fuses[call.role].note(record.status, record.detail):
            self.stop(
                EndpointError(
                    f"The {call.role} at {record.endpoint} answered the first calls all alike, `{record.status}`: "
                    f"{record.detail}. Check {endpoint.prefix}_BASE_URL, _MODEL and _EXTRA; `lwv check` shows what "
                    "the server takes.",
                    "rejected",
                )
            )
        if record.status == "ok" and self._watches[call.role].cut(call, outcome.answer.usage.prompt):
            self.stop(
                EndpointError(
                    f"The {call.role} at {record.endpoint} counts {outcome.answer.usage.prompt:,} prompt tokens for "
                    "prompts of different lengths: it drops what does not fit its context, the images first. Raise it "
                    f"(Ollama: OLLAMA_CONTEXT_LENGTH or num_ctx), forget these calls (`lwv forget --role {call.role} "
                    f"--since 1h`), and run again. The model is '{endpoint.model}'.",
                    "context",
                )
            )

    async def _pause(self, seconds: float) -> None:
        """Wait for the next try; a stopped run does not wait."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    def _record(self, call: Call, call_id: str, server: Server, outcome: Exchanged) -> Record:
        answer, usage, price = outcome.answer, outcome.usage, self._prices[call.role]
        cost = price.of(usage.prompt, usage.cached, usage.completion) if price else 0.0
        return Record(
            call_id=call_id,
            role=call.role,
            model=self.endpoints[call.role].model,
            endpoint=mask(server.url),
            template=call.template,
            sample=call.sample,
            step=call.step,
            status=answer.status,
            text=mask(answer.text) if answer.status in WITH_TEXT else "",
            detail=mask(answer.detail),
            finish_reason=answer.finish_reason,
            prompt_tokens=usage.prompt,
            cached_tokens=usage.cached,
            completion_tokens=usage.completion,
            cost_usd=cost if usage.usd is None else usage.usd,
            latency_s=outcome.latency_s,
            at=time.time(),
            run=self.run_label,
            sent=mask(clean_text(outcome.record)),
            served=answer.served,
        )

    def _keep(self, record: Record, call: Call) -> None:
        """Write the record with what was sent, and count it; a ledger that takes no further row stops the run."""
        try:
            self._prompts.put(record, call.messages)
        except LedgerError as error:
            self.stop(error)  # now: the slot that this call frees must not go to one more
            raise
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
