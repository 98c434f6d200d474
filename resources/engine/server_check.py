"""A few calls to one server before a run: what it takes, how it answers, what it costs. Nothing of it is in the ledger
but the server's profile, which is learnt anew.
"""

import asyncio
import hashlib
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from resources.endpoints import Endpoint
from resources.engine.exchange import Exchange, Exchanged, first_profile
from resources.engine.known_models import KnownModel, known
from resources.engine.money import Price, price_of
from resources.engine.profile import Profile
from resources.engine.request import Images
from resources.engine.retries import Trouble
from resources.engine.server_facts import NOTHING, ServerFacts, ask_facts
from resources.engine.server_memory import Kept, ServerMemory
from resources.engine.verdicts import explain_trouble
from resources.failures import EndpointError
from resources.messages import Call, Image, Message, user
from resources.text.words import count_words

NUMBER = "4721"  # that stands in the picture
LONG_WORDS = 250
ALIVE_S = 6.0  # for any sign of life
FIRST_PAUSE_S = 0.2
PUSHED_BACK_S = 6.0  # for a server that pushes back, or is still loading
YES_OR_NO = {
    "type": "json_schema",
    "json_schema": {
        "name": "answer",
        "strict": True,
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["salty", "reason"],
            "properties": {"salty": {"type": "boolean"}, "reason": {"type": "string"}},
        },
    },
}


class Finding(NamedTuple):
    """One line of the result. good: None where it is a fact and no test."""

    name: str
    good: bool | None
    says: str


@dataclass
class Checked:
    """What was found of one server and model. problem: why no run can use it, empty: it can."""

    findings: list[Finding] = field(default_factory=list)
    problem: str = ""
    context: int | None = None  # tokens, where they are known
    profile: Profile = field(default_factory=Profile)
    first: Profile = field(default_factory=Profile)


def probes(picture: str) -> dict[str, Call]:
    """The calls, by name. picture: sha256 of the image with the number."""

    def call(name: str, tokens: int, *parts: str | Image, schema: Mapping[str, object] | None = None) -> Call:
        messages: Sequence[Message] = (Message("system", ("You answer briefly.",)), user(*parts))
        extra = {"response_format": schema} if schema else {}
        return Call("teacher", messages, "check@1", "check", name, max_tokens=tokens, extra=extra)

    return {
        "text": call("text", 200, "Write one sentence about the sea."),
        "image": call("image", 200, Image(picture), "Which number stands in the picture? Answer with the number."),
        "structured output": call(
            "structured output",
            300,
            'Is the sea salty? Answer with one JSON object and nothing else: {"salty": true or false, "reason": "…"}',
            schema=YES_OR_NO,
        ),
        "long answer": call(
            "long answer", 512 + 4 * LONG_WORDS, f"Write a text of about {LONG_WORDS} words about rivers."
        ),
    }


