"""Our engine alone on the benchmark's job: a plan, then its sections, each after the ones before it."""

import argparse
import asyncio
import json
import resource
from pathlib import Path

from bench.engine.server import work_line
from resources.endpoints import Endpoint
from resources.engine import ModelEngine
from resources.ledger import Ledger
from resources.messages import Call, Message, assistant, system, user


async def write_sample(engine: ModelEngine, sample: int) -> int:
    """Returns the words written."""
    messages: list[Message] = [system("You write long texts."), user(f"Plan. {work_line(sample, 0)}")]
    text = (await engine.ask(Call("teacher", tuple(messages), "bench@1", str(sample), "plan"))).text
    words = 0
    sections = int(text.removeprefix("sections: "))
    for step in range(1, sections + 1):
        messages += [assistant(text), user(work_line(sample, step))]
        text = (await engine.ask(Call("teacher", tuple(messages), "bench@1", str(sample), f"section-{step}",
                                      left=sections - step + 1))).text
        words += len(text.split())
    return words


async def write_all(url: str, samples: int, slots: int, home: Path) -> None:
    endpoint = Endpoint("teacher", url, "bench", concurrency=slots)
    async with ModelEngine({"teacher": endpoint}, Ledger.at(home), lambda _: b"") as engine:
        runs = engine.run(range(samples), lambda sample: write_sample(engine, sample), "teacher", "bench")
        async for _, words in runs:
            if isinstance(words, Exception):
                raise words
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"calls": engine.tally.made, "cpu_s": used.ru_utime + used.ru_stime,
                      "rss_mb": used.ru_maxrss / 1024}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(write_all(options.url, options.samples, options.slots, options.home))


if __name__ == "__main__":
    main()
