"""What is known of one server and model in this process: its profile, what is being tried out, and who goes first."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from resources.endpoints import Wire
from resources.engine.learning import Lesson
from resources.engine.profile import Memory, Profile, now, read_memory
from resources.engine.request import Request
from resources.messages import Call, Image
from resources.secrets import mask

HOLD_S = 5.0  # a refusal comes at once: others wait so long for the first call of its kind
HOLD_FIRST_S = 60.0  # for the first call that a server ever gets: it also teaches how long a model thinks


class Kept(Protocol):
    """Where memories are kept between runs: the ledger's database."""

    def get_profile(self, key: str) -> str | None:
        """The JSON that was kept, if any."""

    def put_profile(self, key: str, url: str, model: str, memory: str) -> None:
        """Keep it."""


class ServerMemory:
    """One for each server, model, LWV_<ROLE>_EXTRA and _HEADERS; roles that share them share it."""

    def __init__(self, kept: Kept, url: str, model: str, wire: Wire, fresh: bool = False) -> None:
        """fresh: nothing that was learnt before counts."""
        self._kept, self.url, self.model = kept, url, model
        asked = [url, model, wire.extra, *([wire.headers] if wire.headers else [])]  # a header may name the provider
        self.key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        self.memory = Memory() if fresh else read_memory(kept.get_profile(self.key) or "")
        self._tried: set[str] = set()
        self._first: asyncio.Future[None] | None = None

    def profile(self, first: Profile) -> Profile:
        """By which the next request is written; first: what a role's settings say."""
        return self.memory.applied(first)

    def trial(self, call: Call, first: Profile) -> str | None:
        """A knob whose change may rest on a passing fault, and that this call would try out; each once in a run."""
        if not self.memory.learnt:
            return None
        for knob in self.memory.doubtful(now()):
            if knob not in self._tried and _tries_out(knob, call, self.profile(first)):
                self._tried.add(knob)
                return knob
        return None

    def learn(self, lesson: Lesson) -> bool:
        """Keep a change; false where it was known."""
        known = self.memory.learnt.get(lesson.knob)
        self._tried.discard(lesson.knob)
        self.memory = self.memory.learn(lesson.knob, lesson.value, now())
        self._keep()
        return known is None or known.value != lesson.value

    def confirm(self, lesson: Lesson) -> None:
        """A refusal of what was tried out again: what was learnt holds for good."""
        known = self.memory.learnt.get(lesson.knob)
        value = known.value if known is not None else lesson.value
        self.memory = self.memory.learn(lesson.knob, value, now(), sure=True)
        self._keep()

    def forget(self, knob: str) -> None:
        """The server took what it had refused."""
        self.memory = self.memory.forget(knob)
        self._keep()

    def taken(self, request: Request) -> None:
        """The server answered this request: what is within its reach is nothing new."""
        reach = self.memory.reach.with_(request.reach)
        if reach != self.memory.reach or not self.memory.answered:
            self.memory = Memory(self.memory.learnt, reach, answered=True)
            self._keep()

    @asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[None]:
        """Of calls that ask for what the server has not given yet, one goes first; the others learn from it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self.memory.reach.covers(request.reach):
            if self._first is None:
                self._first = loop.create_future()
                try:
                    yield
                finally:
                    self._first.set_result(None)
                    self._first = None
                return
            hold = HOLD_S if self.memory.answered else HOLD_FIRST_S
            done, _ = await asyncio.wait({self._first}, timeout=max(0.0, began + hold - loop.time()))
            if not done:
                break  # it is being answered: no refusal; or several were, and taught nothing
        yield

    def _keep(self) -> None:
        self._kept.put_profile(self.key, mask(self.url), self.model, self.memory.as_json())


def _tries_out(knob: str, call: Call, profile: Profile) -> bool:
    """Whether a request of this call would be another one without the change."""
    if knob == "structure":
        return "response_format" in call.extra
    if knob == "most_tokens":
        return profile.most_tokens is not None and call.max_tokens + profile.thinking > profile.most_tokens
    if knob == "most_images":
        images = sum(isinstance(part, Image) for message in call.messages for part in message.parts)
        return profile.most_images is not None and images > profile.most_images
    return True