def picture_of(number: str) -> bytes:
    """A JPEG with a number in large digits."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    with Pillow.new("RGB", (336, 168), "white") as image:
        ImageDraw.Draw(image).text((60, 40), number, fill="black", font=ImageFont.load_default(size=80))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=90)
    return out.getvalue()


async def check(
    endpoint: Endpoint, url: str, kept: Kept, own_prices: Mapping[str, Price], wait_s: float, address: str = ""
) -> Checked:
    """What the server at `url`, one of the endpoint's, takes. kept: where its profile is; wait_s: for one answer;
    address: where it is, if that is not `url` (a server of ours)."""
    picture = picture_of(NUMBER)
    sha256 = hashlib.sha256(picture).hexdigest()
    memory = ServerMemory(kept, url, endpoint.model, endpoint.wire, fresh=True)
    found = Checked(first=first_profile(endpoint))
    async with endpoint.client(address or url) as client:
        exchange = Exchange(endpoint, client, memory, Images(lambda _: picture, 1), lambda: None, lambda: None)
        listed = asyncio.ensure_future(ask_facts(client, endpoint.model))
        calls = probes(sha256)
        try:
            first = await _first(exchange, calls.pop("text"), listed, wait_s)
            found.findings.append(_finding("text", first))
            others = await asyncio.gather(*(_ask(exchange, call, wait_s) for call in calls.values()))
            found.findings += [_finding(name, outcome) for name, outcome in zip(calls, others, strict=True)]
        except EndpointError as error:
            found.problem = str(error)
        except asyncio.CancelledError:
            listed.cancel()
            raise
        finally:
            facts = await listed
    found.profile = memory.profile(found.first)
    model = known(endpoint.model, endpoint.base_url)
    found.context = facts.context or (model.context if model else None)
    found.findings += facts_found(endpoint, facts, model, own_prices)
    failed = next((line for line in found.findings if line.good is False), None)
    if failed and not found.problem:
        advice = f"Check {endpoint.prefix}_BASE_URL, _MODEL and _EXTRA (docs/servers.md)."
        found.problem = f"{failed.name}: {failed.says.rstrip('.')}. {advice}"
    return found


async def _first(exchange: Exchange, call: Call, listed: "asyncio.Future[ServerFacts]", wait_s: float) -> Exchanged:
    """The first answer; a server that gives no sign of life is not waited for."""
    alive_s = min(max(ALIVE_S, exchange.endpoint.startup_s + 1), wait_s)  # one that is being started is waited for
    asked = asyncio.ensure_future(_ask(exchange, call, wait_s))
    try:
        await asyncio.wait({asked}, timeout=alive_s)
    except asyncio.CancelledError:  # Ctrl+C
        asked.cancel()
        raise
    alive = listed.done() and not listed.cancelled() and listed.result() != NOTHING
    if not asked.done() and not alive:
        asked.cancel()
        raise EndpointError(
            f"The {exchange.endpoint.role} at {exchange.endpoint.base_url} has answered nothing in {alive_s:g} s: is "
            f"it the right address ({exchange.endpoint.prefix}_BASE_URL), and is the server up?",
            "timeout",
        )
    return await asked


async def _ask(exchange: Exchange, call: Call, wait_s: float) -> Exchanged:
    """The answer to a probe. Raises EndpointError where there is none."""
    started, pause = time.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            async with asyncio.timeout(wait_s):
                outcome = await exchange.send(call)
        except TimeoutError:
            outcome = Trouble("timeout", f"no answer in {wait_s:g} s")
        once_more = pause == FIRST_PAUSE_S
        if isinstance(outcome, Exchanged):
            if outcome.answer.status != "empty" or not once_more:
                return outcome
            outcome = Trouble("server_error", outcome.answer.detail)
        wait = outcome.retry_after_s or pause
        patience = {"pushed_back": PUSHED_BACK_S, "unreachable": exchange.endpoint.startup_s}.get(outcome.kind, 0.0)
        patient = once_more or time.monotonic() + wait < started + patience
        if outcome.kind == "timeout" or not patient:
            kind, says = explain_trouble(outcome, exchange.endpoint)
            raise EndpointError(says, kind)
        await asyncio.sleep(wait)
        pause = min(2.0, 2 * pause + 0.1)


def _finding(name: str, outcome: Exchanged) -> Finding:
    """What a probe's answer shows."""
    answer, tokens = outcome.answer, outcome.usage.completion
    speed = f"{outcome.latency_s:.1f} s" + (f", {tokens / outcome.latency_s:.0f} tokens/s" if tokens else "")
    if answer.status != "ok" and not (name == "long answer" and answer.status == "truncated"):
        return Finding(name, False, f"`{answer.status}`: {answer.detail}")
    thinks = ", with thoughts" if answer.thought else ""
    if name == "image":
        read = NUMBER in "".join(filter(str.isdigit, answer.text))
        said = " ".join(answer.text.split())[:60]
        return Finding(name, None if not read else True, "read" if read else f'taken, but the answer was "{said}"')
    if name == "structured output":
        return Finding(name, None, _structured(outcome, answer.text))
    if name == "long answer":
        return Finding(name, True, f"{count_words(answer.text)} words of {LONG_WORDS}, {speed}{thinks}")
    return Finding(name, True, f"{speed}{thinks}")


def _structured(outcome: Exchanged, text: str) -> str:
    level = str(json.loads(outcome.record or "{}").get("structure", "none"))
    how = {
        "schema": "by schema",
        "plain": "by schema, without bounds",
        "json": "as JSON, without a schema",
        "none": "not taken: answers are read as they come",
    }[level]
    return how if '"salty"' in text else f'{how}; the answer was "{" ".join(text.split())[:60]}"'


def facts_found(
    endpoint: Endpoint, facts: ServerFacts, model: KnownModel | None, own: Mapping[str, Price]
) -> list[Finding]:
    """Context, price and the list of models, from the server's own word or the table of known models."""
    found = []
    if facts.models and endpoint.model not in facts.models:
        found.append(Finding("its models", None, f"'{endpoint.model}' is not among {', '.join(facts.models[:8])}"))
    context = facts.context or (model.context if model else None)
    source = "its list of models" if facts.context else "known of the model"
    found.append(Finding("context", None, f"{context:,} tokens ({source})" if context else "not known"))
    price = price_of(endpoint.model, own, endpoint.base_url)
    says = f"${price.prompt:g} in and ${price.completion:g} out for a million tokens" if price else (
        f'not known: for a budget in dollars write `"{endpoint.model}" = [prompt, cached, completion]` into a file and '
        "name it in LWV_PRICES"
    )  # fmt: skip
    found.append(Finding("price", None, says))
    return found


def same_server(endpoints: Sequence[Endpoint]) -> list[list[Endpoint]]:
    """The endpoints that are asked of the same server, model and fields with the same key and headers: one check
    serves them."""
    groups: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        if not endpoint.embedded:
            key = endpoint.api_key.get_secret_value() if endpoint.api_key else ""
            asked = f"{endpoint.urls} {endpoint.model} {endpoint.wire!r} {endpoint.wire.headers} {key}"
            groups.setdefault(asked, []).append(endpoint)
    return list(groups.values())
